"""How many requests may be with the app, and how many wait for that: as Cortex's proxy has it."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager


class Breaker:
    """First come, first served."""

    def __init__(self, concurrency: int, queue: int) -> None:
        self._most = concurrency + queue
        self._pending = 0  # those with the app, and those that wait
        self._free = concurrency
        self._waiting: deque[asyncio.Future[None]] = deque()

    def take(self) -> bool:
        """A place, to be given back; False where there is none."""
        if self._pending >= self._most:
            return False
        self._pending += 1
        return True

    @property
    def busy(self) -> bool:
        """Whether who comes now must wait."""
        return self._free == 0

    def give(self) -> None:
        self._pending -= 1

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Held by as many as may be with the app."""
        if self._free:
            self._free -= 1
        else:
            await self._wait()
        try:
            yield
        finally:
            self._pass_on()

    async def _wait(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._pass_on()  # it was given to one that goes
            raise

    def _pass_on(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1
