"""How far another machine's clock is from ours: pure functions of stamps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Ping:
    """Four stamps of an exchange: the first and the last by our clock, the others by theirs."""

    asked_ns: int
    taken_ns: int
    answered_ns: int
    told_ns: int

    @property
    def delay_ns(self) -> int:
        """How long it was under way, there and back."""
        return (self.told_ns - self.asked_ns) - (self.answered_ns - self.taken_ns)

    @property
    def offset_ns(self) -> int:
        """Their clock less ours, were the way there as long as the way back."""
        return ((self.taken_ns - self.asked_ns) + (self.answered_ns - self.told_ns)) // 2


@dataclass(frozen=True, slots=True)
class Offset:
    """Their clock less ours; the error is at most the uncertainty."""

    ns: int
    uncertainty_ns: int


def offset(pings: Sequence[Ping]) -> Offset:
    """The estimate of the quickest exchange, as NTP has it (RFC 5905, section 10).

    Neither way took less than no time, so that the truth is within half of the delay.
    """
    best = min(pings, key=lambda ping: ping.delay_ns)
    return Offset(best.offset_ns, -(-best.delay_ns // 2))
