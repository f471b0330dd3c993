"""On the PYTHONPATH of every server process: a lock for threads, first come, first served."""

from __future__ import annotations

from collections import deque
from threading import Lock


class Turns:
    """Held by one thread at a time, in the order in which they asked.

    A `threading.Lock` goes to whoever asks next when it is free, also past threads that were woken
    but do not run yet: some requests would wait for longer than their turn, and the tail show it.
    """

    def __init__(self) -> None:
        self._guard = Lock()
        self._waiting: deque[Lock] = deque()
        self._taken = False

    def __enter__(self) -> None:
        with self._guard:
            if not self._taken:
                self._taken = True
                return
            turn = Lock()
            turn.acquire()
            self._waiting.append(turn)
        turn.acquire()  # released by the thread before, which hands its turn over

    def __exit__(self, *_: object) -> None:
        with self._guard:
            if self._waiting:
                self._waiting.popleft().release()
            else:
                self._taken = False
