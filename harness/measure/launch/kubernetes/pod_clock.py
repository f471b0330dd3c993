"""The clocks of a pod's node, related to ours: by readings between two of our own."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from harness.base.errors import LaunchError
from harness.stored.clocks import SAME_CLOCK, ServerClock

_READINGS = 10
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_SLACK_NS = 1_000_000  # two clocks of one kernel do not differ by more than that beyond doubt


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeClock:
    """The clocks of one node."""

    monotonic: ServerClock
    off_s: float  # its clock of the day less ours


THIS_MACHINE = NodeClock(monotonic=SAME_CLOCK, off_s=0.0)


def asked(ask: Callable[[], str]) -> NodeClock:
    """The clocks behind something that answers `MONOTONIC_NS REALTIME_NS BOOT_ID`.

    Raises LaunchError where it answers otherwise.
    """
    best = min((_reading(ask) for _ in range(_READINGS)), key=lambda reading: reading[0])
    took_ns, offset_ns, off_ns, boot = best
    unsure_ns = took_ns // 2 + 1
    if boot == _own_boot() and abs(offset_ns) <= unsure_ns + _SLACK_NS:
        return THIS_MACHINE
    clock = ServerClock(offset_ns=offset_ns, uncertainty_ns=unsure_ns)
    return NodeClock(monotonic=clock, off_s=off_ns / 1e9)


def _reading(ask: Callable[[], str]) -> tuple[int, int, int, str]:
    """(how long it took, its CLOCK_MONOTONIC less ours, its CLOCK_REALTIME less ours, its boot)."""
    ours, began_ns = time.time_ns(), time.monotonic_ns()
    said = ask()
    took_ns = time.monotonic_ns() - began_ns
    try:
        monotonic, realtime, boot = said.split()
        theirs = int(monotonic), int(realtime)
    except ValueError as error:
        raise LaunchError(f"A pod's clock can't be read: {said[:100]!r}.") from error
    half_ns = took_ns // 2
    return took_ns, theirs[0] - began_ns - half_ns, theirs[1] - ours - half_ns, boot


def _own_boot() -> str:
    return _BOOT.read_text().strip() if _BOOT.exists() else "?"
