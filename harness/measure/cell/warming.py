"""Warming a server up until it is steady: load in slices, until their medians agree."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from harness.stored.lifecycle import WarmUp
from harness.windows.profiles import Profile
from harness.windows.samples import Requests

Fire = Callable[[Profile, int], Requests]

# Perf Analyzer's rule for a stable measurement: three in a row, the extremes within a tenth.
AGREEING = 3
WITHIN = 0.10
# So many answers, that the median of a slice is known to some 15% at worst; with fewer than the
# least, three slices would agree whatever they said.
_WANTED = 40
_LEAST = 10
_SHORTEST_S = 0.2
_GRACE_S = 1.0  # for connections to open, and for the last answers of slices


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """The median latency of a slice, with its 95% interval by order statistics, in ms."""

    answers: int
    median: float
    low: float
    high: float


def summed_up(requests: Requests, *, is_open: bool) -> Slice:
    """A slice of load; its latency is the response time, or in a closed loop the service time."""
    taken = np.sort(requests.response_ns() if is_open else requests.service_ns()) / 1e6
    count = len(taken)
    if not count:
        return Slice(answers=0, median=math.nan, low=math.nan, high=math.nan)
    half = 0.98 * math.sqrt(count)
    low = taken[max(math.floor(count / 2 - half), 0)]
    high = taken[min(math.ceil(count / 2 + half), count - 1)]
    return Slice(answers=count, median=float(np.median(taken)), low=float(low), high=float(high))


def steady(slices: Sequence[Slice]) -> bool:
    """Whether the last slices agree: medians within a tenth, or not separated.

    The second, since the median of a few dozen answers at random moments varies by more than a
    tenth however steady the server is.
    """
    last = slices[-AGREEING:]
    if len(last) < AGREEING or any(slice_.answers < _LEAST for slice_ in last):
        return False
    least, most = (pick(last, key=lambda slice_: slice_.median) for pick in (min, max))
    return most.median <= (1 + WITHIN) * least.median or most.low <= least.high


def warm_up(fire: Fire, profile: Profile, most_s: float) -> WarmUp:
    """Fire slices of the load that comes next until they agree, for `most_s` of load at most; at a
    rate that leaves three slices too few answers, for up to twice as long."""
    base = profile
    if profile.is_open:
        # At even times, so that each slice has as many answers. Where a ramp or a spike begins: in
        # a slice of its own it would be all of itself.
        base = replace(profile, shape="constant", rate_to_per_s=None)
    slices: list[Slice] = []
    starts: list[float] = []
    loaded_s, per_s, began = 0.0, profile.rate_per_s or 0.0, time.monotonic()
    least_s = (_LEAST + 1) / per_s if per_s else 0.0
    most_s = max(most_s, min(AGREEING * least_s, 2 * most_s))
    while not steady(slices) and time.monotonic() - began < most_s + _GRACE_S:
        duration_s = min(max(_SHORTEST_S, _WANTED / per_s if per_s else 0.0), most_s / AGREEING)
        if loaded_s + duration_s > most_s * 1.001:
            break
        starts.append(time.monotonic() - began)
        requests = fire(replace(base, duration_s=duration_s), len(slices))
        slices.append(summed_up(requests, is_open=profile.is_open))
        loaded_s += duration_s
        if not profile.is_open:
            per_s = slices[-1].answers / duration_s
    seconds = time.monotonic() - began
    return WarmUp(
        round(seconds, 3),
        round(starts[-AGREEING], 3) if steady(slices) else None,
        tuple(None if math.isnan(s.median) else round(s.median, 3) for s in slices),
    )
