"""Each server's queue, estimated from the starts of all servers together.

The model is the same in all of them, so that its speed in one start of one server is luck: each
law is set to the speed that the model had in the whole campaign. And most servers follow the law
of a queue: the more of them do, the less a deviation of one that chance explains as well is
believed. One that deviates surely is left as it was seen: a mixture of normal distributions, of
servers that follow the law, nearly do or do not, says how much of what was seen to keep.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analyse.field import slowdown
from harness.queues import law, mixture
from harness.queues.batch_law import BatchLaw
from harness.queues.law import Law
from harness.queues.queueing import Queue

# (share, centre, standard deviation) of the logarithm of the time for which a request occupies the
# server beyond its law: of servers that follow it, of those that nearly do, and of those that do
# not. In four runs of `quick`, 11 of 22 variants were off by less than 1% in the mean, 4 by 1 to
# 2%, 5 by 4 to 9% and 2 by 25%, most of them in all runs alike.
_FOLLOW = 0.01
_KINDS = ((0.7, 0.0, _FOLLOW), (0.2, 0.0, 0.05), (0.1, 0.0, 0.3))
# A model that takes less than a third of a request's time says little about the whole.
_DOMINATED = 3.0
# Calls longer than this multiple of their CPU time share the process or the CPU with others.
_UNDISTURBED = 1.15
_UNSURE = 0.05  # standard error of what too few windows say of an excess
_LEAST = 0.005  # the least that a start's own windows can be off by
_TOGETHER = 3  # variants that the model's speed is learnt from; of fewer, each keeps its own


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """The pooled estimates with which a variant's queues are read."""

    unit_ns: float  # the model's CPU time, in the mean
    excess: float  # how many times as long as its law says a request occupies the server
    deviation: float  # standard deviation of the logarithm of that
    # How long the model takes, in units of its CPU time, ascending; None: each queue's own.
    calls: Any = None
    power: float = 0.0  # with which what surrounds the model slows down beyond it
    common: bool = True  # whether that CPU time holds for each start; else its own does

    def law(self, queue: Queue) -> Law | BatchLaw:
        """A queue's law with what all say together, in nanoseconds."""
        known = slowdown.steadied(queue, self.unit_ns, self.power).law
        if isinstance(known, Law) and self.calls is not None:
            # The rest of the occupied time is the same for each request, with others beside, too.
            occupied = np.maximum(self.calls + known.occupied_ns - 1.0, 0.0)
            known = law.of_sample(occupied, known.beside_ns, known.shape.workers)
        unit_ns = self.unit_ns if self.common else queue.unit_ns
        return known.stretched(self.excess).scaled(unit_ns)


def of(queues: Mapping[str, Sequence[Queue]], backends: Mapping[str, str]) -> dict[str, Pooled]:
    """The pooled estimates from each variant's queues, one for each round; `backends` groups the
    variants that call the same model."""
    units, common = _units(queues, backends)
    calls = _calls(queues, backends)
    power = slowdown.exponent(queues, units) if _dominates(queues) else 0.0
    seen = _seen(
        {
            name: [slowdown.steadied(q, units[name], power) for q in f]
            for name, f in queues.items()
            if f
        }
    )
    middle = float(np.median([mean for mean, _ in seen.values()])) if len(seen) > 4 else 0.0
    made = {}
    for name, found in queues.items():
        if found and isinstance(found[0].law, BatchLaw):
            # It is what was seen under load itself, in each start anew: they share no error. Its
            # unit is fitted with it, so that another one would not make it surer.
            made[name] = Pooled(unit_ns=units[name], excess=1.0, deviation=0.0, common=False)
        elif found:
            excess, variance = 0.0, _FOLLOW**2
            if name in seen:
                excess, variance = mixture.believed(seen[name][0] - middle, seen[name][1], _KINDS)
            made[name] = Pooled(
                unit_ns=units[name],
                excess=math.exp(middle + excess),
                deviation=math.sqrt(variance),
                calls=calls[name],
                power=power if name in common else 0.0,
                common=name in common,
            )
    return made


