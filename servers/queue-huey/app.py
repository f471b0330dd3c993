"""The web process: jobs go into Huey's table, and a record of each beside it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from anyio import CapacityLimiter, to_thread
from job_front import UNSURE_NS, Contract, Job, Queue, Unavailable, front
from job_work import KEEPS_S, LOST, MOST
from records import Records
from tasks import huey, predict

# SQLite takes one writer at a time; in a thread, so that the event loop stays free.
one_at_a_time = CapacityLimiter(1)
Answer = TypeVar("Answer")


class HueyQueue(Queue):
    keeps_s = KEEPS_S

    def __init__(self) -> None:
        self._records = Records()
        self._unseen: set[str] = set()

    async def submit(self, name: str, payload: bytes) -> None:
        if not await asked(lambda: self._submit(name, payload)):
            raise Unavailable(f"The queue is full: {MOST} jobs are unfinished. Try again later.")

    def _submit(self, name: str, payload: bytes) -> bool:
        if not self._records.submit(name, payload):
            return False
        try:
            huey.enqueue(predict.task_class((name,), id=name))
        except sqlite3.Error:
            self._records.forget(name)
            raise
        return True

    async def look(self, name: str) -> Job | None:
        return await asked(lambda: self._records.look(name))

    async def sweep(self) -> None:
        await asked(self._sweep)

    def _sweep(self) -> None:
        old = self._records.open_before(time.monotonic_ns() - UNSURE_NS)
        if old:
            old -= {huey.deserialize_task(data).id for data in huey.storage.everything()}
        for name in old & self._unseen:
            self._records.finish(name, LOST)
        self._unseen = old


async def asked(call: Callable[[], Answer]) -> Answer:
    """Raises Unavailable where SQLite refuses, with what it says."""
    try:
        return await to_thread.run_sync(call, limiter=one_at_a_time)
    except sqlite3.Error as error:
        raise Unavailable(f"The queue's file refuses: {error}.") from error


app = front(HueyQueue, Contract())
