"""Doubts about a window that several generator machines made."""

from __future__ import annotations

from harness.analyse.run.context import WindowContext
from harness.analyse.run.findings import EVERY, Said, Verdict, window_rule

# Requests of different workers are out of step by as much: what counts is that it is small beside
# the time in which a server notices that two come at once.
CLOCK_UNSURE_MS = 5.0
# Clocks that NTP slews run up to 500 millionths fast or slow; what is more is a jump or a pause.
CLOCK_SLEW = 500e-6


@window_rule(EVERY)
def worker_lost(context: WindowContext) -> Said:
    for worker in context.facts.workers:
        if worker.lost:
            planned = f"; {worker.requests} requests were its share" if worker.requests else ""
            yield Verdict.INVALID, f"the worker {worker.name} was lost: {worker.lost}{planned}"


@window_rule(EVERY)
def clocks_apart(context: WindowContext) -> Said:
    for worker in context.facts.workers:
        unsure_ms, drift_ms = worker.uncertainty_ns / 1e6, abs(worker.drift_ns or 0) / 1e6
        if unsure_ms > CLOCK_UNSURE_MS:
            yield (
                Verdict.WARNING,
                f"the clock of the worker {worker.name} is known only to {unsure_ms:.1f} ms: it "
                "may have begun that much too early or too late",
            )
        elif drift_ms > 2 * CLOCK_UNSURE_MS + 1e3 * CLOCK_SLEW * context.facts.elapsed_s:
            yield (
                Verdict.INVALID,
                f"the clock of the worker {worker.name} moved by {drift_ms:.1f} ms in the window: "
                "its machine was paused, or its clock was set",
            )
