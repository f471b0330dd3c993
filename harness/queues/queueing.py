"""The law of the queue in front of a server's model, from the windows of a run.

A server that takes one request at a time occupies itself with each for its share of a saturated
second: that, and what a request takes that meets no other, is all that a queue's law needs (see
`harness.queues.law`). What the server does under random arrivals is fitted apart
(`harness.queues.under_load`).

The same holds for a server with several workers that take their requests from one queue. Not all
do: a connection may be bound to a worker, so that a request waits for it while another is idle.
So the windows of random arrivals must show one queue, in which no request overtakes another.

All servers call the same model, whose CPU time differs from start to start and from minute to
minute, by a tenth and more on a shared machine: by what else is in the caches, and by where the
memory of the process happens to lie. All times are therefore in units of the CPU time that a call
of the model took in the same window.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from harness.queues import batch_queue, law, placing, under_load
from harness.queues.batch_law import BatchLaw
from harness.queues.law import Law
from harness.queues.placing import NORMAL
from harness.queues.under_load import Served
from harness.search import tallying
from harness.search.search import Estimate
from harness.setup.slo import Slo
from harness.stored.records import Window
from harness.windows import overlap
from harness.windows.matching import MATCHED
from harness.windows.samples import Calls

_UNSURE = 0.05  # standard error of what too few windows say
# A model that is less than a quarter of what a request takes says little of how these are served:
# that its calls never overlap does not show that requests are taken one at a time.
_HIDDEN = 4.0
_PARTS = 10  # of a saturated window
# A server that takes so much less for a request while it is not saturated is held back by something
# that its requests don't show, such as a quota of CPU time: no law says what that makes of a queue.
_THROTTLED = 0.7
_STRETCH = 1.02  # by which a sensitivity is tried
_NEAR = 1.6  # windows at rates further from the capacity than this factor say little of it


@dataclass(frozen=True, slots=True, kw_only=True)
class Queue:
    """A server's queue; its times are in units of the model's CPU time."""

    # By its saturated window, and by its requests that met no other; of one that merges requests,
    # as it was seen under random arrivals.
    law: Law | BatchLaw
    law_error: float  # standard error of the logarithm of how long a request occupies it
    unit_ns: float  # the model's CPU time in the windows of random arrivals
    # For how long a request kept the next one out under random arrivals, and the standard error of
    # the logarithm of that; None: too few windows.
    occupied: float | None = None
    error: float | None = None
    # The model's mean part of the time that a request occupies it, in units; 0: not known.
    model: float = 0.0
    saturated_ns: float = 0.0  # the model's CPU time in the saturated window; 0: not known

    @property
    def excess(self) -> float | None:
        """How many times as long as the law says a request kept the next one out."""
        if self.occupied is None:
            return None
        return self.occupied / self.law.occupied_ns

    @property
    def loaded_error(self) -> float:
        """Standard error of the logarithm of how long a request occupies it under random
        arrivals."""
        return min(self.error if self.error is not None else self.law_error, 1.0)

    def under_load(self) -> Law | BatchLaw:
        """The law with what was seen under random arrivals, in nanoseconds."""
        return self.law.stretched(self.excess or 1.0).scaled(self.unit_ns)


def of_windows(windows: Sequence[Window], alone: Window | None, slo: Slo) -> Queue | None:
    """The law from a run's windows; `alone` is the window of a lone caller.

    None where the model was called several times at once but no windows show workers that share a
    queue, where the model is the least part of what a request takes, where nothing was saturated,
    or where it is slowed down only while it is.
    """
    called = [window for window in windows if len(window.calls.batch)]
    workers = overlap.workers(called)
    if workers is None:
        return None
    if any((window.calls.batch > 1).any() for window in called):
        return _batching(called, alone, slo)
    saturated = next((w for w in windows if w.facts.profile.saturates), None)
    loaded = [
        found for window in windows if (found := under_load.served(window, workers)) is not None
    ]
    base = _saturated(saturated, _whole(alone, loaded), workers) if saturated is not None else None
    if saturated is None or base is None:
        return None
    error = _saturated_error(saturated)
    busy_ns = under_load.unit(saturated.calls)
    model = float(saturated.calls.duration_ns.mean()) / busy_ns
    near = _near(base, loaded, saturated, slo)
    if workers > 1 and not (
        near and under_load.in_one_queue(near) and overlap.unrelated(saturated.calls)
    ):
        return None
    known = Queue(law=base, law_error=error, unit_ns=busy_ns, model=model, saturated_ns=busy_ns)
    if not near:
        return known
    weights = [len(each.due_ns) for each in near]
    mean = float(np.average([each.unit_ns for each in near], weights=weights))
    seen, doubt = under_load.full(near, saturated), under_load.error(near)
    if seen < _THROTTLED * base.occupied_ns:
        return None
    return replace(known, unit_ns=mean, occupied=seen, error=doubt)


def capacity(windows: Sequence[Window], alone: Window | None, slo: Slo) -> Estimate | None:
    """The rate at which the windows so far say that the SLO is held; None where they can't."""
    found = of_windows(windows, alone, slo)
    loaded = found.under_load() if found is not None else None
    shape = loaded or in_turn(windows, alone)
    known = None
    if shape is not None and not isinstance(loaded, Law):
        random = [w for w in windows if w.facts.profile.shape == "poisson"]
        known = placing.placed(shape, tallying.counted(random, slo), slo)
    if known is None and found is not None and loaded is not None:
        known = by_law(loaded, found.loaded_error, slo)
    return known if known is not None and known.rate_per_s is not None else None


