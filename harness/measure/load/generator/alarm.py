"""Many moments, and one timerfd that wakes for each of them."""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable

from harness.measure.load.generator.timer import Timer, clock


class Alarm:
    """Calls back with the number that each moment was set for."""

    def __init__(self, ring: Callable[[int], None]) -> None:
        self._ring = ring
        self._set: list[tuple[int, int]] = []
        self._timer = Timer()
        asyncio.get_running_loop().add_reader(self._timer.fd, self._rung)

    def set(self, at_ns: int, number: int) -> None:
        """Call back then, by CLOCK_MONOTONIC."""
        heapq.heappush(self._set, (at_ns, number))
        if self._set[0][0] == at_ns:
            self._timer.arm(at_ns)

    def close(self) -> None:
        """Call back no more."""
        asyncio.get_running_loop().remove_reader(self._timer.fd)
        self._timer.close()

    def _rung(self) -> None:
        while self._set and self._set[0][0] <= clock():
            self._ring(heapq.heappop(self._set)[1])
        if self._set:
            self._timer.arm(self._set[0][0])
        else:
            self._timer.disarm()
