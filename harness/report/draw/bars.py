"""Lines below each other: on each a name, what is drawn along the axis, and a number at its end.

Each picture is made twice: for a screen, and for a phone, where the names stand above what is
drawn. The style sheet shows one of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from markupsafe import Markup

from harness.report.draw import drawing, letters, scales
from harness.report.draw.colours import Look
from harness.report.draw.drawing import Frame
from harness.report.draw.scales import Scale

_TOP, _FOOT = 4, 36  # above the first line; below the last, for the axis
_EDGE = 16  # beside the axis, for half of its first and last texts
_MARK, _BESIDE = 9, 18  # from the axis to the middle of a mark, and to the end of a name
_AWAY = 7  # from what is drawn to its number
_NAMES, _LEAST = 0.42, 0.3  # of the picture: for names at most, for the axis at least
_RISE = 0.35  # of a letter: from its middle down to its foot
_INSIDE = 0.86  # size of the numbers within bars; charts.css has the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """The layout of a picture, in its own units."""

    kind: str  # class of the style sheet, which sets the letters to this size
    width: int
    letter: float
    pitch: float  # from one line to the next
    thick: float  # bars
    above: bool = False  # names


DESK = Paper(kind="desk", width=480, letter=9.5, pitch=19, thick=12)
BROAD = Paper(kind="desk", width=800, letter=9.5, pitch=22, thick=15)
PHONE = Paper(kind="phone", width=340, letter=11, pitch=32, thick=11, above=True)

Drawn = Callable[[Frame, float, Paper], Markup]  # at a height of the picture


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedLine:
    """A line of the picture."""

    name: str
    number: str
    end: float  # where on the axis its number stands
    drawn: Drawn
    look: Look | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BarPart:
    """A piece of a bar."""

    length: float
    kind: str = ""  # class of the style sheet
    number: str = ""  # written in it where it has room
    dark: bool = False  # which needs light numbers


def draw(
    lines: Sequence[NamedLine | str], x: Scale, x_label: str, alternative: str, paper: Paper = DESK
) -> Markup:
    """Both pictures of the lines, from top to bottom; a text alone is a title of those below."""
    made = (_picture(each, lines, x, x_label, alternative) for each in (paper, PHONE))
    return Markup("").join(made)


def chain(parts: Sequence[BarPart]) -> Drawn:
    """A bar of parts one after another, cut off where the axis ends."""

    def drawn(frame: Frame, y: float, paper: Paper) -> Markup:
        found, start = [], 0.0
        for part in parts:
            ends = [_at(frame, value) for value in (start, start + part.length)]
            start += part.length
            found.append(_part(part, ends[0], ends[1], y, paper))
        return Markup("").join(found)

    return drawn


def legend(titles: Iterable[tuple[str, str]]) -> Markup:
    """The legend of the bars' parts, by their classes: it wraps where the page is narrow."""
    keys = (Markup('<span><i class="{}"></i>{}</span>').format(*title) for title in titles)
    return Markup('<p class="keys">') + Markup(" ").join(keys) + Markup("</p>")


def box(left: float, right: float, y: float, thick: float) -> str:
    """The path of a bar about a height."""
    across = drawing.number(right - left)
    start = f"M{drawing.number(left)} {drawing.number(y - thick / 2)}"
    return f"{start}h{across}v{drawing.number(thick)}h-{across}z"


def _at(frame: Frame, value: float) -> float:
    return min(frame.spot(value, frame.y.low)[0], frame.right)


def _part(part: BarPart, left: float, right: float, y: float, paper: Paper) -> Markup:
    if drawing.number(right - left) == "0":
        return Markup("")
    kind = Markup(' class="{}"').format(part.kind) if part.kind else ""
    path = Markup('<path{} d="{}"/>').format(kind, box(left, right, y, paper.thick))
    size = _INSIDE * paper.letter
    if not part.number or letters.width(part.number, size) + 3 > right - left:
        return path
    ink = "inside light" if part.dark else "inside"
    return path + drawing.word((left + right) / 2, y + _RISE * size, part.number, ink)


def _picture(
    paper: Paper, lines: Sequence[NamedLine | str], x: Scale, x_label: str, alternative: str
) -> Markup:
    frame = _frame(paper, lines, x, x_label)
    parts = [frame.columns()]
    for place, line in enumerate(lines):
        _, middle = frame.spot(x.low, place + 0.5)
        if isinstance(line, str):
            parts.append(_title(frame, paper, line, middle))
        else:
            parts.append(_line(frame, paper, line, middle))
    size = paper.width, round(frame.bottom + _FOOT)
    return drawing.picture(alternative, *parts, size=size, kind=paper.kind)


def _frame(paper: Paper, lines: Sequence[NamedLine | str], x: Scale, x_label: str) -> Frame:
    known = [line for line in lines if isinstance(line, NamedLine)]
    left, right = float(_EDGE), float(paper.width - _EDGE)
    if not paper.above:
        names = [letters.width(drawing.short(n.name, drawing.LONG), paper.letter) for n in known]
        left = _BESIDE + min(max(names, default=0.0), _NAMES * paper.width)
        # So far that each number has room beside what is drawn.
        for line in known:
            room = paper.width - 1 - left - _AWAY - letters.width(line.number, paper.letter)
            right = min(right, left + room / max(min(x.at(line.end), 1.0), 1e-9))
        right = max(right, left + _LEAST * paper.width)
    return Frame(
        x=_spaced(x, right - left, paper.letter),
        y=scales.lines(len(lines)),
        x_label=x_label,
        y_label="",
        left=left,
        top=_TOP,
        right=right,
        bottom=_TOP + paper.pitch * len(lines),
        gap=13,
        drop=15,
    )


def _spaced(x: Scale, room: float, size: float) -> Scale:
    """The axis with so many texts as have room."""
    ticks = x.ticks
    widest = max((letters.width(text, size) for _, text in ticks), default=0.0)
    while len(ticks) > 2 and (widest + size / 2) * (len(ticks) - 1) > room:
        ticks = ticks[::2]
    return replace(x, ticks=ticks)


def _title(frame: Frame, paper: Paper, title: str, middle: float) -> Markup:
    x, foot = frame.left + 4, middle + _RISE * paper.letter
    if paper.above:
        x, foot = 0, middle + paper.pitch / 2 - 9
    room = paper.width - x
    return drawing.word(x, foot, letters.fitting(title, room, paper.letter), "title")


def _line(frame: Frame, paper: Paper, line: NamedLine, middle: float) -> Markup:
    size, look = paper.letter, line.look
    if paper.above:
        top = middle - paper.pitch / 2
        foot, y = top + size, top + size + 3.5 + paper.thick / 2
        mark, name, end = 5.0, 14.0 if look else 0.0, float(paper.width)
        number = letters.fitting(line.number, end / 2, size)
        room = end - letters.width(number, size) - _AWAY - name
    else:
        foot, y = middle + _RISE * size, middle
        mark, name = frame.left - _MARK, frame.left - (_BESIDE if look else 6)
        end, room = _at(frame, line.end) + _AWAY, name
        number = letters.fitting(line.number, paper.width - end, size)
    parts = [
        Markup('<g class="{}">').format(f"row {look.classes}" if look else "row"),
        drawing.marks(look, [(mark, foot - _RISE * size)]) if look else Markup(""),
        line.drawn(frame, y, paper),
        drawing.word(name, foot, letters.fitting(line.name, room, size), "name"),
        drawing.word(end, foot, number, "end"),
        Markup("</g>"),
    ]
    return Markup("").join(parts)