def in_turn(windows: Sequence[Window], alone: Window | None) -> Law | None:
    """The law of a queue that takes one request after the other, each for as long as the saturated
    window's throughput says: a shape for a server of which no law is known. None where nothing was
    saturated."""
    saturated = next((w for w in windows if w.facts.profile.saturates), None)
    if saturated is None:
        return None
    per_s = saturated.requests.throughput(saturated.facts.elapsed_s)
    if not per_s:
        return None
    whole_ns = 0.0
    if alone is not None and alone.requests.ok.any():
        whole_ns = float(np.median(alone.requests.service_ns()))
    return law.of_sample(np.array([1e9 / per_s]), max(whole_ns - 1e9 / per_s, 0.0))


def by_law(found: Law | BatchLaw, error: float, wanted: Slo) -> Estimate:
    """The capacity that a law gives, `error` being the standard error of the logarithm of the time
    for which a request occupies the server."""
    rate = found.capacity(wanted)
    if rate <= 0:
        return Estimate(None, None, None)
    spread = NORMAL * error * sensitivity(found, wanted)
    return Estimate(rate, rate * math.exp(-spread), rate * math.exp(spread))


def sensitivity(found: Law | BatchLaw, wanted: Slo) -> float:
    """By how many percent the capacity falls where requests occupy the server 1% longer."""
    ends = [found.stretched(factor).capacity(wanted) for factor in (1 / _STRETCH, _STRETCH)]
    if min(ends) <= 0:
        return 1.0
    return math.log(ends[0] / ends[1]) / (2 * math.log(_STRETCH))


