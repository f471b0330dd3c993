"""The part of a request in which it waits longer than the law of its server's queue explains."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from harness.analyse.run import capacity, metrics
from harness.queues import law, under_load
from harness.queues.law import Law
from harness.queues.under_load import Served
from harness.stored.records import Run, Window
from harness.windows.kinds import WindowKind
from harness.windows.matching import matched
from harness.windows.samples import MISSING

_SURE = 3.0  # standard errors
_FOLLOWS = 0.03  # of the logarithm: as far as servers that follow the law are from it
_SEED = 5
_LOOKED_AT = (WindowKind.PROFILE, WindowKind.PROBE, WindowKind.AUDIT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Excess:
    """Mean times of the steady window's requests, in ms, beside what the law says."""

    rate_per_s: float
    factor: float  # how many times as long as the law says a request kept the next one out
    seen_ms: float
    expected_ms: float
    before_ms: float  # of the difference: before the model, in a server that is idle
    waiting_ms: float  # beyond that
    after_ms: float  # after the model
    polled: bool = False  # times are until the result was there, not until a poll had it

    @property
    def part(self) -> str:
        """The part that most of it is in."""
        parts = {
            "before the model": self.before_ms,
            "in waiting for the model": self.waiting_ms,
            "after the model": self.after_ms,
        }
        return max(parts, key=lambda name: parts[name])


def excess(run: Run) -> Excess | None:
    """The excess of a run; None where requests wait no longer than the law and chance explain.

    Jobs that are polled for end when their results were there. The time from then until a poll is
    the client's choice and no queue's; if the server does not tell that moment, nothing is known.
    """
    known = _without_polls(run)
    found = None if known is None else _of_server(known)
    return found if found is None or known is run else replace(found, polled=True)


def _without_polls(run: Run) -> Run | None:
    """The run with requests that end with their results; itself where nobody polled for any, None
    where that is not known."""
    if not any(len(window.marks) for window in run.windows):
        return run
    windows = [_until_result(w) if w.facts.kind in _LOOKED_AT else w for w in run.windows]
    known = tuple(window for window in windows if window is not None)
    if len(known) < len(windows):
        return None
    same = all(a is b for a, b in zip(known, run.windows, strict=True))
    return run if same else replace(run, windows=known)


def _until_result(window: Window) -> Window | None:
    requests, count = window.requests, len(window.requests)
    if not (window.marks.each("polls", count) != MISSING).any():
        return window
    finished = window.marks.each("finished_ns", count)
    if (requests.ok & (finished == MISSING)).any():
        return None
    done = np.where(requests.ok, finished, requests.done_ns)
    return replace(window, requests=replace(requests, done_ns=done))


def _of_server(run: Run) -> Excess | None:
    queue, steady = capacity.queue(run), metrics.steady(run)
    if queue is None or not isinstance(queue.law, Law):
        return None
    if steady is None or queue.excess is None or run.audit is None:
        return None
    error = math.hypot(queue.error or 0.0, queue.law_error, _FOLLOWS)
    if queue.error is None or math.log(queue.excess) < _SURE * error:
        return None
    seen = under_load.served(steady, queue.law.shape.workers)
    return None if seen is None else _excess(queue.law, queue.excess, seen, run.audit)


def _excess(known: Law, factor: float, seen: Served, alone: Window) -> Excess:
    before, after = _beside_the_model(alone)
    before, after = before * seen.unit_ns, after * seen.unit_ns
    sample = known.shape.sample * known.occupied_ns * seen.unit_ns
    drawn = np.random.default_rng(_SEED).choice(sample, len(seen.due_ns))
    left = law.departures(seen.due_ns, drawn, known.shape.workers)
    expected = float((left - seen.due_ns).mean()) + known.beside_ns * seen.unit_ns
    waited = float((left - drawn - seen.due_ns).mean())
    until_model = seen.start_ns - seen.due_ns
    idle = float(np.median(until_model[seen.free]))
    return Excess(
        rate_per_s=seen.rate_per_s,
        factor=factor,
        seen_ms=float((seen.done_ns - seen.due_ns).mean()) / 1e6,
        expected_ms=expected / 1e6,
        before_ms=(idle - before) / 1e6,
        waiting_ms=(float(until_model.mean()) - idle - waited) / 1e6,
        after_ms=(float((seen.done_ns - seen.start_ns - seen.model_ns).mean()) - after) / 1e6,
    )


def _beside_the_model(alone: Window) -> tuple[float, float]:
    """(before the model, after it) of a lone request, in units of the model's CPU time."""
    requests, calls = alone.requests, alone.calls
    rows, by = matched(requests, calls)
    start, model = calls.start_ns[by], calls.duration_ns[by]
    cpu_ns = under_load.unit(calls)
    before = float(np.median(start - requests.sent_ns[rows])) / cpu_ns
    return before, float(np.median(requests.done_ns[rows] - start - model)) / cpu_ns
