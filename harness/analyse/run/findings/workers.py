"""Doubts about a window that several generator machines made."""

from __future__ import annotations

from collections.abc import Iterator

from harness.analyse.run.findings import Verdict, window_rule
from harness.stored.hosts import HostProof
from harness.stored.records import Window

# Requests of different workers are out of step by as much: what counts is that it is small beside
# the time in which a server notices that two come at once.
CLOCK_UNSURE_MS = 5.0
# Clocks that NTP slews run up to 500 millionths fast or slow; what is more is a jump or a pause.
CLOCK_SLEW = 500e-6


@window_rule
def worker_lost(window: Window, _: HostProof | None) -> Iterator[tuple[Verdict, str]]:
    for worker in window.facts.workers:
        if worker.lost:
            planned = f"; {worker.requests} requests were its share" if worker.requests else ""
            yield Verdict.INVALID, f"the worker {worker.name} was lost: {worker.lost}{planned}"


@window_rule
def clocks_apart(window: Window, _: HostProof | None) -> Iterator[tuple[Verdict, str]]:
    for worker in window.facts.workers:
        unsure_ms, drift_ms = worker.uncertainty_ns / 1e6, abs(worker.drift_ns or 0) / 1e6
        if unsure_ms > CLOCK_UNSURE_MS:
            yield (
                Verdict.WARNING,
                f"the clock of the worker {worker.name} is known only to {unsure_ms:.1f} ms: it "
                "may have begun that much too early or too late",
            )
        elif drift_ms > 2 * CLOCK_UNSURE_MS + 1e3 * CLOCK_SLEW * window.facts.elapsed_s:
            yield (
                Verdict.INVALID,
                f"the clock of the worker {worker.name} moved by {drift_ms:.1f} ms in the window: "
                "its machine was paused, or its clock was set",
            )
