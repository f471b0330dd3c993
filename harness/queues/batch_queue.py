"""The law of a batching server's queue, from the windows of a run.

The predictor's calls say how a batch's time grows with its size; lone requests, how long one waits
for others to come and what it takes beside the model. The one unknown, for how long a batch keeps
the next one out beyond its call, is fitted: with it, the recursion over the very arrivals of the
windows gives the mean response that was seen. Times are in units of the CPU time of a call for one
instance, as in `harness.queues.queueing`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.queues import batch_law, mixture
from harness.queues.batch_law import BatchLaw
from harness.queues.under_load import FEWEST, LONGEST, TRIMMED
from harness.stored.records import Window
from harness.windows.matching import matched
from harness.windows.samples import Calls

_STEPS = 16
# (share, standard deviation in units) of servers that keep the next batch out for all of their
# pause between two calls, and as many for all but their wait; and of others.
_ALIKE, _OTHERS = (0.45, 0.15), (0.1, 1.0)
_LEAST_ERROR = 0.02  # standard error, in units, of what windows of random arrivals say


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """The answered requests of a window of random arrivals, in order of arrival."""

    rate_per_s: float
    due_ns: Any
    done_ns: Any
    unit_ns: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CallCosts:
    """The cost of a call by its size, in units of the CPU time of a call for one instance."""

    alone: float  # how long one with one instance takes
    each: float  # how much longer it takes per further one
    cpu_each: float  # CPU time of a further one
    most: int  # instances that were seen in a call


@dataclass(frozen=True, slots=True)
class Around:
    """The time of a lone request beside its call."""

    before_ns: float  # other requests are waited for meanwhile
    after: float  # in units


def costs(windows: Sequence[Window]) -> tuple[CallCosts, float] | None:
    """(what calls cost, the unit in ns); None where too few were seen, or of one size alone."""
    calls = [window.calls for window in windows if len(window.calls.batch)]
    if not calls:
        return None
    size, taken, cpu = (
        np.concatenate([column(each) for each in calls]).astype(float)
        for column in (lambda c: c.batch, lambda c: c.duration_ns, _cpu)
    )
    if len(size) < FEWEST or len(np.unique(size)) < 2:
        return None
    cpu_alone, cpu_each = _line(size, cpu)
    cpu_each = max(cpu_each, 0.0)  # lone calls may find colder caches
    alone, each = _line(size, taken)
    if cpu_alone <= 0 or alone <= 0:
        return None
    found = CallCosts(
        alone=alone / cpu_alone,
        each=max(each, 0.0) / cpu_alone,
        cpu_each=cpu_each / cpu_alone,
        most=int(size.max()),
    )
    return found, cpu_alone


def around(alone: Window, unit_ns: float) -> Around | None:
    """The time around a lone caller's calls in a window; None if its calls are unknown."""
    rows, by = matched(alone.requests, alone.calls)
    if len(rows) < FEWEST / 3:
        return None
    start, end = alone.calls.start_ns[by], (alone.calls.start_ns + alone.calls.duration_ns)[by]
    before = float(np.median(start - alone.requests.sent_ns[rows]))
    return Around(before, float(np.median(alone.requests.done_ns[rows] - end)) / unit_ns)


def loaded(window: Window, found: CallCosts) -> Loaded | None:
    """The requests of a window of random arrivals; None for other windows, and for small ones."""
    profile, requests = window.facts.profile, window.requests
    rows = np.flatnonzero(requests.ok)
    if profile.shape != "poisson" or not profile.rate_per_s or len(rows) < FEWEST:
        return None
    if not len(window.calls.batch):
        return None
    rows = rows[np.argsort(requests.due_ns[rows], kind="stable")]
    shares = 1 + (window.calls.batch - 1) * found.cpu_each
    unit = float(_cpu(window.calls).sum() / shares.sum())
    due, done = requests.due_ns[rows].astype(float), requests.done_ns[rows].astype(float)
    return Loaded(rate_per_s=profile.rate_per_s, due_ns=due, done_ns=done, unit_ns=unit)


