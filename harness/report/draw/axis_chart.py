"""Numbers of variants along an axis of a sweep, as a line each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from harness.report.draw import line_chart, scales
from harness.report.draw.drawing import Frame
from harness.report.draw.figures import ChartRow, LiveChart, Table
from harness.report.draw.line_chart import Entry, PlottedLine
from harness.report.draw.scales import Scale
from harness.report.page.subjects import ShownVariant

_ROOM = 0.09  # of the axis, that a text takes


@dataclass(frozen=True, slots=True, kw_only=True)
class AlongAxis:
    """A variant's numbers, by ascending values of the axis."""

    subject: ShownVariant
    points: tuple[tuple[int, float, str], ...]  # (value, number, in words)
    last: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisWords:
    """What a chart says of itself and of its axes."""

    title: str
    caption: str
    x_label: str
    y_label: str
    unit: str  # after a value of the axis: " MB"
    wide: bool = False


def draw(words: AxisWords, found: Sequence[AlongAxis], y: Scale) -> LiveChart | None:
    """None where no variant has two numbers. Values go by factors along the axis."""
    known = [each for each in found if each.points]
    if not any(len(each.points) > 1 for each in known):
        return None
    values = sorted({value for each in known for value, _, _ in each.points})
    across = scales.log(values)
    frame = Frame(
        x=replace(across, ticks=_ticks(across, values)),
        y=y,
        x_label=words.x_label,
        y_label=words.y_label,
    )
    said = "; ".join(
        f"{each.subject.name} from {each.points[0][2]} at {each.points[0][0]}{words.unit} to "
        f"{each.points[-1][2]} at {each.points[-1][0]}{words.unit}"
        for each in known
    )
    lines = tuple(ChartRow(each.subject, tuple(_cells(each, values))) for each in known)
    return LiveChart(
        title=words.title,
        wide=words.wide,
        caption=words.caption,
        svg=line_chart.draw(
            frame, [_curve(each, words.unit) for each in known], f"{words.title}: {said}"
        ),
        table=Table(tuple(f"{value}{words.unit}" for value in values), lines),
    )


def _ticks(across: Scale, values: Sequence[int]) -> tuple[tuple[float, str], ...]:
    """Each value that was measured; without a text where that has no room beside the last one."""
    ticks, last = [], -_ROOM
    for value in values:
        at = across.at(value)
        ticks.append((float(value), str(value) if at - last >= _ROOM else ""))
        last = at if ticks[-1][1] else last
    return tuple(ticks)


def _cells(found: AlongAxis, values: Sequence[int]) -> list[str]:
    told = {value: text for value, _, text in found.points}
    return [told.get(value, "–") for value in values]


def _curve(found: AlongAxis, unit: str) -> PlottedLine:
    entries = tuple(
        Entry(x=value, y=number, where=f"{value}{unit}", said=text)
        for value, number, text in found.points
    )
    return PlottedLine(
        subject=found.subject,
        x=tuple(float(value) for value, _, _ in found.points),
        y=tuple(number for _, number, _ in found.points),
        entries=entries,
        last=found.last,
    )
