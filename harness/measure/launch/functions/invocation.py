"""An invocation: from a request to its answer, with the moments between."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Protocol

NEVER = -1  # harness.windows.samples.MISSING
ROW = struct.Struct("<12q")  # the fields of harness.windows.invocations.Invocations, in order


@dataclass(frozen=True, slots=True, kw_only=True)
class InvocationFailure:
    """Why an invocation has no result, as the service says it."""

    kind: str  # such as `Runtime.ExitError`
    message: str
    payload: bytes = b""  # the runtime's own; empty: made of the two


class Caller(Protocol):
    """Whoever waits for an invocation; one of the two is called, once. They write the front's
    answer, and return its status."""

    def answer(self, result: bytes | InvocationFailure) -> int:
        """It is over."""

    def throttle(self) -> int:
        """It is refused, since there are as many instances as there may be."""


@dataclass(slots=True, kw_only=True)
class Invocation:
    """One of them. Moments are by CLOCK_MONOTONIC."""

    number: int
    request_id: str
    event: bytes
    caller: Caller
    arrived_ns: int
    dispatched_ns: int = NEVER
    answered_ns: int = NEVER
    sent_ns: int = NEVER
    instance: int = NEVER
    cold: bool = False
    status: int = 0
    billed_ms: int = 0
    init_ns: int = 0
    peak_bytes: int = 0

    def row(self) -> bytes:
        """Its record. When the handler had it is in the instance's own."""
        return ROW.pack(
            *(self.arrived_ns, self.dispatched_ns, NEVER, NEVER, self.answered_ns, self.sent_ns),
            *(self.instance, int(self.cold), self.status, self.billed_ms, self.init_ns),
            self.peak_bytes,
        )
