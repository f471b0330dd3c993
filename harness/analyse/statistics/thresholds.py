"""From which threshold on a small model may answer: what each comes to, and the best for a target.

Each payload was answered by both models, so that all thresholds are compared on the same payloads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_REPLICATES = 2000
_SEED = 5
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class BothAnswered:
    """A row for each held-out payload."""

    score: NDArray[np.float64]  # how sure the small model is; below 0 where it does not take it
    small: NDArray[np.bool_]  # whether it is right
    server: NDArray[np.bool_]  # whether the server is

    def __len__(self) -> int:
        return len(self.score)

    def local(self, threshold: float) -> NDArray[np.bool_]:
        """The payloads that the small model answers."""
        rows: NDArray[np.bool_] = (self.score >= max(threshold, 0.0)) & (threshold < 1)
        return rows

    def right(self, threshold: float) -> int:
        """How many payloads are answered rightly, by whoever answers them."""
        return int(np.where(self.local(threshold), self.small, self.server).sum())


@dataclass(frozen=True, slots=True, kw_only=True)
class BestThreshold:
    """The lowest threshold that holds a target, and where it lies in other draws of payloads."""

    threshold: float
    low: float
    high: float
    local: int
    right: int


def best(answered: BothAnswered, target: float) -> BestThreshold | None:
    """The lowest threshold from which on every higher one is as often right as the target says.

    None where the server alone is not. The interval is the middle 95% of what resampled payloads
    come to (percentile bootstrap); where a draw's server misses the target, it counts as 1.
    """
    found = _lowest(answered, target)
    if found is None:
        return None
    rng = np.random.default_rng(_SEED)
    drawn = []
    for _ in range(_REPLICATES):
        rows = rng.integers(len(answered), size=len(answered))
        again = _lowest(_of(answered, rows), target)
        drawn.append(1.0 if again is None else again)
    tail = (1 - _CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail], method="nearest")
    return BestThreshold(
        threshold=found,
        low=float(low),
        high=float(high),
        local=int(answered.local(found).sum()),
        right=answered.right(found),
    )


def _of(answered: BothAnswered, rows: Any) -> BothAnswered:
    return BothAnswered(
        score=answered.score[rows], small=answered.small[rows], server=answered.server[rows]
    )


def _lowest(answered: BothAnswered, target: float) -> float | None:
    """Sorted by score, each step down gives one more payload to the small model."""
    wanted = target * len(answered) - 1e-9
    if not len(answered) or answered.server.sum() < wanted:
        return None
    order = np.argsort(-answered.score, kind="stable")
    scores = answered.score[order]
    gained = answered.small[order].astype(int) - answered.server[order].astype(int)
    right = answered.server.sum() + np.cumsum(gained)
    # A threshold takes all payloads of its score: the last of equal ones tells what it comes to.
    last = np.append(scores[1:] != scores[:-1], True) & (scores >= 0)
    places = np.flatnonzero(last)
    short = np.flatnonzero(right[places] < wanted)
    held = places if not len(short) else places[: short[0]]
    return float(scores[held[-1]]) if len(held) else 1.0