def _calls(queues: Mapping[str, Sequence[Queue]], backends: Mapping[str, str]) -> dict[str, Any]:
    """How long the model takes, of each variant: as those say together that call the same one.

    The rare long calls decide a high percentile, and one window has few of them.
    """
    taken: dict[str, dict[str, list[Any]]] = {}
    for name, found in queues.items():
        for queue in found:
            if isinstance(queue.law, Law) and 0 < queue.model < _UNDISTURBED:
                rest = queue.law.occupied_ns - queue.model
                sample = (queue.law.shape.sample * queue.law.occupied_ns - rest) / queue.model
                taken.setdefault(backends[name], {}).setdefault(name, []).append(sample)
    made = {
        backend: np.sort(np.concatenate([sample for found in by.values() for sample in found]))
        for backend, by in taken.items()
        if len(by) >= _TOGETHER
    }
    return {name: made.get(backends[name]) for name in queues if queues[name]}


def _dominates(queues: Mapping[str, Sequence[Queue]]) -> bool:
    """Whether the model is a large part of what a request takes, with most servers."""
    occupied = [queue.law.occupied_ns for found in queues.values() for queue in found]
    return bool(occupied) and float(np.median(occupied)) < _DOMINATED


def _units(
    queues: Mapping[str, Sequence[Queue]], backends: Mapping[str, str]
) -> tuple[dict[str, float], set[str]]:
    """(the model's mean CPU time by variant, those for which all that share it say so)."""
    own = {
        name: float(np.mean([math.log(queue.unit_ns) for queue in found]))
        for name, found in queues.items()
        if found
    }
    alike = {
        name: [other for who, other in own.items() if backends[who] == backends[name]]
        for name in own
    }
    common = {name for name in own if _dominates(queues) and len(alike[name]) >= _TOGETHER}
    units = {
        name: math.exp(float(np.mean(alike[name])) if name in common else value)
        for name, value in own.items()
    }
    return units, common


def _seen(queues: Mapping[str, Sequence[Queue]]) -> dict[str, tuple[float, float]]:
    """(logarithm of the excess, variance of that) of each variant whose loaded windows tell it.

    A start counts by how much its own windows say: few windows, or a stall of the host in one of
    them, say little.
    """
    logs = {
        name: [(math.log(q.excess), _doubt(q)) for q in found if q.excess and q.excess > 0]
        for name, found in queues.items()
        if found and not isinstance(found[0].law, BatchLaw)
    }
    logs = {name: found for name, found in logs.items() if found}
    between = _between(logs.values())
    seen = {}
    for name, found in logs.items():
        weights = np.array([1 / (own + between) for _, own in found])
        mean = float(np.average([log for log, _ in found], weights=weights))
        seen[name] = (mean, 1 / float(weights.sum()))
    return seen


def _doubt(queue: Queue) -> float:
    """Variance of the logarithm of a start's excess, by its own windows."""
    under_load = _UNSURE if queue.error is None else queue.error
    return max(under_load**2 + min(queue.law_error, 1.0) ** 2, _LEAST**2)


def _between(groups: Iterable[Sequence[tuple[float, float]]]) -> float:
    """The variance between starts of one server beyond what their own say, over all; 0 where each
    started once. By moments (DerSimonian and Laird, Controlled Clinical Trials 7, 1986)."""
    beyond = scale = 0.0
    for group in groups:
        weights = np.array([1 / own for _, own in group])
        values = np.array([log for log, _ in group])
        mean = np.average(values, weights=weights)
        beyond += float((weights * (values - mean) ** 2).sum()) - (len(group) - 1)
        scale += float(weights.sum() - (weights**2).sum() / weights.sum())
    return max(beyond / scale, 0.0) if scale > 0 else 0.0
