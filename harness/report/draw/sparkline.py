"""Lines small enough for a list: each is drawn once, and shown with a dot wherever it is used."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from statistics import median

from markupsafe import Markup

_WIDTH, _HEIGHT = 100, 20
_MARGIN = 2
_MOST_POINTS = 120  # of a line some hundred pixels wide; beyond, each is a median of neighbours


def lines(named: Iterable[tuple[str, Sequence[float]]]) -> Markup:
    """The lines of those values, by the names that `picture` takes; nothing if there are none."""
    opened = Markup('<symbol id="{}" viewBox="0 0 {} {}" overflow="visible">')
    line = Markup('<polyline points="{}" vector-effect="non-scaling-stroke"/></symbol>\n')
    drawn = [
        opened.format(name, _WIDTH, _HEIGHT) + line.format(_points(values))
        for name, values in named
    ]
    if not drawn:
        return Markup("")
    around = Markup(
        '<svg class="lines" width="0" height="0" aria-hidden="true" focusable="false"><defs>\n'
    )
    return around + Markup("").join(drawn) + Markup("</defs></svg>")


def picture(name: str, values: Sequence[float], place: int, alternative: str) -> Markup:
    """The line of that name, with a dot at one of its values."""
    opened = Markup('<svg class="spark" viewBox="0 0 {} {}" role="img" aria-label="{}">').format(
        _WIDTH, _HEIGHT, alternative
    )
    shown = Markup('<use href="#{}"/><circle cx="{}" cy="{}" r="2.4"/></svg>')
    return opened + shown.format(name, _x(place, len(values)), _y(values[place], values))


def _points(values: Sequence[float]) -> str:
    count = len(values)
    groups = min(count, _MOST_POINTS)
    edges = [count * number // groups for number in range(groups + 1)]
    middles = [median(values[a:b]) for a, b in pairwise(edges)]
    return " ".join(f"{_x(n, groups)},{_y(value, values)}" for n, value in enumerate(middles))


def _x(place: int, count: int) -> str:
    share = place / (count - 1) if count > 1 else 0.5
    return f"{_MARGIN + share * (_WIDTH - 2 * _MARGIN):.4g}"


def _y(value: float, values: Sequence[float]) -> str:
    low, high = min(values), max(values)
    share = (value - low) / (high - low) if high > low else 0.5
    return f"{_HEIGHT - _MARGIN - share * (_HEIGHT - 2 * _MARGIN):.4g}"
