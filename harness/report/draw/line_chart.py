"""Curves of many variants on the same axes, of which the reader chooses some: charts.js."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.draw import drawing, scales
from harness.report.draw.drawing import Frame, Spot
from harness.report.page.subjects import ShownVariant

_ROOM = 13.0  # between the names of two curves
_FROM_BELOW = 0.04  # how much lower a name is where its curve ends a unit farther left; charts.js


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A value that can be pointed at."""

    x: float
    y: float
    where: str  # what it is the value of: "p99", "50/s"
    said: str  # the value, with its unit


@dataclass(frozen=True, slots=True, kw_only=True)
class PlottedLine:
    """A variant's values."""

    subject: ShownVariant
    x: tuple[float, ...]
    y: tuple[float, ...]
    entries: tuple[Entry, ...]
    last: str = ""  # the value at its end
    whiskers: tuple[tuple[float, float, float], ...] = ()  # (x, low, high) of intervals


def draw(
    frame: Frame,
    curves: Sequence[PlottedLine],
    alternative: str,
    limit: tuple[float, str] | None = None,
) -> Markup:
    """The picture of the curves; `limit` is a value with a word for it."""
    ends = _ends(frame, curves)
    # The last is drawn on top: the best one.
    drawn = [_curve(frame, curve, ends.get(curve.subject.name)) for curve in reversed(curves)]
    line, word = Markup(""), Markup("")
    if limit is not None:
        line, word = frame.limit(limit[0]), frame.limit_said(*limit)
    room = " ".join(map(drawing.number, (frame.top, frame.bottom, _ROOM, frame.right + 6)))
    return drawing.picture(alternative, frame.grid(), line, *drawn, word, ends=room)


def _ends(frame: Frame, curves: Sequence[PlottedLine]) -> dict[str, float]:
    """The height of each shown curve's name."""
    shown = [curve for curve in curves if curve.subject.shown]
    spots = [frame.spot(curve.x[-1], curve.y[-1]) for curve in shown]
    # Lines from farther left come in from below, so that they cross no others of that height.
    heights = [y + _FROM_BELOW * (frame.right - x) for x, y in spots]
    moved = scales.apart(heights, _ROOM, frame.top, frame.bottom)
    return {curve.subject.name: height for curve, height in zip(shown, moved, strict=True)}


def _curve(frame: Frame, curve: PlottedLine, height: float | None) -> Markup:
    spots = [frame.spot(x, y) for x, y in zip(curve.x, curve.y, strict=True)]
    at = [frame.spot(entry.x, entry.y) for entry in curve.entries]
    said, line = points(at, curve.entries), drawing.path(spots)
    opened = Markup('<g class="curve {}" {} data-p="{}"><path class="line" d="{}"/>')
    opened = opened.format(curve.subject.classes, curve.subject.attributes, said, line)
    opened += _whiskers(frame, curve)
    marks = drawing.marks(curve.subject.look, at)
    end = _end(frame, curve, spots[-1], spots[-1][1] if height is None else height)
    return opened + marks + end + Markup("</g>")


def _whiskers(frame: Frame, curve: PlottedLine) -> Markup:
    if not curve.whiskers:
        return Markup("")
    ends = [(frame.spot(x, low), frame.spot(x, high)[1]) for x, low, high in curve.whiskers]
    drawn = "".join(
        f"M{drawing.number(x)} {drawing.number(y)}V{drawing.number(to)}" for (x, y), to in ends
    )
    return Markup('<path class="whisker" d="{}"/>').format(drawn)


def points(at: Sequence[Spot], entries: Sequence[Entry]) -> str:
    """The places of values and their texts, for charts.js."""
    places = (f"{drawing.number(x)} {drawing.number(y)}" for x, y in at)
    pairs = zip(places, entries, strict=True)
    return ";".join(f"{place} {entry.where}|{entry.said}" for place, entry in pairs)


def _end(frame: Frame, curve: PlottedLine, last: Spot, height: float) -> Markup:
    """The curve's name and last value, and the line that leads there."""
    x = frame.right + 6
    lead = drawing.path([last, (frame.right, height), (x, height)])
    return Markup(
        '<g class="end" data-at="{}"><path d="{}"/><text x="{}" y="{}">'
        '<tspan class="key">{}</tspan><tspan class="name">{} {}</tspan></text></g>'
    ).format(
        " ".join(map(drawing.number, last)),
        lead,
        drawing.number(x + 4),
        drawing.number(height + 4),
        curve.subject.key,
        drawing.short(curve.subject.name),
        curve.last,
    )
