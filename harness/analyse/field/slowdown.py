"""How much more than the model everything around it slows down where the host is slow.

All times of a queue are in units of the model's CPU time in the same window, so that a slow minute
of the host changes none of them, were the host equally slow for all code. It is not: what surrounds
the model (interpreters, copies, system calls) loses more to cold caches and to other guests of the
host than the model's dense loops do. Measured on two cores in four campaigns of 49 to 55 starts:
where the model takes 10% longer, what surrounds it takes 12% to 19% longer even in those units. So
that a variant is not judged by the minutes that it happened to get, each start is read as if the
host had been as fast as in the mean of the campaign. The exponent is learnt from the campaign
itself.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from harness.queues import law
from harness.queues.law import Law
from harness.queues.queueing import Queue

_PRIOR = 1.0  # standard deviation of the exponent before anything was seen, around none
_MOST = 3.0  # the largest exponent that is believed
_LEAST_ERROR = 0.01  # standard error of a saturated window's logarithm, at least
_LEAST_REST = 0.02  # in units; what is less than that around the model tells nothing


def exponent(queues: Mapping[str, Sequence[Queue]], units: Mapping[str, float]) -> float:
    """The power of the model's time with which the rest grows beyond it; 0 where nothing tells it.

    By least squares within the starts of each variant, on logarithms; `units` are the model's mean
    CPU times in nanoseconds.
    """
    products = squares = 0.0
    for name, found in queues.items():
        seen = list(_seen(found, units.get(name, 0.0)))
        if len(seen) < 2:
            continue
        slow, rest, weights = (np.array(column) for column in zip(*seen, strict=True))
        slow, rest = (each - np.average(each, weights=weights) for each in (slow, rest))
        products += float((weights * slow * rest).sum())
        squares += float((weights * slow * slow).sum())
    return float(min(max(products / (squares + _PRIOR**-2), 0.0), _MOST))


def steadied(queue: Queue, unit_ns: float, power: float) -> Queue:
    """A queue as it would have been with the model at its mean CPU time."""
    known = queue.law
    if not isinstance(known, Law) or not (power and queue.saturated_ns and unit_ns):
        return queue
    occupied = _at(known.occupied_ns, queue.saturated_ns, unit_ns, power)
    sample = known.shape.sample * known.occupied_ns + (occupied - known.occupied_ns)
    read = law.of_sample(np.maximum(sample, 0.0), known.beside_ns, known.shape.workers)
    seen = queue.occupied
    if seen is not None:
        seen = _at(seen, queue.unit_ns, unit_ns, power)
    return replace(queue, law=read, occupied=seen)


def _at(occupied: float, slow_ns: float, unit_ns: float, power: float) -> float:
    """The time that occupies a server, with all but the model at its mean speed."""
    return 1.0 + (occupied - 1.0) * math.pow(unit_ns / slow_ns, power)


def _seen(found: Iterable[Queue], unit_ns: float) -> Iterable[tuple[float, float, float]]:
    """(logarithm of the slowness, of the rest, weight) of each start that tells both."""
    for queue in found:
        rest = queue.law.occupied_ns - 1.0
        if isinstance(queue.law, Law) and queue.saturated_ns and unit_ns and rest > _LEAST_REST:
            error = math.hypot(min(queue.law_error, 1.0), _LEAST_ERROR)
            weight = (rest / (error * queue.law.occupied_ns)) ** 2
            yield math.log(queue.saturated_ns / unit_ns), math.log(rest), weight
