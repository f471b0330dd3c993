"""How the clock of a server's host relates to the harness's."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerClock:
    """The clock that stamped the predictor's calls: both are zero where it is this host's own."""

    offset_ns: int = 0  # its CLOCK_MONOTONIC less the harness's
    uncertainty_ns: int = 0  # the offset is that much off at most


SAME_CLOCK = ServerClock()
