"""The web process: jobs go to Celery's workers, and a record of each stands in Redis."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import partial

from anyio import CapacityLimiter, to_thread
from job_front import Contract, Unavailable, front
from job_records import RedisQueue, reached
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError
from tasks import QUEUE, TASK, UNACKED
from tasks import app as celery

# Messages are sent one after the other, in the order in which they came.
one_at_a_time = CapacityLimiter(1)


class CeleryQueue(RedisQueue):
    """Recorded first, then sent: what dies in between has given nobody an id, and is swept up."""

    async def submit(self, name: str, payload: bytes) -> None:
        await super().submit(name, payload)
        send = partial(celery.send_task, TASK, (name, payload.decode()), task_id=name)
        try:
            await to_thread.run_sync(send, limiter=one_at_a_time)
        except (OperationalError, RedisError, OSError) as error:
            await self.forget(name)
            raise Unavailable(f"The broker refuses: {error}.") from error

    async def missing(self, names: list[str]) -> Iterable[str]:
        waiting = await reached(self.client.lrange(QUEUE, 0, -1))
        taken = await reached(self.client.hvals(UNACKED))
        there = {json.loads(each)["headers"]["id"] for each in waiting}
        there |= {json.loads(each)[0]["headers"]["id"] for each in taken}
        return [name for name in names if name not in there]


app = front(lambda: CeleryQueue(os.environ["QUEUE_URL"], has_stream=False), Contract())
