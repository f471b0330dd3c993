"""Queues whose law is known: they say when each request is through, and take that long.

Departures are computed, not slept one after another: the lateness of a timer does not add up.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections import deque

SERVICE_S = 1e-3
BATCH, BATCH_S, INSTANCE_S = 8, 2e-3, 0.25e-3


class Single:
    """One server, first come first served."""

    def __init__(self, exponential: bool) -> None:
        self._exponential = exponential
        self._random = random.Random(7)
        self._free_at = 0.0

    async def through(self) -> None:
        service_s = SERVICE_S
        if self._exponential:
            service_s = self._random.expovariate(1 / SERVICE_S)
        self._free_at = max(time.monotonic(), self._free_at) + service_s
        await until(self._free_at)


class Batching:
    """One server that takes all that wait, up to a batch, whenever it is free."""

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._free_at = 0.0
        self._worker: asyncio.Task[None] | None = None

    async def through(self) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((time.monotonic(), done))
        if self._worker is None or self._worker.done():
            self._worker = asyncio.create_task(self._work())
        await done

    async def _work(self) -> None:
        while self._waiting:
            begin = max(self._free_at, self._waiting[0][0])
            batch = []
            while self._waiting and len(batch) < BATCH and self._waiting[0][0] <= begin:
                batch.append(self._waiting.popleft()[1])
            self._free_at = begin + BATCH_S + INSTANCE_S * len(batch)
            await until(self._free_at)
            for done in batch:
                if not done.done():
                    done.set_result(None)


QUEUES = {
    "M/M/1": lambda: Single(exponential=True),
    "M/D/1": lambda: Single(exponential=False),
    "batching": Batching,
}


async def until(moment: float) -> None:
    """Sleep to a moment of CLOCK_MONOTONIC; an event loop's timer may end early."""
    while (left_s := moment - time.monotonic()) > 0:
        await asyncio.sleep(left_s)
