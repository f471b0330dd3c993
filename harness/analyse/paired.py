"""Ratios of two variants, round by round: what slows the machine down in a round slows both.

The unit is the round: a server's fresh start moves its latency by more than all requests after it
tell, so thousands of requests of two starts are two observations. The interval is Student's, of the
mean of the logarithms over the rounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

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
        """Whether the two are told apart."""
        return self.low > 1 or self.high < 1


def of_values(ours: Mapping[int, float], theirs: Mapping[int, float]) -> Ratio | None:
    """Of one number for each round. None where no round has both, or a number is not above zero."""
    return of_logs([*logs_of_values(ours, theirs).values()])


def by_request(ours: Mapping[int, Any], theirs: Mapping[int, Any]) -> Ratio | None:
    """Of response times: request i of both is the same request, so the round's ratio is the median
    over the requests that both answered (NaN marks one that was not)."""
    return of_logs([*logs_by_request(ours, theirs).values()])


def logs_of_values(ours: Mapping[int, float], theirs: Mapping[int, float]) -> dict[int, float]:
    """The logarithm of each round's ratio, as `of_values` has it; empty where that has none."""
    rounds = sorted(ours.keys() & theirs.keys())
    if any(min(ours[r], theirs[r]) <= 0 for r in rounds):
        return {}
    return {r: math.log(ours[r] / theirs[r]) for r in rounds}


def logs_by_request(ours: Mapping[int, Any], theirs: Mapping[int, Any]) -> dict[int, float]:
    """The logarithm of each round's ratio, as `by_request` has it."""
    found = {}
    for number in sorted(ours.keys() & theirs.keys()):
        a, b = ours[number], theirs[number]
        if len(a) == len(b):
            both = np.isfinite(a) & np.isfinite(b) & (a > 0) & (b > 0)
            if both.any():
                found[number] = float(np.median(np.log(a[both] / b[both])))
    return found


def of_logs(logarithms: Sequence[float]) -> Ratio | None:
    """Of the logarithms of the rounds' ratios; None where there are none."""
    if not logarithms:
        return None
    count, middle = len(logarithms), float(np.mean(logarithms))
    if count == 1:  # nothing says how much it would differ in the next
        return Ratio(math.exp(middle), 0.0, math.inf, 1)
    error = float(np.std(logarithms, ddof=1)) / math.sqrt(count)
    reach = min(error * student(count - 1), 700.0)
    return Ratio(math.exp(middle), math.exp(middle - reach), math.exp(middle + reach), count)


def student(freedom: int, among: int = 1) -> float:
    """How many standard errors hold CONFIDENCE, where the error was estimated itself; for all of
    so many values at once."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, 1 - (1 - CONFIDENCE) / (2 * among)))
