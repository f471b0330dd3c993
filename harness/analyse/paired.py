"""Ratios of two variants, round by round: what slows the machine down in a round slows both.

The unit is the round: a server's fresh start moves its latency by more than all requests after it
tell, so thousands of requests of two starts are two observations. The interval is Student's, of the
mean of the logarithms over the rounds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
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
    rounds = sorted(ours.keys() & theirs.keys())
    if not rounds or any(min(ours[r], theirs[r]) <= 0 for r in rounds):
        return None
    return _ratio([math.log(ours[r] / theirs[r]) for r in rounds])


def by_request(ours: Mapping[int, Any], theirs: Mapping[int, Any]) -> Ratio | None:
    """Of response times: request i of both is the same request, so the round's ratio is the median
    over the requests that both answered (NaN marks one that was not)."""
    logarithms = []
    for number in sorted(ours.keys() & theirs.keys()):
        a, b = ours[number], theirs[number]
        if len(a) == len(b):
            both = np.isfinite(a) & np.isfinite(b) & (a > 0) & (b > 0)
            if both.any():
                logarithms.append(float(np.median(np.log(a[both] / b[both]))))
    return _ratio(logarithms) if logarithms else None


def _ratio(logarithms: list[float]) -> Ratio:
    from scipy.special import stdtrit

    count, middle = len(logarithms), float(np.mean(logarithms))
    if count == 1:  # nothing says how much it would differ in the next
        return Ratio(math.exp(middle), 0.0, math.inf, 1)
    error = float(np.std(logarithms, ddof=1)) / math.sqrt(count)
    reach = min(error * float(stdtrit(count - 1, (1 + CONFIDENCE) / 2)), 700.0)
    return Ratio(math.exp(middle), math.exp(middle - reach), math.exp(middle + reach), count)
