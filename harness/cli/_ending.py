"""How a campaign that was measured ends: its exit code, and how its time was spent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.base.errors import EXIT_FAILED, EXIT_NOTHING_RAN, EXIT_OK
from harness.stored.pods import UNDER_CHANGE

if TYPE_CHECKING:
    from harness.analyse.run.digested import Digested
    from harness.stored.records import Run

_USEFUL = ("launch", "ready", "load", "audit", "capacity", UNDER_CHANGE, "strain")


def time_line(runs: list[Run], wall_s: float) -> str:
    """How much of the time went into what the time is for."""
    useful_s = sum(run.facts.phases_s.get(phase, 0) for run in runs for phase in _USEFUL)
    return (
        f"time     {wall_s:.0f} s, {useful_s / wall_s:.0%} of it for measuring and for waiting for "
        "servers to start"
    )


def exit_code(digested: Digested, strict: bool) -> int:
    """Whether anything ran, and failed; `strict` counts INVALID runs too."""
    failures = [d for d in digested.digests if d.facts.failure is not None]
    if digested.digests and len(failures) == len(digested.digests):
        nowhere = all(d.facts.failure and d.facts.failure.phase == "provision" for d in failures)
        return EXIT_NOTHING_RAN if nowhere else EXIT_FAILED
    if failures or digested.damaged or digested.missing:
        return EXIT_FAILED
    if strict and any(d.invalid for d in digested.digests):
        return EXIT_FAILED
    return EXIT_OK
