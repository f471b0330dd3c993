"""Courses over one axis of time, in strips below each other.

Each picture is made twice: for a screen, and for a phone. The style sheet shows one of the two.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from harness.report.draw import drawing, letters, scales
from harness.report.draw.colours import Look
from harness.report.draw.drawing import Frame, Spot
from harness.report.draw.scales import Scale

_LEFT, _EDGE = 38, 12  # for the texts of the vertical axes; to the right of them
_HEAD, _LEAD = 12, 6  # above a title, below the last text of the strip before; above other words
_FOOT = 34  # below the last strip, for the axis of time
_CROSS = "m-2.6-2.6l5.2 5.2m0-5.2l-5.2 5.2"

Pairs = tuple[tuple[float, float], ...]  # (seconds, value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """A line, or the area below it; broken where a value is not finite."""

    kind: str  # class of charts.css: main, dashed, fine, area
    pairs: Pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """Courses on one vertical axis."""

    title: str  # says what each line is: colour and style are never the only sign
    y: Scale
    courses: tuple[Course, ...]
    limit: float | None = None  # drawn as a dashed line
    crosses: tuple[float, ...] = ()  # seconds, along its top


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A named part of the time."""

    name: str
    from_s: float
    to_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class StripPaper:
    """The layout of a picture, in its own units."""

    kind: str  # class of the style sheet, which sets the letters to this size
    width: int
    letter: float
    height: float  # of a strip's axis


DESK = StripPaper(kind="desk", width=510, letter=9.5, height=66)
PHONE = StripPaper(kind="phone", width=340, letter=11, height=62)


def draw(
    strips: Sequence[Strip],
    x: Scale,
    stretches: Sequence[Stretch],
    happenings: Sequence[float],
    look: Look,
    alternative: str,
) -> Markup:
    """Both pictures; happenings are numbered, from 1, where they were."""
    made = (
        _picture(paper, strips, x, stretches, happenings, look, alternative)
        for paper in (DESK, PHONE)
    )
    return Markup("").join(made)


def steps(edges: Iterable[float], values: Iterable[float]) -> Pairs:
    """The corners of a course whose values hold from one edge to the next."""
    ends = [float(edge) for edge in edges]
    found: list[tuple[float, float]] = []
    for start, end, value in zip(ends, ends[1:], values, strict=False):
        found += [(start, float(value)), (end, float(value))]
    return tuple(found)


def _picture(
    paper: StripPaper,
    strips: Sequence[Strip],
    x: Scale,
    stretches: Sequence[Stretch],
    happenings: Sequence[float],
    look: Look,
    alternative: str,
) -> Markup:
    head = paper.letter + _HEAD  # above each strip, for its title
    top = (paper.letter + _LEAD) * (bool(stretches) + bool(happenings))
    frames = [
        _frame(paper, x, s, top + head + n * (paper.height + head)) for n, s in enumerate(strips)
    ]
    bottom = frames[-1].bottom
    parts = [_uprights(frames[0], bottom, stretches, happenings)]
    for place, (frame, strip) in enumerate(zip(frames, strips, strict=True)):
        last = place == len(strips) - 1
        shown = replace(frame, x=_spaced(frame, paper.letter)) if last else frame
        parts.append(_strip(shown, strip, paper, last=last))
    parts += [
        _names(frames[0], stretches, paper),
        _numbers(frames[0], happenings, paper, stretches),
    ]
    inside = Markup('<g class="course {}">').format(look.classes) + Markup("").join(parts)
    size = paper.width, round(bottom + _FOOT)
    return drawing.picture(alternative, inside + Markup("</g>"), size=size, kind=paper.kind)


def _frame(paper: StripPaper, x: Scale, strip: Strip, top: float) -> Frame:
    return Frame(
        x=x,
        y=strip.y,
        x_label="",
        y_label="",
        left=_LEFT,
        top=top,
        right=paper.width - _EDGE,
        bottom=top + paper.height,
        gap=13,
        drop=15,
    )


