"""Doubts about whether a server was in a steady state."""

from __future__ import annotations

from harness.analyse.run import drift
from harness.analyse.run.context import RunContext, WindowContext
from harness.analyse.run.findings import PROFILE, Said, Verdict, run_rule, window_rule
from harness.stored.records import Window

# Ramps and spikes are not steady on purpose.
_LEVEL = ("constant", "poisson", "closed")
# Perf Analyzer calls a measurement stable within 10%; beyond 25% no two lengths of a window would
# give the same number.
DRIFT = 1.25
# Level of either test. One in 100 healthy queues at 80% use is then taken for drifting; at 90%,
# with 500 requests (about one excursion of the queue), one in 20.
CHANCE = 0.002
# A server that is exactly at its limit has a queue that grows by more in 1 of 40 windows, one at
# 90% of it in fewer than 1 of 100.
BACKLOG_DEVIATIONS = 2.0


@window_rule(PROFILE)
def overloaded(context: WindowContext) -> Said:
    found = _overload(context.window)
    if found is not None:
        profile = context.facts.profile
        yield (
            Verdict.INVALID,
            f"overloaded: the queue grew by {found.growth:.0f} requests in "
            f"{profile.duration_s:.1f} s, so latency depends on the length of the window. It could "
            f"sustain {found.sustained_per_s:.1f}/s of the {profile.rate_per_s or 0:.0f}/s",
        )


def _overload(window: Window) -> drift.Backlog | None:
    profile = window.facts.profile
    found = drift.backlog(profile, window.requests) if profile.shape in _LEVEL else None
    if found is None or found.deviations <= BACKLOG_DEVIATIONS or not found.sustained_per_s:
        return None
    return found


@window_rule(PROFILE)
def no_steady_state(context: WindowContext) -> Said:
    profile = context.facts.profile
    if profile.shape not in _LEVEL or _overload(context.window) is not None:
        return
    found = drift.latency(profile, context.requests)
    if found is not None and found.ratio > DRIFT and found.chance < CHANCE:
        kind = "response" if profile.is_open else "service"
        yield (
            Verdict.WARNING,
            f"not steady: the {kind} time went from {found.first_ns / 1e6:.2f} to "
            f"{found.last_ns / 1e6:.2f} ms (first and last quarter, at the same number of requests "
            "in flight)",
        )


@run_rule
def not_warmed_up(context: RunContext) -> Said:
    found = context.facts.warm_up
    if found is None or found.steady_s is not None:
        return
    last = ", ".join("none" if ms is None else f"{ms:.2f}" for ms in found.medians_ms[-3:])
    yield (
        Verdict.WARNING,
        f"it was not steady after {found.seconds:.1f} s of warm-up: the medians of its last slices "
        f"of load were {last} ms",
    )
