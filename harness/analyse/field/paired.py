"""Ratios of two variants, round by round: what slows the machine down in a round slows both.

The unit is the round: a server's fresh start moves its latency by more than all requests after it
tell, so thousands of requests of two starts are two observations. The interval is Student's, of the
mean of the logarithms over the rounds.

The two of a round do not run at the same moment, and the machine drifts meanwhile. Since rounds
run forwards and backwards in turn, what it adds changes its sign from round to round: the mean is
right, but its interval would be that of the drift. With rounds enough, the drift is a part of the
model: the time between the two, times a slope that is itself a straight line over the campaign.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

Moments = Mapping[int, tuple[float, float]]  # of each round: when ours ran and theirs, seconds

# Each coefficient of the drift costs a degree of freedom. With fewer rounds it costs more than the
# drift does; by their number alone, since a choice by the values would find what it looks for.
_ROUNDS_FOR_SLOPE, _ROUNDS_FOR_CHANGE = 5, 6
_KNOWN = 1e6  # degrees of freedom of a variance that was not estimated from the rounds
_TOO_ALIKE = 100.0  # condition of the regression
# A smaller difference does not decide a choice, and two starts of one server can differ by about
# as much for good: by where its memory happens to lie, say.
LEAST = 0.01
CONFIDENCE = 0.98  # so that a variant beside itself is called different in one case of fifty


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours divided by theirs, with an interval of CONFIDENCE."""

    ratio: float
    low: float
    high: float
    rounds: int

    @property
    def apart(self) -> bool:
        """Whether the two are separated: surely, and by more than LEAST."""
        return (self.low > 1 and self.ratio > 1 + LEAST) or (
            self.high < 1 and self.ratio < 1 / (1 + LEAST)
        )


def of_values(
    ours: Mapping[int, float], theirs: Mapping[int, float], moments: Moments | None = None
) -> Ratio | None:
    """The ratio from one number for each round. None if no round has both, or a number is not above
    zero."""
    return of_logs(logs_of_values(ours, theirs), moments)


def logs_of_values(ours: Mapping[int, float], theirs: Mapping[int, float]) -> dict[int, float]:
    """The logarithm of each round's ratio, as `of_values` has it; empty where that has none."""
    rounds = sorted(ours.keys() & theirs.keys())
    if any(min(ours[r], theirs[r]) <= 0 for r in rounds):
        return {}
    return {r: math.log(ours[r] / theirs[r]) for r in rounds}


def logs_by_request(ours: Mapping[int, Any], theirs: Mapping[int, Any]) -> dict[int, float]:
    """The logarithm of each round's ratio of response times: request i of both is the same
    request, so it is the median over the requests that both answered (NaN: one that was not)."""
    found = {}
    for number in sorted(ours.keys() & theirs.keys()):
        a, b = ours[number], theirs[number]
        if len(a) == len(b):
            both = np.isfinite(a) & np.isfinite(b) & (a > 0) & (b > 0)
            if both.any():
                found[number] = float(np.median(np.log(a[both] / b[both])))
    return found


def of_logs(
    logarithms: Mapping[int, float], moments: Moments | None = None, shared: float = 0.0
) -> Ratio | None:
    """The ratio from the logarithms of each round's ratio; None if there are none.

    Without `moments` for every round, nothing is known of the drift. `shared` is a variance that
    all rounds share, so that they do not show it.
    """
    if not logarithms:
        return None
    seen = np.array(list(logarithms.values()))
    if len(seen) == 1:  # nothing says how much it would differ in the next
        return Ratio(math.exp(seen[0]), 0.0, math.inf, 1)
    known = moments is not None and logarithms.keys() <= moments.keys()
    times = np.array([moments[r] for r in logarithms]) if moments and known else None
    design = _design(times, len(seen))
    found = np.linalg.lstsq(design, seen, rcond=None)[0]
    free = len(seen) - design.shape[1]
    variance = float(np.sum((seen - design @ found) ** 2)) / free
    error = math.sqrt(variance * float(np.linalg.inv(design.T @ design)[0, 0]))
    reach = math.hypot(error * student(free), math.sqrt(shared) * student(_KNOWN))
    middle, reach = float(found[0]), min(reach, 700.0)
    return Ratio(math.exp(middle), math.exp(middle - reach), math.exp(middle + reach), len(seen))


def student(freedom: float, among: int = 1) -> float:
    """How many standard errors hold CONFIDENCE, where the error was estimated itself; for all of
    so many values at once."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - (1 - CONFIDENCE) / (2 * among)))


def _design(times: Any, rounds: int) -> Any:
    """The regression's columns: the ratio; from so many rounds on the drift, and its change."""
    columns = [np.ones(rounds)]
    if times is not None and rounds >= _ROUNDS_FOR_SLOPE:
        between = times[:, 0] - times[:, 1]
        columns.append(between / max(np.abs(between).max(), 1e-9))
        if rounds >= _ROUNDS_FOR_CHANGE:
            middle = times.mean(axis=1) - times.mean()
            columns.append(columns[1] * middle / max(np.abs(middle).max(), 1e-9))
    design = np.stack(columns, axis=1)
    # If every round had the same order, the drift can't be separated from the ratio.
    return design if np.linalg.cond(design) < _TOO_ALIKE else design[:, :1]