def _batching(windows: Sequence[Window], alone: Window | None, slo: Slo) -> Queue | None:
    """The law of a server that merges requests, as observed under random arrivals."""
    found = batch_queue.costs([*windows, *([alone] if alone is not None else [])])
    if found is None or alone is None:
        return None
    known, cpu_ns = found
    beside = batch_queue.around(alone, cpu_ns)
    loaded = [each for w in windows if (each := batch_queue.loaded(w, known)) is not None]
    if beside is None or not loaded:
        return None
    likely = batch_queue.fitted(loaded, known, beside)
    if likely is None:
        return None
    rate = likely.scaled(cpu_ns).capacity(slo)
    near = [e for e in loaded if rate / _NEAR < e.rate_per_s < rate * _NEAR] or loaded
    weights = [len(each.due_ns) for each in near]
    mean = float(np.average([each.unit_ns for each in near], weights=weights))
    seen = batch_queue.fitted(near, known, beside) or likely
    error = batch_queue.error(near, known, beside)
    saturated = next((w for w in windows if w.facts.profile.saturates), None)
    paused = batch_queue.pause(saturated, known) if saturated is not None else None
    if paused is not None:
        beyond, doubt = batch_queue.settled(
            seen.alone_ns - known.alone,
            (error or _UNSURE) * seen.alone_ns,
            paused,
            beside.before_ns / mean,
        )
        seen = batch_queue.of_costs(known, beside, beyond)
        error = doubt / seen.alone_ns
    if seen.alone_ns > _HIDDEN * known.alone:
        return None
    return Queue(
        law=seen, law_error=error or _UNSURE, unit_ns=mean, occupied=seen.occupied_ns, error=error
    )


def _whole(alone: Window | None, loaded: Sequence[Served]) -> float | None:
    """The time, in units, of a request that meets no other: of a lone caller, otherwise of the
    requests that found a worker free."""
    if alone is not None and alone.requests.ok.any() and len(alone.calls.batch):
        return _trimmed(alone.requests.service_ns() / under_load.unit(alone.calls))
    if not loaded:
        return None
    return _trimmed(np.concatenate([(s.done_ns - s.due_ns)[s.free] / s.unit_ns for s in loaded]))


def _trimmed(values: Any) -> float:
    """The mean without a tenth at either end: a stall of the host is not the server's."""
    cut = int(under_load.TRIMMED * len(values))
    return float(np.sort(values)[cut : len(values) - cut].mean())


def _saturated(window: Window, whole: float | None, workers: int) -> Law | None:
    """The law by a saturated window: its requests occupy all workers for all of its time."""
    answered = int(window.requests.ok.sum())
    if answered < under_load.FEWEST or len(window.calls.batch) < MATCHED * answered:
        return None
    cpu_ns = under_load.unit(window.calls)
    mean = workers * window.facts.elapsed_s * 1e9 / answered / cpu_ns
    model = window.calls.duration_ns / cpu_ns
    if mean > _HIDDEN * model.mean():
        return None
    occupied = np.maximum(model + mean - model.mean(), 0.0)
    beside = max(whole - mean, 0.0) if whole is not None else 0.0
    return law.of_sample(occupied, beside, workers)


def _saturated_error(window: Window) -> float:
    """From what the window's tenths differ by."""
    length = window.facts.elapsed_s * 1e9 / _PARTS
    calls, done = window.calls, window.requests.done_ns[window.requests.ok]
    found = []
    for number in range(_PARTS):
        mine = (calls.start_ns >= number * length) & (calls.start_ns < (number + 1) * length)
        answers = int(((done >= number * length) & (done < (number + 1) * length)).sum())
        if answers and mine.any():
            part = Calls(**{each.name: getattr(calls, each.name)[mine] for each in fields(Calls)})
            found.append(math.log(length / answers / under_load.unit(part)))
    return float(np.std(found, ddof=1)) / math.sqrt(len(found)) if len(found) > 1 else math.inf


def _near(base: Law, loaded: Sequence[Served], saturated: Window, slo: Slo) -> list[Served]:
    """The windows at rates near the capacity; all of them where none is."""
    if not loaded:
        return []
    cpu_ns = float(np.mean([each.unit_ns for each in loaded]))
    occupied = under_load.full(loaded, saturated)
    likely = base.stretched(occupied / base.occupied_ns).scaled(cpu_ns)
    rate = likely.capacity(slo)
    near = [s for s in loaded if rate / _NEAR < s.rate_per_s < rate * _NEAR]
    return near or list(loaded)
