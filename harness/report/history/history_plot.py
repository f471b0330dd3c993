"""Charts of a history: a number night after night, its level, and the versions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from markupsafe import Markup

from harness.analyse.campaigns.history import Series
from harness.analyse.field.comparison import COLUMNS
from harness.report.draw import bars, drawing, letters, panels, scales
from harness.report.draw.bars import Paper
from harness.report.draw.drawing import Frame, short
from harness.report.draw.scales import Scale

_DRAWN = 400  # nights; older ones are in the numbers, but no longer in the picture
_HEIGHT, _HEAD, _FOOT = 110, 36, 26  # of a panel, of its texts above, and of those below
_TITLE, _VERSIONS = 12, 29  # from its top down to its title, and to the names of versions
_DATE = "0000-00-00"


def draw(shown: Sequence[Series], alternative: str) -> Markup:
    """A panel for each number, in a picture for a screen and one for a phone."""
    return Markup("").join(
        _picture(paper, shown, alternative) for paper in (bars.BROAD, bars.PHONE)
    )


def _picture(paper: Paper, shown: Sequence[Series], alternative: str) -> Markup:
    step = _HEAD + _HEIGHT + _FOOT
    drawn = (_panel(paper, series, place * step) for place, series in enumerate(shown))
    size = paper.width, step * len(shown)
    return drawing.picture(alternative, *drawn, size=size, kind=paper.kind)


def _panel(paper: Paper, series: Series, top: float) -> Markup:
    """Nights as dots, the level as a line, changes and versions marked."""
    first = max(len(series.marks) - _DRAWN, 0)
    values, levels = np.exp(series.fitted.adjusted), np.exp(series.fitted.levels)
    frame = _frame(paper, series, first, top)
    nights = range(first, len(series.marks))
    heading = ", ".join(COLUMNS[series.metric].heading)
    parts = [
        drawing.word(0, top + _TITLE, heading, "heading"),
        frame.grid(),
        *_versions(paper, frame, series, first),
        panels.line("nights", _dots(frame, [(n, float(values[n])) for n in nights])),
        panels.line("level", _steps(frame, [(n, float(levels[n])) for n in nights])),
        *_changes(paper, frame, series, first),
    ]
    return Markup('<g class="history">') + Markup("").join(parts) + Markup("</g>")


def _frame(paper: Paper, series: Series, first: int, top: float) -> Frame:
    fitted = series.fitted
    values = np.exp(np.concatenate((fitted.adjusted[first:], fitted.levels[first:])))
    y = scales.around(map(float, values), 5)
    beside = max((letters.width(text, paper.letter) for _, text in y.ticks), default=0.0)
    date = letters.width(_DATE, paper.letter)
    left, right = max(beside + 10, date / 2), paper.width - date / 2
    x = _dates(series, first, (right - left) / (1.4 * date))
    top += _HEAD
    return Frame(
        x=x,
        y=y,
        x_label="",
        y_label="",
        left=left,
        top=top,
        right=right,
        bottom=top + _HEIGHT,
        gap=15,
    )


def _dates(series: Series, first: int, most: float) -> Scale:
    """An axis of nights, with so many dates at most."""
    last = len(series.marks) - 1
    shown = np.unique(np.linspace(first, last, max(min(6, int(most)), 2)).round().astype(int))
    ticks = tuple((float(night), series.marks[night].started_at[:10]) for night in shown)
    return Scale(kind="linear", low=first - 0.8, high=last + 0.8, ticks=ticks)


def _dots(frame: Frame, pairs: Sequence[tuple[int, float]]) -> str:
    """A line of no length at each, which round ends make a dot."""
    spots = (frame.spot(night, value) for night, value in pairs)
    return "".join(f"M{drawing.number(x)} {drawing.number(y)}h0" for x, y in spots)


def _steps(frame: Frame, pairs: Sequence[tuple[int, float]]) -> str:
    sides = ((night + half, value) for night, value in pairs for half in (-0.5, 0.5))
    return drawing.path(frame.spot(night, value) for night, value in sides)


def _changes(paper: Paper, frame: Frame, series: Series, first: int) -> Iterator[Markup]:
    """A line up at each change, with its size; those without room beside the last go below it."""
    end, foot = 0.0, frame.top + paper.letter
    for step in sorted(series.fitted.steps, key=lambda step: step.at):
        if step.at < first:
            continue
        said = f"{100 * (np.exp(step.change) - 1):+.1f}%".replace("-", "−")
        x, width = _upright(frame, step.at), letters.width(said, paper.letter)
        yield panels.line("change", _up(frame, x))
        start = x + 3 if x + 3 + width <= paper.width else x - 3 - width
        foot = foot + paper.letter + 2 if start < end else frame.top + paper.letter
        end = start + width
        yield drawing.word(start, foot, said, "change")


def _versions(paper: Paper, frame: Frame, series: Series, first: int) -> Iterator[Markup]:
    """A line up at each version, with its name where there is room above the panel."""
    end = 0.0
    for night, before, after in _known(series, first):
        x = _upright(frame, night)
        yield panels.line("version", _up(frame, x))
        said = short(after if night == first else f"{before} → {after}")
        width = letters.width(said, paper.letter)
        start = min(x + 2, paper.width - width)
        if start >= end:
            yield drawing.word(start, frame.top - _HEAD + _VERSIONS, said)
            end = start + width + paper.letter


def _upright(frame: Frame, night: int) -> float:
    """Between a night and the one before."""
    return frame.spot(night - 0.5, frame.y.low)[0]


def _up(frame: Frame, x: float) -> str:
    return f"M{drawing.number(x)} {drawing.number(frame.top)}V{drawing.number(frame.bottom)}"


def _known(series: Series, first: int) -> list[tuple[int, str, str]]:
    """(night, version before, version since), the first night's too."""
    names = [mark.version or "" for mark in series.marks]
    found = [(first, "", names[first])] if names[first] else []
    return found + [
        (night, names[night - 1], names[night])
        for night in range(first + 1, len(names))
        if names[night] != names[night - 1]
    ]
