"""Statistics of samples: pure functions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any

import numpy as np

from harness.analyse.statistics import resampling

PERCENTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "p999": 0.999}
_BEYOND = 4


def percentile(values: Any, share: float) -> float | None:
    """The percentile of a sample, or None where there are too few samples behind it, or where it
    falls among infinite ones: requests that were never answered.

    Four samples must be expected beyond it (400 for p99): then the chance that none lies beyond
    the true percentile is below 2% (0.99**400), so that an estimate from above exists.
    """
    if len(values) < needed(share):
        return None
    return finite_quantile(values, share) if reached(values, share) else None


def reached(values: Any, share: float) -> bool:
    """Whether a percentile falls among finite numbers: between a finite and an infinite one nothing
    can be interpolated."""
    upper = math.ceil(share * (len(values) - 1) - 1e-9)
    return bool(np.isfinite(np.partition(values, upper)[upper]))


def finite_quantile(values: Any, share: float) -> float:
    """A percentile that falls among finite numbers. NumPy looks at the next one too, even where
    that has no part in it."""
    most = values[np.isfinite(values)].max()
    return float(np.percentile(np.minimum(values, most), 100 * share))


def needed(share: float) -> int:
    """How many samples a percentile needs."""
    return math.ceil(_BEYOND / (1 - share) - 1e-6)


def summary_ms(durations_ns: Any) -> dict[str, float | None]:
    """Mean of the finite durations, percentiles and maximum of all, in milliseconds; None where not
    known."""
    values = durations_ns / 1e6
    answered = values[np.isfinite(values)]
    have = len(answered) > 0
    return {
        "mean": float(answered.mean()) if have else None,
        **{name: percentile(values, share) for name, share in PERCENTILES.items()},
        "max": float(answered.max()) if have and len(answered) == len(values) else None,
    }


@dataclass(frozen=True, slots=True)
class Spread:
    """A number over the rounds of a variant: the median, with an interval of 95%."""

    median: float
    low: float
    high: float
    rounds: int


def spread(values: Sequence[float | None], replicates: Sequence[Any] = ()) -> Spread | None:
    """Over the rounds that have the number; None where none has.

    The replicates of a round say how well it is known by itself; without them, or where a round
    has None, as exactly as its number.
    """
    pairs = list(zip_longest(values, replicates))
    known = [value for value, _ in pairs if value is not None]
    if not known:
        return None
    rounds = [value if drawn is None else drawn for value, drawn in pairs if value is not None]
    return Spread(float(np.median(known)), *resampling.interval(rounds), len(known))


def most_at_once(start: Any, duration: Any) -> int:
    """How many of some intervals overlap at most; one that ends as another starts does not."""
    if not len(start):
        return 0
    moments = np.concatenate((start, start + duration))
    steps = np.concatenate((np.ones(len(start)), -np.ones(len(start))))
    order = np.lexsort((steps, moments))
    return int(np.cumsum(steps[order]).max())


def by_chance(hits: int, count: int) -> float:
    """The chance of so many hits or more in a count where each is as likely as not: a sign test."""
    from scipy.special import bdtrc

    return float(bdtrc(hits - 1, count, 0.5)) if hits > 0 else 1.0


def student(freedom: int, confidence: float) -> float:
    """Standard errors on either side that hold a mean with that confidence."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, (1 + confidence) / 2))
