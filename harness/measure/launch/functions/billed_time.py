"""The time that an instance is billed for: while it starts, and while it has a request.

Each request is charged with what passed since the one before it, so that requests at the same time
share it. The end of a time is rounded up as Cloud Run does it.
"""

from __future__ import annotations

from dataclasses import dataclass

_STEP_MS = 100


@dataclass(slots=True, kw_only=True)
class BilledTime:
    """Of one instance. Moments are nanoseconds of any clock."""

    active: int = 0  # requests that it has
    _since_ns: int = 0  # of its busy time, when nobody was charged for it yet
    _rest_ns: int = 0  # that made no whole millisecond
    _charged_ms: int = 0  # of this busy time
    _is_starting: bool = False

    def began(self, now: int) -> None:
        """Its start is billed."""
        self._since_ns, self._is_starting = now, True

    def more(self, now: int) -> None:
        """It has been given a request."""
        if not self.active and not self._is_starting:
            self._since_ns, self._rest_ns, self._charged_ms = now, 0, 0
        self.active += 1
        self._is_starting = False

    def less(self, now: int) -> int:
        """It has answered one; the milliseconds that this one is charged with."""
        self.active -= 1
        passed = now - self._since_ns + self._rest_ns
        self._since_ns = now
        charged, self._rest_ns = divmod(passed, 1_000_000)
        if not self.active:
            whole = self._charged_ms + charged + bool(self._rest_ns)
            charged += -(-whole // _STEP_MS) * _STEP_MS - (self._charged_ms + charged)
        self._charged_ms += charged
        return charged
