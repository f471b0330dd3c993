"""The Pareto front: what nothing else beats in both of two numbers."""

from __future__ import annotations

from collections.abc import Sequence


def front(points: Sequence[tuple[float, float]]) -> list[int]:
    """Indexes of the points than which no other is lower in one number and no higher in the other,
    ascending in the first number."""
    found: list[int] = []
    for index in sorted(range(len(points)), key=lambda index: points[index]):
        last = points[found[-1]] if found else None
        if last is None or points[index][1] < last[1] or points[index] == last:
            found.append(index)
    return found
