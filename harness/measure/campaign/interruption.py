"""Signals that end a command, noted instead of raised where what is measured would be lost."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from harness.stored.records import Window

_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Cut(KeyboardInterrupt):
    """A signal came while a window was fired; what of it was measured is not lost."""

    def __init__(self, window: Window, unanswered: int) -> None:
        super().__init__()
        self.window = window  # as if its profile had been planned to end when the signal came
        self.unanswered = unanswered  # requests under way that were not awaited: not in it


@contextmanager
def noted() -> Iterator[Callable[[], bool]]:
    """Whether such a signal has come since the context began. A second one is passed over."""
    seen: list[int] = []

    def note(number: int, _: object) -> None:
        seen.append(number)

    if threading.current_thread() is not threading.main_thread():
        yield lambda: False  # signals are the main thread's
        return
    heeded = [each for each in _SIGNALS if signal.getsignal(each) is not signal.SIG_IGN]
    before = {number: signal.signal(number, note) for number in heeded}
    try:
        yield lambda: bool(seen)
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_IGN if seen else handler)


def pass_over() -> None:
    """From now on: everything is measured, and is still to be told."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)
