"""Bars of the parts of a mean response time, one after another."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from harness.analyse.run.breakdown import Breakdown
from harness.report.draw import bars, scales
from harness.report.draw.bars import BarPart, NamedLine
from harness.report.draw.scales import Scale
from harness.report.page import view

# In the order in which they pass: their colours are the classes `time0` to `time5` in charts.css.
TITLES = {
    "generator_ms": "generator",
    "transport_ms": "transport",
    "before_ms": "framework before",
    "waiting_ms": "waiting",
    "model_ms": "model",
    "after_ms": "framework after",
}
_DARK = ("transport_ms", "model_ms")  # which carry light numbers
_CUT = 3.0  # times the second-longest bar: one far longer than all others is cut off there


def draw(shown: Sequence[tuple[str, Breakdown]], alternative: str) -> Markup:
    """A bar for each variant from top to bottom, its sum at the end, below a legend."""
    scale = _scale([found.response_ms for _, found in shown])
    lines = [_line(name, found, scale) for name, found in shown]
    keys = bars.legend((f"time{place}", title) for place, title in enumerate(TITLES.values()))
    label = "mean milliseconds of a request"
    return keys + bars.draw(lines, scale, label, alternative, bars.BROAD)


def _line(name: str, found: Breakdown, scale: Scale) -> NamedLine:
    times = found.parts()
    parts = [
        BarPart(
            length=times[part],
            kind=f"time{place}",
            number=view.number(times[part]),
            dark=part in _DARK,
        )
        for place, part in enumerate(TITLES)
    ]
    total = found.response_ms
    text = view.number(total) + (" →" if total > scale.high else "")
    return NamedLine(name=name, number=text, end=total, drawn=bars.chain(parts))


def _scale(totals: Sequence[float]) -> Scale:
    ascending = sorted(totals)
    most = ascending[-1]
    return scales.linear([min(most, _CUT * ascending[-2]) if len(ascending) > 1 else most], 8)
