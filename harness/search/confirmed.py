"""The best setting beside today's, by runs that had no say in its being chosen."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from harness.search import enough
from harness.search.candidates import Candidate, Outcome
from harness.stored.tunings import TODAY

# As variants are separated: with the at most three looks that the search takes, equal settings are
# separated in about 5 % of the cases.
CONFIDENCE = 0.98


@dataclass(frozen=True, slots=True)
class Interval:
    """A number with an interval of 98 %."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmed:
    """The estimate from the runs that did not take part in the choice."""

    capacity: Mapping[int, Interval]  # by candidate
    starts: Mapping[int, int]
    ratio: Interval | None  # of the best to today's; None where one of them was not confirmed
    needed: int | None  # starts of each that would separate them; None if they are separated

    @property
    def told_apart(self) -> bool:
        return self.ratio is not None and not self.ratio.low <= 1 <= self.ratio.high

    @property
    def resolved(self) -> float | None:
        """The least difference that these starts separate, as a share; None where no ratio is
        known."""
        if self.ratio is None:
            return None
        return enough.difference(math.log(self.ratio.high / self.ratio.low) / 2)


def of(tried: Sequence[Candidate], best: Candidate | None) -> Confirmed:
    """The estimate for today's setting and the best other one."""
    groups = {
        candidate.number: [o for o in candidate.confirming() if o.level]
        for candidate in tried
        if candidate.number == TODAY or candidate is best
    }
    groups = {number: found for number, found in groups.items() if found}
    starts = {number: len(found) for number, found in groups.items()}
    freedom = sum(starts.values()) - len(groups)
    if freedom < 1:
        return Confirmed(capacity={}, starts=starts, ratio=None, needed=None)
    logs = {n: [math.log(o.level or 1.0) for o in found] for n, found in groups.items()}
    variance, times = _variance(logs, groups), _student(freedom)
    middles = {number: sum(values) / len(values) for number, values in logs.items()}
    capacity_of = {
        number: _interval(middle, times * math.sqrt(variance / starts[number]))
        for number, middle in middles.items()
    }
    ratio, needed = None, None
    if best is not None and len(groups) == 2:
        apart = middles[best.number] - middles[TODAY]
        half = times * math.sqrt(sum(variance / count for count in starts.values()))
        ratio = _interval(apart, half)
        needed = None if abs(apart) > half else _needed(apart, variance, min(starts.values()))
    return Confirmed(capacity=capacity_of, starts=starts, ratio=ratio, needed=needed)


def _variance(
    logs: Mapping[int, Sequence[float]], groups: Mapping[int, Sequence[Outcome]]
) -> float:
    """The variance of one start: that between starts, but no less than each search's own."""
    squares = sum(
        sum((value - sum(values) / len(values)) ** 2 for value in values)
        for values in logs.values()
    )
    outcomes = [outcome for found in groups.values() for outcome in found]
    own = sum(outcome.spread**2 for outcome in outcomes) / len(outcomes)
    return max(squares / (len(outcomes) - len(groups)), own)


def _interval(middle: float, half: float) -> Interval:
    return Interval(math.exp(middle), math.exp(middle - half), math.exp(middle + half))


def _needed(apart: float, variance: float, starts: int) -> int | None:
    """Starts of each after which a difference of that size would be told, more than those that did
    not; None: beyond reason."""
    if abs(apart) < 0.01:
        return None
    count = math.ceil(2 * variance * (_student(30) / apart) ** 2)
    return max(count, starts + 1)


def _student(freedom: int) -> float:
    """Standard errors on either side that hold a mean."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + CONFIDENCE) / 2))
