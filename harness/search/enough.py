"""How much measuring is worth while to separate two numbers, and what less of it can separate."""

from __future__ import annotations

import math

# Starts of each of the two. Intervals narrow with the square root of the starts, so half the width
# of twelve takes 48; `run --until decided` and `tune` end here.
MOST_STARTS = 12
LONGEST_S = 12 * 3600.0  # a night: no longer is a machine left to a measurement alone


def is_reasonable(starts: int, seconds: float) -> bool:
    """Whether anyone would do that."""
    return starts <= MOST_STARTS and seconds <= LONGEST_S


def difference(half: float) -> float:
    """The smallest difference, as a share, that an interval of a logarithm separates, by half its
    width."""
    return math.expm1(half)


def percent(share: float) -> str:
    """A difference, in words."""
    return f"{100 * share:.0f}%" if share >= 0.1 else f"{100 * share:.1f}%"
