"""Numbers with their intervals, as a dot and a stroke on a line for each variant."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.analyse.statistics.stats import Spread
from harness.report.draw import bars, drawing, scales
from harness.report.draw.bars import Drawn, NamedLine, Paper
from harness.report.draw.colours import Look
from harness.report.draw.drawing import Frame

_THIN = 0.2  # the stroke of an interval, as a share of a bar
# Times the highest number: longer intervals are cut off there, and their texts say where they end.
_FAR = 1.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A variant's number with its interval."""

    name: str
    look: Look
    spread: Spread
    text: str


def draw(groups: Mapping[str, Sequence[Dot]], x_label: str, alternative: str) -> Markup:
    """The dots from top to bottom; each group below its title."""
    spreads = [dot.spread for dots in groups.values() for dot in dots]
    far = _FAR * max((spread.median for spread in spreads), default=0.0)
    lines: list[NamedLine | str] = []
    for title, dots in groups.items():
        lines += [title, *(_line(dot, far) for dot in dots)]
    highs = [min(spread.high, far) for spread in spreads]
    return bars.draw(lines, scales.linear(highs, 7), x_label, alternative)


def _line(dot: Dot, far: float) -> NamedLine:
    end = min(max(dot.spread.high, dot.spread.median), far)
    return NamedLine(name=dot.name, number=dot.text, end=end, drawn=_drawn(dot, far), look=dot.look)


def _drawn(dot: Dot, far: float) -> Drawn:
    def drawn(frame: Frame, y: float, paper: Paper) -> Markup:
        spread = dot.spread
        left, middle, right = (
            frame.spot(min(value, far), frame.y.low)[0]
            for value in (spread.low, spread.median, spread.high)
        )
        mark = drawing.marks(dot.look, [(middle, y)])
        if right <= left:
            return mark
        stroke = bars.box(left, right, y, _THIN * paper.thick)
        return Markup('<path d="{}"/>').format(stroke) + mark

    return drawn
