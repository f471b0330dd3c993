"""What the fake's event loop waits with."""

from __future__ import annotations

import select
from selectors import EpollSelector, SelectorKey


class PreciseSelector(EpollSelector):
    """Waits to the microsecond for any number of files.

    epoll alone rounds a wait up to whole milliseconds, and select alone fails from file 1024 on;
    but select can wait for epoll.
    """

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is not None and timeout > 0:
            select.select([self.fileno()], [], [], timeout)
            timeout = 0
        return super().select(timeout)
