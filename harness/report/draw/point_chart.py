"""Variants, or settings of one, as points between two numbers, with the Pareto front.

Less is better of the number on the horizontal axis; of the other one too, unless `upwards`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.report.draw import drawing, scales
from harness.report.draw.drawing import Frame, Spot
from harness.report.draw.line_chart import Entry, points
from harness.report.page.subjects import ShownVariant

_LETTER, _LINE = 5.6, 12.0  # about the size of a letter, in units of the picture
_AWAY = 8.0  # of a name from its point
_HALF = 2.5  # of the width that a line needs for itself

Box = tuple[float, float, float, float]  # left, top, right, bottom


@dataclass(frozen=True, slots=True)
class PlottedPoint:
    """A variant."""

    subject: ShownVariant
    entry: Entry
    leads: bool  # whether it is on a front


@dataclass(frozen=True, slots=True)
class LabelPlace:
    """The place of a name beside its point."""

    x: float
    y: float
    anchor: str


def draw(
    frame: Frame,
    dots: Sequence[PlottedPoint],
    fronts: Mapping[str, Sequence[tuple[float, float]]],
    alternative: str,
    *,
    upwards: bool = False,
) -> Markup:
    """The picture; each front, by its track, is drawn as the steps that nothing lies beyond."""
    start = frame.bottom if upwards else frame.top
    spots = [frame.spot(dot.entry.x, dot.entry.y) for dot in dots]
    places = placed(frame, dots, spots, _lines(frame, fronts, start))
    steps = [_front(frame, front, start) for front in fronts.values()]
    named = _named(frame, fronts)
    drawn = [_point(*each) for each in zip(dots, spots, places, strict=True)]
    drawn.reverse()  # the first is on top
    return drawing.picture(alternative, frame.grid(), *steps, named, *drawn, size=drawing.HALF)


def placed(
    frame: Frame, dots: Sequence[PlottedPoint], spots: Sequence[Spot], lines: Sequence[Box] = ()
) -> list[LabelPlace | None]:
    """A place for each name where it covers no other, no point and no line; those of a front come
    first."""
    taken: list[Box] = [(x - 5, y - 5, x + 5, y + 5) for x, y in spots]
    taken += lines
    found: list[LabelPlace | None] = [None] * len(dots)
    for index in sorted(range(len(dots)), key=lambda i: not dots[i].leads):
        width = _LETTER * len(drawing.short(dots[index].subject.name))
        for place, box in _around(spots[index], width):
            inside = box[0] >= frame.left and box[2] <= frame.right + 14 and box[1] >= frame.top
            if inside and box[3] <= frame.bottom and not any(_meet(box, other) for other in taken):
                taken.append(box)
                found[index] = place
                break
    return found


def _around(spot: Spot, width: float) -> Iterable[tuple[LabelPlace, Box]]:
    x, y = spot
    for dy in (0.0, -9.0, 9.0):
        top, bottom = y + dy - _LINE / 2, y + dy + _LINE / 2
        for anchor, left in (("start", x + _AWAY), ("end", x - _AWAY - width)):
            at = left if anchor == "start" else left + width
            yield LabelPlace(at, y + dy + 4, anchor), (left, top, left + width, bottom)


def _meet(box: Box, other: Box) -> bool:
    apart = box[2] <= other[0] or other[2] <= box[0] or box[3] <= other[1] or other[3] <= box[1]
    return not apart


def _front(frame: Frame, front: Sequence[tuple[float, float]], start: float) -> Markup:
    corners = [frame.spot(*pair) for pair in front]
    said = f"M{drawing.number(corners[0][0])} {drawing.number(start)}"
    for x, y in corners:
        said += f"H{drawing.number(x)}V{drawing.number(y)}"
    said += f"H{drawing.number(frame.right)}"
    return Markup('<path class="front" d="{}"/>').format(said)


def _lines(
    frame: Frame, fronts: Mapping[str, Sequence[tuple[float, float]]], start: float
) -> list[Box]:
    """The steps and the names of the fronts."""
    found: list[Box] = []
    for track, front in fronts.items():
        corners = [frame.spot(*pair) for pair in front]
        ends = [*(x for x, _ in corners[1:]), frame.right]
        before = [start, *(y for _, y in corners)]
        for (x, y), end, other in zip(corners, ends, before, strict=False):
            found.append((x, y - _HALF, end, y + _HALF))
            found.append((x - _HALF, min(other, y), x + _HALF, max(other, y)))
        width, at = _LETTER * len(drawing.short(track)), corners[-1][1]
        found.append((frame.right - width, at - _LINE - 4, frame.right, at))
    return found


def _named(frame: Frame, fronts: Mapping[str, Sequence[tuple[float, float]]]) -> Markup:
    """The names of the fronts, above their right ends."""
    ends = [frame.spot(*front[-1])[1] - 4 for front in fronts.values()]
    heights = scales.apart(ends, _LINE, frame.top, frame.bottom)
    texts = (
        Markup('<text x="{}" y="{}">{}</text>').format(
            drawing.number(frame.right), drawing.number(height), drawing.short(track)
        )
        for track, height in zip(fronts, heights, strict=True)
    )
    return Markup('<g class="fronts">') + Markup("").join(texts) + Markup("</g>")


def _point(dot: PlottedPoint, spot: Spot, place: LabelPlace | None) -> Markup:
    opened = Markup('<g class="curve fixed {}{}" {} data-p="{}">').format(
        dot.subject.look.classes,
        " leads" if dot.leads else "",
        dot.subject.attributes,
        points([spot], [dot.entry]),
    )
    text = Markup("")
    if place is not None:
        text = Markup(
            '<text x="{}" y="{}"{}><tspan class="key">{}</tspan><tspan class="name">{}</tspan>'
            "</text>"
        ).format(
            drawing.number(place.x),
            drawing.number(place.y),
            Markup(' text-anchor="end"') if place.anchor == "end" else "",
            dot.subject.key,
            drawing.short(dot.subject.name),
        )
    return opened + drawing.marks(dot.subject.look, [spot]) + text + Markup("</g>")
