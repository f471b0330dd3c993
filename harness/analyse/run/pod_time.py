"""The pods of a Deployment over the time of a window: pure functions of what was seen of them.

What is seen at a moment holds until the next one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.stored.pods import ClusterChange, PodMoment, PodShare
from harness.stored.records import RunFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSeconds:
    """What serving took, in seconds of pods, and what it could have taken."""

    used_s: float  # of pods that were there, starting and ending ones too
    ready_s: float
    ideal_s: float  # of as many at each rate as carry it, had each the capacity of one alone
    fixed_s: float  # of as many throughout as the highest rate needs
    most: int  # pods at once


@dataclass(frozen=True, slots=True, kw_only=True)
class PodBalance:
    """How calls were spread over pods."""

    calls: tuple[int, ...]  # of each pod, the most first
    jain: float  # 1: all have as many; 1/n: one of n has all
    most_over_mean: float

    @property
    def least_over_mean(self) -> float:
        """Of the pod with the fewest."""
        return self.calls[-1] * len(self.calls) / sum(self.calls)


def needed(rate_per_s: float, capacity_per_s: float) -> int:
    """How many pods carry a rate, if each had the capacity of one alone."""
    if capacity_per_s <= 0:
        return 1
    return max(1, math.ceil(rate_per_s / capacity_per_s - 1e-6))


def seconds(change: ClusterChange) -> PodSeconds | None:
    """Of a change whose rate has phases; None where nothing was seen of its pods."""
    if not change.moments or not change.phases:
        return None
    end_ns = change.phases[-1].to_ns
    wanted = [(needed(p.rate_per_s, change.rate_per_s), p) for p in change.phases]
    whole_s = (change.phases[-1].to_ns - change.phases[0].from_ns) / 1e9
    return PodSeconds(
        used_s=_integral(change.moments, end_ns, lambda moment: moment.present),
        ready_s=_integral(change.moments, end_ns, lambda moment: moment.ready),
        ideal_s=sum(pods * (phase.to_ns - phase.from_ns) / 1e9 for pods, phase in wanted),
        fixed_s=max(pods for pods, _ in wanted) * whole_s,
        most=max(m.present for m in change.moments if m.at_ns < end_ns or m is change.moments[0]),
    )


def first_ns(
    moments: Sequence[PodMoment], from_ns: int, to_ns: int, so: Callable[[PodMoment], bool]
) -> int | None:
    """The first moment of a stretch at which something was so."""
    return next((m.at_ns for m in moments if from_ns <= m.at_ns < to_ns and so(m)), None)


def at(moments: Sequence[PodMoment], at_ns: int) -> PodMoment | None:
    """What was seen last by then; the first of all where nothing was seen before."""
    before = [moment for moment in moments if moment.at_ns <= at_ns]
    return before[-1] if before else next(iter(moments), None)


def balance(shares: Sequence[PodShare], replicas: int = 0) -> PodBalance | None:
    """How even the calls of pods are; of fewer shares than replicas, the others had none. None
    where there is but one pod, or no call.

    Jain's index of fairness: R. Jain, D. Chiu, W. Hawe, A Quantitative Measure of Fairness and
    Discrimination for Resource Allocation in Shared Computer Systems, DEC-TR-301, 1984.
    """
    calls = sorted((share.calls for share in shares), reverse=True)
    calls += [0] * (replicas - len(calls))
    if len(calls) < 2 or not sum(calls):
        return None
    squares = sum(count * count for count in calls)
    return PodBalance(
        calls=tuple(calls),
        jain=sum(calls) ** 2 / (len(calls) * squares),
        most_over_mean=calls[0] * len(calls) / sum(calls),
    )


def balance_of(facts: RunFacts) -> PodBalance | None:
    """That of a run's windows of profiles."""
    shares = facts.lifecycle.shares if facts.lifecycle is not None else ()
    return balance(shares, replicas(facts))


def replicas(facts: RunFacts) -> int:
    """How many of it there were in the windows of profiles; 1 where it was no Deployment."""
    pod = facts.container.pod if facts.container is not None else None
    return pod.replicas if pod is not None else 1


def _integral(moments: Sequence[PodMoment], end_ns: int, of: Callable[[PodMoment], int]) -> float:
    """From the window's start until then; before the first moment as at that one."""
    edges = [0, *(min(moment.at_ns, end_ns) for moment in moments[1:]), end_ns]
    values = zip(moments, pairwise(edges), strict=True)
    return sum(of(moment) * max(end - start, 0) for moment, (start, end) in values) / 1e9
