"""Users who think: the pauses of a closed loop's callers between an answer and the next request."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Generic, TypeVar

from harness.measure.load.generator.alarm import Alarm
from harness.measure.load.generator.timer import clock

_Caller = TypeVar("_Caller")


class Thinking(Generic[_Caller]):
    """Exponential pauses, as in the theory of closed queues, each ended by a timer of its own.

    The seed is that of the process: who thinks next takes the next time, the same ones in each
    window.
    """

    def __init__(self, mean_ns: int, seed: int, go_on: Callable[[_Caller], object]) -> None:
        self._random = random.Random(f"think/{seed}")
        self._mean_ns = mean_ns
        self._go_on = go_on
        self._callers: dict[int, _Caller] = {}
        self._count = 0
        self._alarm = Alarm(self._wake)

    def begin(self, caller: _Caller, latest_ns: int) -> None:
        """Have a caller think; it goes on then, or at the end of the window."""
        self._count += 1
        self._callers[self._count] = caller
        until_ns = clock() + int(self._random.expovariate(1.0) * self._mean_ns)
        self._alarm.set(min(until_ns, latest_ns), self._count)

    def end(self) -> None:
        """Have everybody go on now."""
        for number in list(self._callers):
            self._wake(number)

    def close(self) -> None:
        self._alarm.close()

    def _wake(self, number: int) -> None:
        if number in self._callers:
            self._go_on(self._callers.pop(number))