def fitted(windows: Sequence[Loaded], found: CallCosts, beside: Around) -> BatchLaw | None:
    """The law that the windows follow, in units but for its wait, which is in ns; None where none
    does."""
    before = beside.before_ns / float(np.mean([each.unit_ns for each in windows]))
    low, high = -0.9 * found.alone, LONGEST * (before + found.alone + max(beside.after, 0.0))
    ends = [
        sum(_longer(each, of_costs(found, beside, end)) for each in windows) for end in (low, high)
    ]
    if not ends[0] > 0 > ends[1]:
        return None
    for _ in range(_STEPS):
        beyond = (low + high) / 2
        if sum(_longer(each, of_costs(found, beside, beyond)) for each in windows) > 0:
            low = beyond
        else:
            high = beyond
    return of_costs(found, beside, (low + high) / 2)


def pause(window: Window, found: CallCosts) -> float | None:
    """How long the server pauses between two calls while it is saturated, in units; None where its
    calls are too few."""
    calls = window.calls
    if len(calls.batch) < FEWEST / 3:
        return None
    unit = float(_cpu(calls).sum() / (1 + (calls.batch - 1) * found.cpu_each).sum())
    each_ns = window.facts.elapsed_s * 1e9 / len(calls.batch)
    return float(each_ns - calls.duration_ns.mean()) / unit


def settled(beyond: float, error: float, paused: float, before: float) -> tuple[float, float]:
    """(how long a batch keeps the next one out beyond its call, standard deviation of that), in
    units, by what windows of random arrivals say, with its error, and a saturated window.

    Between two calls, a server answers, takes requests and waits for more of them: all of this is
    its pause while it is saturated. A server that counts its wait from when it is free keeps the
    next batch out for all of it; one that counts from when the first request came, `before` its
    call, for all but that. Windows of random arrivals tell which of the two it is, or that it is
    neither, but little more: at moderate load, few batches keep another one out.
    """
    centres = ((_ALIKE, paused), (_ALIKE, paused - before), (_OTHERS, paused))
    parts = [(share, centre, deviation) for (share, deviation), centre in centres]
    mean, variance = mixture.believed(beyond, max(error, _LEAST_ERROR) ** 2, parts)
    return mean, math.sqrt(variance)


def of_costs(found: CallCosts, beside: Around, beyond: float) -> BatchLaw:
    """The law where a batch keeps the next one out for so long beyond its call."""
    return BatchLaw(
        alone_ns=found.alone + beyond,
        each_ns=found.each,
        most=2 * found.most,  # more than were seen may come together under more load
        wait_ns=beside.before_ns,
        beside_ns=beside.after - beyond,
    )


def _longer(each: Loaded, law: BatchLaw) -> float:
    """By how much requests took longer than the law says, summed over them."""
    real = law.scaled(each.unit_ns)
    left = batch_law.departures(each.due_ns, real.occupied, real.most, real.wait_ns)
    difference = np.sort(each.done_ns - left - real.beside_ns)
    cut = int(TRIMMED * len(difference))
    kept = difference[cut : len(difference) - cut]
    return float(kept.mean()) * len(kept) / each.unit_ns if len(kept) else 0.0


def error(windows: Sequence[Loaded], found: CallCosts, beside: Around) -> float | None:
    """Standard error of the logarithm of the time for which a batch of one occupies the worker, by
    the jackknife over the windows (Quenouille, Biometrika 43, 1956)."""
    count = len(windows)
    if count < 3:
        return None
    others = ([*windows[:place], *windows[place + 1 :]] for place in range(count))
    laws = [fitted(each, found, beside) for each in others]
    without = [math.log(law.alone_ns) for law in laws if law is not None]
    return math.sqrt((count - 1) * float(np.var(without))) if len(without) > 2 else None


def _cpu(calls: Calls) -> Any:
    """CPU time of each call; if it was not recorded, or the clock of threads is too coarse for
    it, how long it took."""
    return np.where(calls.thread_cpu_ns <= 0, calls.duration_ns, calls.thread_cpu_ns)


def _line(size: Any, taken: Any) -> tuple[float, float]:
    """(of a size of one, of each further one), by least squares."""
    each, none = np.polyfit(size, taken, 1)
    return float(none + each), float(each)
