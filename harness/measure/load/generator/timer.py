"""The clock of a window, and a timerfd: that wakes an event loop within tens of microseconds, where
uvloop's own timers round to a millisecond."""

from __future__ import annotations

import ctypes
import os
import time

clock = time.monotonic_ns

_CLOCK_MONOTONIC = 1
_TFD_NONBLOCK = os.O_NONBLOCK
_TFD_TIMER_ABSTIME = 1
_libc = ctypes.CDLL(None, use_errno=True)


class _Timespec(ctypes.Structure):
    _fields_ = (("seconds", ctypes.c_long), ("nanoseconds", ctypes.c_long))


class _Itimerspec(ctypes.Structure):
    _fields_ = (("interval", _Timespec), ("value", _Timespec))


class Timer:
    """Becomes readable at an absolute CLOCK_MONOTONIC time. Linux only.

    Raises OSError where the kernel gives none.
    """

    def __init__(self) -> None:
        self.fd: int = _libc.timerfd_create(_CLOCK_MONOTONIC, _TFD_NONBLOCK)
        if self.fd < 0:
            raise OSError(ctypes.get_errno(), "timerfd_create failed")
        self._spec = _Itimerspec()
        self._value = self._spec.value
        self._pointer = ctypes.byref(self._spec)

    def arm(self, at_ns: int) -> None:
        """Fire at that time, or at once if it has passed. Forgets an earlier expiry unread."""
        value = self._value
        value.seconds, value.nanoseconds = divmod(max(at_ns, 1), 1_000_000_000)
        _libc.timerfd_settime(self.fd, _TFD_TIMER_ABSTIME, self._pointer, None)

    def disarm(self) -> None:
        """Never fire, and forget an unread expiry."""
        self._value.seconds = self._value.nanoseconds = 0
        _libc.timerfd_settime(self.fd, _TFD_TIMER_ABSTIME, self._pointer, None)

    def close(self) -> None:
        os.close(self.fd)
