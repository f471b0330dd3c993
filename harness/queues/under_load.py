"""Observations of a queue under random arrivals: for how long each request kept the next one out,
and whether they waited in one queue.

Three facts of each request are known: when it was due, how long the model took, and when its
answer came. The one
unknown, for how long it kept the next one out beyond that, is the one with which Lindley's
recursion over the very arrivals gives the response times that were seen. Times are in units of the
model's CPU time.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.queues import law
from harness.stored.records import Window
from harness.windows import overlap
from harness.windows.matching import MATCHED, matched
from harness.windows.samples import MISSING, Calls

FEWEST = 30  # requests of a window, a third of which waited for none; calls of batches
TRIMMED = 0.1  # of the differences at either end: a stall of the host is not the queue's
_OVERTAKEN = 0.1  # of their waiting, that requests of one queue still wait after a later one began
_STEPS = 24
LONGEST = 3.0  # times its lone response, for which a request may keep the next one out beyond that


@dataclass(frozen=True, slots=True, kw_only=True)
class Served:
    """The answered requests of a window of random arrivals, in order of arrival."""

    rate_per_s: float
    due_ns: Any
    done_ns: Any
    start_ns: Any  # of the call which served it
    model_ns: Any  # that this call took
    unit_ns: float
    workers: int
    free: Any  # which of them found a worker free


def unit(calls: Calls) -> float:
    """The model's CPU time in a window; if it was not recorded, or the clock of threads is too
    coarse for it, how long it took."""
    timed = calls.thread_cpu_ns[calls.thread_cpu_ns != MISSING]
    if len(timed) and timed.mean() > 0:
        return float(timed.mean())
    return max(float(calls.duration_ns.mean()), 1.0)


def served(window: Window, workers: int) -> Served | None:
    """The requests of a window of random arrivals; None for other windows, and for small ones."""
    profile, calls, requests = window.facts.profile, window.calls, window.requests
    if profile.shape != "poisson" or not profile.rate_per_s:
        return None
    rows, by = matched(requests, calls)
    if len(rows) < max(FEWEST, MATCHED * int(requests.ok.sum())):
        return None
    order = np.argsort(requests.due_ns[rows], kind="stable")
    rows, by = rows[order], by[order]
    due, done = requests.due_ns[rows].astype(float), requests.done_ns[rows].astype(float)
    in_it = np.arange(len(due)) - np.searchsorted(np.sort(done), due, side="right")
    free = in_it < workers
    if free.sum() < FEWEST / 3 or free.all():
        return None
    start, model = calls.start_ns[by].astype(float), calls.duration_ns[by].astype(float)
    return Served(
        rate_per_s=profile.rate_per_s,
        due_ns=due,
        done_ns=done,
        start_ns=start,
        model_ns=model,
        unit_ns=unit(calls),
        workers=workers,
        free=free,
    )


def full(windows: Sequence[Served], saturated: Window) -> float:
    """For how long a request kept the next one out while all workers were at work."""
    kept = occupied(windows)
    if windows[0].workers == 1:
        return kept
    # On shared CPUs each worker is slower then, and in the mean of a window not all of them are.
    # A queue forms while they are, as in the saturated window.
    at_work = float(saturated.calls.duration_ns.mean()) / unit(saturated.calls)
    return kept * at_work / _apart(windows)[0]


def occupied(windows: Sequence[Served]) -> float:
    """For how long a request kept the next one out, in the mean."""
    model, around = _apart(windows)
    low, high = -LONGEST * (model + max(around, 0.0)), around
    for _ in range(_STEPS):
        beside = (low + high) / 2
        if sum(_longer(each, around, beside) for each in windows) > 0:
            high = beside  # requests waited for longer than that
        else:
            low = beside
    return model + around - beside


def _apart(windows: Sequence[Served]) -> tuple[float, float]:
    """(the model's time, what a request that waits for no other takes beside it)."""
    alone = [(s.done_ns - s.due_ns - s.model_ns)[s.free] / s.unit_ns for s in windows]
    model = float(np.mean(np.concatenate([s.model_ns / s.unit_ns for s in windows])))
    return model, float(np.median(np.concatenate(alone)))


def _longer(each: Served, around: float, beside: float) -> float:
    """By how much the requests that waited took longer than the law says, summed over them."""
    kept_ns = np.maximum(each.model_ns + (around - beside) * each.unit_ns, 0.0)
    left = law.departures(each.due_ns, kept_ns, each.workers) + beside * each.unit_ns
    difference = np.sort((each.done_ns - left)[~each.free])
    cut = int(TRIMMED * len(difference))
    kept = difference[cut : len(difference) - cut]
    return float(kept.mean()) * len(kept) / each.unit_ns if len(kept) else 0.0


def in_one_queue(windows: Sequence[Served]) -> bool:
    """Whether requests that wait are begun in the order in which they came.

    Where each worker has a queue of its own, one that waits for its worker is overtaken by later
    ones that another worker is free for.
    """
    _, around = _apart(windows)
    waited = [(s.done_ns - s.due_ns - s.model_ns)[~s.free] / s.unit_ns - around for s in windows]
    overtaken = sum(
        float(overlap.overtaken_ns(s.start_ns)[~s.free].sum()) / s.unit_ns for s in windows
    )
    whole = np.concatenate(waited)
    return len(whole) >= FEWEST and overtaken < _OVERTAKEN * float(whole.sum())


def error(windows: Sequence[Served]) -> float | None:
    """The standard error by the jackknife over the windows (Quenouille, Biometrika 43, 1956)."""
    count = len(windows)
    if count < 3:
        return None
    without = [math.log(occupied(others)) for others in _leaving_one_out(windows)]
    return math.sqrt((count - 1) * float(np.var(without)))


def _leaving_one_out(windows: Sequence[Served]) -> Iterator[list[Served]]:
    for place in range(len(windows)):
        yield [*windows[:place], *windows[place + 1 :]]
