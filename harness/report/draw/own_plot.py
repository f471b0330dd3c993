"""What servers say of a quantile, as the bucket that holds it, and what their clients saw."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from harness.analyse.run.own_latency import OwnEstimate
from harness.report.draw import bars, drawing, scales
from harness.report.draw.bars import Drawn, NamedLine, Paper
from harness.report.draw.colours import Look
from harness.report.draw.drawing import Frame
from harness.report.draw.scales import Scale

_THIN = 0.2  # the stroke of a bucket, as a share of a bar: the mark stands out
_LEAST = 0.5  # of the least number: so far down a first bucket is drawn, which begins at 0


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMark:
    """One quantile of a variant, by its server and by its client."""

    name: str
    look: Look
    server: OwnEstimate
    client_ms: float
    text: str


def draw(groups: Mapping[str, Sequence[OwnMark]], alternative: str) -> Markup:
    """The buckets as strokes, the clients' numbers as marks; each group below its title."""
    scale = _scale([mark for marks in groups.values() for mark in marks])
    lines: list[NamedLine | str] = []
    for title, marks in groups.items():
        lines += [title, *(_line(mark, scale) for mark in marks)]
    return bars.draw(lines, scale, "milliseconds", alternative, bars.BROAD)


def _scale(marks: Sequence[OwnMark]) -> Scale:
    seen = [value for mark in marks for value in (mark.client_ms, mark.server.ms) if value > 0]
    ends = [mark.server.high_ms for mark in marks if math.isfinite(mark.server.high_ms)]
    return scales.log([*seen, *ends, _LEAST * min(seen, default=1.0)])


def _line(mark: OwnMark, scale: Scale) -> NamedLine:
    end = min(max(mark.client_ms, mark.server.high_ms), scale.high)
    return NamedLine(
        name=mark.name, number=mark.text, end=end, drawn=_drawn(mark, scale), look=mark.look
    )


def _drawn(mark: OwnMark, scale: Scale) -> Drawn:
    def drawn(frame: Frame, y: float, paper: Paper) -> Markup:
        left, right, client = (
            frame.spot(min(max(value, scale.low), scale.high), frame.y.low)[0]
            for value in (mark.server.low_ms, mark.server.high_ms, mark.client_ms)
        )
        shown = drawing.marks(mark.look, [(client, y)])
        if right <= left:
            return shown
        stroke = bars.box(left, right, y, _THIN * paper.thick)
        return Markup('<path d="{}"/>').format(stroke) + shown

    return drawn
