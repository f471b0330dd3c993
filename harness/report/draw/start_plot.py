"""Bars of the parts of a function's start, one after another, for each temperature."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from harness.analyse.field.start_parts import Cold
from harness.report.draw import bars, scales
from harness.report.draw.bars import BarPart, NamedLine
from harness.report.page import view
from harness.stored.starts import FILES, IDLE, IMAGE, PROCESS, Temperature

# In the order in which they pass, with their classes of charts.css.
TITLES = {
    "create_s": ("time0", "create"),
    "runtime_s": ("time1", "start of the runtime"),
    "import_s": ("time2", "import"),
    "load_s": ("time4", "model load"),
    "answer_s": ("time3", "first answer"),
}
_DARK = ("time1", "time4")  # which carry light numbers
NAMES: dict[Temperature, str] = {
    IMAGE: "no image",
    FILES: "files not cached",
    PROCESS: "new process",
    IDLE: "idle process",
}


def draw(shown: Sequence[tuple[str, Sequence[Cold]]], alternative: str) -> Markup:
    """The temperatures of each variant below its name, the coldest first, below a legend."""
    lines: list[NamedLine | str] = []
    for variant, known in shown:
        lines += [variant, *(_line(each) for each in known)]
    ends = [sum(each.means.values()) for _, known in shown for each in known]
    label = "mean seconds from the request to its answer"
    scale = scales.linear(ends, 8)
    return bars.legend(TITLES.values()) + bars.draw(lines, scale, label, alternative, bars.BROAD)


def _line(found: Cold) -> NamedLine:
    parts = [
        BarPart(
            length=found.means[part],
            kind=kind,
            number=seconds(found.means[part]),
            dark=kind in _DARK,
        )
        for part, (kind, _) in TITLES.items()
    ]
    whole = sum(found.means.values())
    return NamedLine(
        name=NAMES[found.temperature],
        number=f"{seconds(whole)} s",
        end=whole,
        drawn=bars.chain(parts),
    )


def seconds(value: float) -> str:
    """A time that may be of milliseconds, in seconds."""
    return view.number(value, 3 if value < 0.1 else 2)
