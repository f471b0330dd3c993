"""The gateway of an Async API: payloads go into a store, their ids into a queue.

https://github.com/cortexlabs/cortex/tree/master/pkg/async-gateway has the contract; a full queue is
not in it, since that of Cortex has no end.
"""

from __future__ import annotations

import os

import async_store
from anyio import to_thread
from fastapi import Response
from job_front import Contract, Job, Unavailable, front
from job_records import RedisQueue


class Gateway(Contract):
    """Takes any payload: what is wrong with it is for the container to say."""

    def wrong_with(self, content_type: str, body: bytes) -> str | None:  # noqa: ARG002
        return None if content_type else "missing Content-Type key in request header"

    def told(self, name: str, job: Job) -> dict[str, str]:
        # Why a job failed stands in the logs of its container alone.
        return {"id": name, "status": job.status}

    def unknown(self, name: str, keeps_s: float) -> str:  # noqa: ARG002
        return f"id {name} not found"

    def refusal(self, status: int, why: str) -> Response:
        return Response(f"error: {why}", status, media_type="text/plain")


class StoreAndQueue(RedisQueue):
    async def submit(self, name: str, payload: bytes) -> None:
        try:
            await to_thread.run_sync(async_store.keep, name, payload)
        except OSError as error:
            raise Unavailable(f"The payload can't be stored: {error}.") from error
        try:
            await super().submit(name, b"")
        except Unavailable:
            async_store.drop(name)
            raise


app = front(lambda: StoreAndQueue(os.environ["QUEUE_URL"], has_stream=True), Gateway())
