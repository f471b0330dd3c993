"""Doubts that a window's own numbers rule each other out."""

from __future__ import annotations

import numpy as np

from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule
from harness.stored.records import Window
from harness.windows.samples import MISSING

# The two sides are computed from the same stamps, and differ by rounding alone; more than one
# machine's clocks are some hundred microseconds apart, and a clock may step by as much.
TOLERANCE = 0.05
_FEWEST = 20  # answers; with fewer, one of them is the tolerance


@run_rule
def breaks_littles_law(context: RunContext) -> Said:
    """Requests in flight = throughput x mean time (Little, Operations Research 9, 1961), in every
    window: those of the search and of the audit too."""
    for window in context.run.windows:
        if (said := _broken(window)) is not None:
            yield Verdict.INVALID, f"{window.facts.profile.name}: {said}"


def _broken(window: Window) -> str | None:
    requests, profile = window.requests, window.facts.profile
    rows = requests.ok & (requests.sent_ns != MISSING) & (requests.done_ns != MISSING)
    elapsed_ns = window.facts.elapsed_s * 1e9
    if rows.sum() < _FEWEST or elapsed_ns <= 0:
        return None
    began = (requests.due_ns if profile.is_open else requests.sent_ns)[rows].astype(float)
    done = requests.done_ns[rows].astype(float)
    inside = np.clip(done, 0, elapsed_ns) - np.clip(began, 0, elapsed_ns)
    in_flight = float(np.maximum(inside, 0).sum()) / elapsed_ns
    rate, taken_s = rows.sum() / window.facts.elapsed_s, float((done - began).mean()) / 1e9
    if abs(in_flight - rate * taken_s) > TOLERANCE * max(in_flight, rate * taken_s):
        return (
            f"{rate:.1f} answers a second of {1e3 * taken_s:.2f} ms each imply "
            f"{rate * taken_s:.2f} requests in flight, but there were {in_flight:.2f}: one of the "
            "three numbers is wrong"
        )
    if profile.concurrency and in_flight > (1 + TOLERANCE) * profile.concurrency:
        return (
            f"{in_flight:.2f} requests were in flight at a time, but {profile.concurrency} callers "
            "have one each: the times or the rate are wrong"
        )
    return None