def _spaced(frame: Frame, size: float) -> Scale:
    """The axis of time with so many texts as have room."""
    ticks = frame.x.ticks
    widest = max((letters.width(text, size) for _, text in ticks), default=0.0)
    while len(ticks) > 2 and (widest + size / 2) * (len(ticks) - 1) > frame.right - frame.left:
        ticks = ticks[::2]
    return replace(frame.x, ticks=ticks)


def _strip(frame: Frame, strip: Strip, paper: StripPaper, *, last: bool) -> Markup:
    x = frame.x if last else replace(frame.x, ticks=())
    axes = replace(frame, x=x, x_label="seconds" if last else "")
    title = letters.fitting(strip.title, paper.width, paper.letter, most=99)
    parts = [axes.grid(), drawing.word(0, frame.top - 5, title, "title")]
    if strip.limit is not None:
        parts.append(frame.limit(strip.limit))
    for course in strip.courses:
        made = _area(frame, course) if course.kind == "area" else _line(frame, course)
        parts.append(Markup('<path class="{}" d="{}"/>').format(course.kind, made))
    if strip.crosses:
        ups = (frame.spot(at, frame.y.low)[0] for at in strip.crosses)
        shapes = "".join(
            f"M{drawing.number(at)} {drawing.number(frame.top + 3)}{_CROSS}" for at in ups
        )
        parts.append(Markup('<path class="cross" d="{}"/>').format(shapes))
    return Markup("").join(parts)


def _line(frame: Frame, course: Course) -> str:
    return drawing.path(_spots(frame, course))


def _area(frame: Frame, course: Course) -> str:
    above = _spots(frame, course)
    below = [(x, frame.bottom) for x, _ in above]
    return drawing.band(above, below)


def _spots(frame: Frame, course: Course) -> list[Spot]:
    return [_spot(frame, x, y) for x, y in course.pairs]


def _spot(frame: Frame, x: float, y: float) -> Spot:
    if not math.isfinite(y) or (frame.y.kind == "log" and y <= 0):
        return math.nan, math.nan
    return frame.spot(x, y)


def _uprights(
    frame: Frame, bottom: float, stretches: Sequence[Stretch], happenings: Sequence[float]
) -> Markup:
    """Lines through all strips: between stretches, and where something happened."""

    def lines(moments: Iterable[float]) -> str:
        ups = (drawing.number(frame.spot(at, frame.y.low)[0]) for at in moments)
        return "".join(f"M{at} {drawing.number(frame.top)}V{drawing.number(bottom)}" for at in ups)

    parts = [("between", [each.from_s for each in stretches[1:]]), ("happened", list(happenings))]
    made = (Markup('<path class="{}" d="{}"/>').format(kind, lines(at)) for kind, at in parts if at)
    return Markup("").join(made)


def _names(frame: Frame, stretches: Sequence[Stretch], paper: StripPaper) -> Markup:
    """The names of stretches above the first strip, where they have room."""
    found = []
    for each in stretches:
        left, right = (frame.spot(at, frame.y.low)[0] for at in (each.from_s, each.to_s))
        if letters.width(each.name, paper.letter) <= right - left:
            found.append(drawing.word((left + right) / 2, paper.letter, each.name))
    return Markup('<g class="x">') + Markup("").join(found) + Markup("</g>")


def _numbers(
    frame: Frame, happenings: Sequence[float], paper: StripPaper, stretches: Sequence[Stretch]
) -> Markup:
    """The numbers of what happened, apart from each other."""
    if not happenings:
        return Markup("")
    y = paper.letter + (paper.letter + _LEAD if stretches else 0)
    places = [frame.spot(at, frame.y.low)[0] for at in happenings]
    room = letters.width(str(len(happenings)), paper.letter) + 3
    moved = scales.apart(places, room, frame.left, frame.right)
    words = [drawing.word(x, y, str(n)) for n, x in enumerate(moved, 1)]
    return Markup('<g class="x">') + Markup("").join(words) + Markup("</g>")
