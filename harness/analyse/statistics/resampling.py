"""The hierarchical bootstrap: rounds are drawn, and within each of them blocks of requests.

Blocks, since neighbours share a queue (Kuensch, Annals of Statistics 17, 1989). The interval's
percentiles are moved out as far as Student's distribution is wider than the normal one (the
expanded percentile interval: Hesterberg, The American Statistician 69, 2015): with two or three
rounds it is their whole range.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from harness.search.search import Estimate
from harness.windows.samples import Requests

REPLICATES = 100  # of a round's number
DRAWS = 2000
BLOCKS = 20  # of a window
_SEED = 11


def percentiles(values: Any, shares: Sequence[float]) -> Any:
    """Replicates of the percentiles of one window, whose values are in the order of their requests.

    Shape: (shares, REPLICATES).
    """
    order = np.argsort(values, kind="stable")
    block = (np.arange(len(values)) * BLOCKS // max(len(values), 1))[order]
    ranked = values[order]
    found = np.empty((len(shares), REPLICATES))
    for number, times in enumerate(_drawn_blocks()):
        weight = np.cumsum(times[block])
        places = np.searchsorted(weight, np.array(shares) * weight[-1])
        found[:, number] = ranked[np.minimum(places, len(ranked) - 1)]
    return found


def rates(requests: Requests, elapsed_s: float) -> Any:
    """Replicates of the answers per second of one window. Shape: (REPLICATES,)."""
    done = requests.done_ns[requests.ok]
    block = np.clip(done * BLOCKS // max(int(elapsed_s * 1e9), 1), 0, BLOCKS - 1)
    counts = np.bincount(block, minlength=BLOCKS)
    return np.array([float((times * counts).sum()) for times in _drawn_blocks()]) / elapsed_s


def medians(values: Sequence[float]) -> Any:
    """Replicates of the median of values that were drawn one by one. Shape: (REPLICATES,)."""
    rng = np.random.default_rng(_SEED)
    drawn = rng.integers(0, len(values), (REPLICATES, len(values)))
    return np.median(np.array(values)[drawn], axis=1)


def around(value: float, low: float, high: float) -> Any:
    """Replicates of a number that has a 95% interval of its own. Shape: (REPLICATES,)."""
    deviation = math.log(high / low) / (2 * 1.96)
    noise = np.random.default_rng(_SEED).standard_normal(REPLICATES)
    return value * np.exp(deviation * noise)


def means(values: Any) -> Any:
    """Replicates of the mean of one window, whose values are in the order of their requests.
    Shape: (REPLICATES,)."""
    blocks = np.array_split(values, min(BLOCKS, len(values)))
    sums, counts = np.array([each.sum() for each in blocks]), np.array(list(map(len, blocks)))
    drawn = np.random.default_rng(_SEED).integers(0, len(blocks), (REPLICATES, len(blocks)))
    return sums[drawn].sum(axis=1) / counts[drawn].sum(axis=1)


def ends(low: float, high: float) -> Any:
    """Replicates of a number of which two bounds are known and nothing else: both of them.

    Shape: (REPLICATES,).
    """
    return np.where(np.arange(REPLICATES) % 2, high, low)


def of_estimate(found: Estimate) -> dict[str, Any]:
    """Replicates of a capacity, under that name; none where it has no interval."""
    rate, low, high = found.rate_per_s, found.low, found.high
    if not (rate and low and high):
        return {}
    return {"capacity": ends(low, high) if found.bracketed else around(rate, low, high)}


def interval(rounds: Sequence[Any]) -> tuple[float, float]:
    """95% interval of the median over rounds, given the replicates of each."""
    from scipy.special import ndtr, stdtrit

    count = len(rounds)
    rng = np.random.default_rng(_SEED)
    table = np.array([np.broadcast_to(values, REPLICATES) for values in rounds], dtype=float)
    which = rng.integers(0, count, (DRAWS, count))
    replicate = rng.integers(0, REPLICATES, (DRAWS, count))
    medians = np.median(table[which, replicate], axis=1)
    tail = 0.025
    if count > 1:
        tail = float(ndtr(-math.sqrt(count / (count - 1)) * stdtrit(count - 1, 0.975)))
    low, high = np.quantile(medians, [tail, 1 - tail])
    return float(low), float(high)


def _drawn_blocks() -> Any:
    """How often each block is drawn, for each replicate."""
    drawn = np.random.default_rng(_SEED).integers(0, BLOCKS, (REPLICATES, BLOCKS))
    return [np.bincount(row, minlength=BLOCKS) for row in drawn]
