"""The posterior of a value that was observed with an error, where most values have a known
spread."""

from __future__ import annotations

import math
from collections.abc import Iterable

Part = tuple[float, float, float]  # its share, the centre of its values, their standard deviation


def believed(seen: float, variance: float, parts: Iterable[Part]) -> tuple[float, float]:
    """(mean, variance) of the value, given what was seen of it with that variance: of a mixture of
    normal distributions. As it was seen where no part explains it."""
    kept = []
    for share, centre, deviation in parts:
        whole = deviation**2 + variance
        likely = share * math.exp(-((seen - centre) ** 2) / (2 * whole)) / math.sqrt(whole)
        shrink = deviation**2 / whole
        kept.append((likely, centre + shrink * (seen - centre), shrink * variance))
    total = sum(likely for likely, _, _ in kept)
    if total <= 0:
        return seen, variance
    mean = sum(likely * value for likely, value, _ in kept) / total
    spread = sum(w * (own + (value - mean) ** 2) for w, value, own in kept) / total
    return mean, spread
