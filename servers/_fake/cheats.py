"""Ways to look faster than one is. Each is found: by the audit, by the answers that are sampled
under load, or by the predictor's own record of its calls."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

Compute = Callable[[bytes], Awaitable[bytes]]
GUESS = b'{"predictions": [{"label": "a guess"}]}'


class Caches:
    """Computes each answer once."""

    def __init__(self) -> None:
        self.answers: dict[bytes, bytes] = {}

    async def answer(self, body: bytes, compute: Compute) -> bytes:
        if body not in self.answers:
            self.answers[body] = await compute(body)
        return self.answers[body]


class AnswersEarly:
    """Right while it has one request at a time; else the last answer at once, computed later."""

    def __init__(self) -> None:
        self.last = GUESS
        self.computing: set[asyncio.Task[bytes]] = set()

    async def answer(self, body: bytes, compute: Compute) -> bytes:
        alone = not self.computing
        task = asyncio.ensure_future(compute(body))
        self.computing.add(task)
        task.add_done_callback(self.computing.discard)
        if alone:
            self.last = await task
        return self.last


class KnowsThePayloads:
    """Right for what is in payloads.jsonl, and for nothing else."""

    def __init__(self) -> None:
        file = Path(os.environ["HARNESS_PREDICTOR"]).with_name("payloads.jsonl")
        self.known = [json.loads(line)["instance"] for line in file.read_text().splitlines()]

    def knows(self, body: bytes) -> bool:
        return all(instance in self.known for instance in json.loads(body)["instances"])

    async def answer(self, body: bytes, compute: Compute) -> bytes:
        right = await compute(body)
        return right if self.knows(body) else GUESS


class LooksUp(KnowsThePayloads):
    """Keeps the answers to what is in payloads.jsonl, and computes all others each time."""

    def __init__(self) -> None:
        super().__init__()
        self.cached = Caches()

    async def answer(self, body: bytes, compute: Compute) -> bytes:
        if self.knows(body):
            return await self.cached.answer(body, compute)
        return await compute(body)


CHEATS = {
    "caches": Caches,
    "answers-early": AnswersEarly,
    "knows-the-payloads": KnowsThePayloads,
    "looks-up": LooksUp,
}
