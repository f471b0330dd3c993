"""The parts of a client's wait for a job: until it is taken, begun, done, and known to be done."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import metric, steady
from harness.windows.samples import MISSING, Ints

Rows = NDArray[np.bool_]


@metric(title="accepted", unit="ms", better="lower", effect=None)
def accepted(context: RunContext) -> float | None:
    """Median time at the steady rate from the planned send time of a job until the first byte of
    the answer that it was taken; jobs that were not completed are left out."""
    window = steady(context.run)
    if window is None or not (window.marks.each("polls", len(window.requests)) != MISSING).any():
        return None
    requests = window.requests
    return _median_ms(requests.due_ns, requests.first_byte_ns, requests.ok)


@metric(title="in the queue", unit="ms", better="lower", effect=None)
def queue_wait(context: RunContext) -> float | None:
    """Median time at the steady rate from when the server took a job until its last run began."""
    window = steady(context.run)
    if window is None:
        return None
    marks, count = window.marks, len(window.requests)
    begun, ended = (marks.each(name, count) for name in ("submitted_ns", "started_ns"))
    return _median_ms(begun, ended, window.requests.ok)


@metric(title="known after", unit="ms", better="lower", effect=None)
def known_after(context: RunContext) -> float | None:
    """Median time at the steady rate from when a job's result was there until the answer that had
    it: what the time between two polls costs."""
    window = steady(context.run)
    if window is None:
        return None
    finished = window.marks.each("finished_ns", len(window.requests))
    return _median_ms(finished, window.requests.done_ns, window.requests.ok)


@metric(title="polls", unit="per job", better="lower", effect=None)
def polls(context: RunContext) -> float | None:
    """Mean number of questions after a completed job at the steady rate."""
    window = steady(context.run)
    if window is None:
        return None
    asked = window.marks.each("polls", len(window.requests))
    known = window.requests.ok & (asked != MISSING)
    return float(asked[known].mean()) if known.any() else None


def _median_ms(begun_ns: Ints, ended_ns: Ints, rows: Rows) -> float | None:
    known = rows & (begun_ns != MISSING) & (ended_ns != MISSING)
    return float(np.median(ended_ns[known] - begun_ns[known])) / 1e6 if known.any() else None
