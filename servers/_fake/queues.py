"""Queues whose law is known: they say when each request is through, and take that long.

Departures are computed, not slept one after another: the lateness of a timer does not add up.
"""

from __future__ import annotations

import asyncio
import os
import random
import time
from collections import deque

SERVICE_S = 1e-3
BATCH, BATCH_S, INSTANCE_S = 8, 2e-3, 0.25e-3
PAD_S, ROW_S, CPUS = 6e-3, 1.5e-3, 2


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
    """Servers that take all that wait, up to a batch, whenever one of them is free."""

    def __init__(
        self,
        servers: int = 1,
        most: int = BATCH,
        batch_s: float = BATCH_S,
        instance_s: float = INSTANCE_S,
    ) -> None:
        self._most, self._batch_s, self._instance_s = most, batch_s, instance_s
        self._free_at = [0.0] * servers
        self._waiting: deque[tuple[float, asyncio.Future[None]]] = deque()
        self._dealing: asyncio.Task[None] | None = None
        self._answering: set[asyncio.Task[None]] = set()

    async def through(self) -> None:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((time.monotonic(), done))
        if self._dealing is None or self._dealing.done():
            self._dealing = asyncio.create_task(self._deal())
        await done

    async def _deal(self) -> None:
        while self._waiting:
            first = self._free_at.index(min(self._free_at))
            begin = max(self._free_at[first], self._waiting[0][0])
            await until(begin)
            batch = []
            while self._waiting and len(batch) < self._most and self._waiting[0][0] <= begin:
                batch.append(self._waiting.popleft()[1])
            self._free_at[first] = begin + self._batch_s + self._instance_s * len(batch)
            task = asyncio.create_task(self._answer(batch, self._free_at[first]))
            self._answering.add(task)
            task.add_done_callback(self._answering.discard)

    async def _answer(self, batch: list[asyncio.Future[None]], moment: float) -> None:
        await until(moment)
        for done in batch:
            if not done.done():
                done.set_result(None)


def tunable() -> Batching:
    """As many servers as the harness asks for workers, each with batches of the size it asks for.

    A batch is padded to its full size, so its time is that of a full one. There are CPUs for two
    workers: more of them slow each other down, by the square of how many there are for one CPU.
    """
    workers = int(os.environ.get("HARNESS_WORKERS", "1"))
    size = int(os.environ.get("HARNESS_BATCH_SIZE", "1"))
    slower = float(os.environ.get("FAKE_SLOWER", "1"))
    batch_s = slower * (PAD_S + ROW_S * size) * max(1.0, workers / CPUS) ** 2
    return Batching(workers, size, batch_s, instance_s=0.0)


QUEUES = {
    "M/M/1": lambda: Single(exponential=True),
    "M/D/1": lambda: Single(exponential=False),
    "batching": Batching,
    "tunable": tunable,
}


async def until(moment: float) -> None:
    """Sleep to a moment of CLOCK_MONOTONIC; an event loop's timer may end early."""
    while (left_s := moment - time.monotonic()) > 0:
        await asyncio.sleep(left_s)
