"""Instances of functions over the seconds of a burst."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analyse.run.invoked import Instances
from harness.report.draw import line_chart, scales
from harness.report.draw.drawing import Frame
from harness.report.draw.figures import ChartRow, LiveChart, Table
from harness.report.draw.line_chart import Entry, PlottedLine
from harness.report.page import view
from harness.report.page.subjects import ShownVariant

_TITLE = "Instances over time"
_TOLD = 12  # values that can be pointed at


def draw(found: Sequence[tuple[ShownVariant, Instances]]) -> LiveChart | None:
    """None where no instance took anything."""
    known = [(subject, each) for subject, each in found if each.at_s]
    if not known:
        return None
    frame = Frame(
        x=scales.linear([each.lasted_s for _, each in known]),
        y=scales.linear([float(len(each.at_s)) for _, each in known]),
        x_label="seconds since the burst began",
        y_label="instances that have taken a request",
    )
    curves = [_curve(subject, each) for subject, each in known]
    said = "; ".join(
        f"{subject.name} {len(each.at_s)}, the last after {view.number(each.at_s[-1])} s"
        for subject, each in known
    )
    caption = (
        "From no instance, in the first round. A step is the first request that one more instance "
        "was given. Point at a mark for its moment."
    )
    head = ("instances", "the first after s", "the last after s")
    lines = tuple(
        ChartRow(subject, (str(len(e.at_s)), view.number(e.at_s[0]), view.number(e.at_s[-1])))
        for subject, e in known
    )
    return LiveChart(
        title=_TITLE,
        wide=True,
        caption=caption,
        svg=line_chart.draw(frame, curves, f"{_TITLE}: {said}"),
        table=Table(head, lines),
    )


def _curve(subject: ShownVariant, found: Instances) -> PlottedLine:
    x, y = [0.0], [0.0]
    for count, at in enumerate(found.at_s, 1):
        x += [at, at]
        y += [float(count - 1), float(count)]
    stride = -(-len(found.at_s) // _TOLD)
    told = list(enumerate(found.at_s, 1))[::stride]
    entries = tuple(
        Entry(x=at, y=float(n), where=f"{view.number(at)} s", said=view.plural(n, "instance"))
        for n, at in told
    )
    return PlottedLine(
        subject=subject,
        x=(*x, found.lasted_s),
        y=(*y, float(len(found.at_s))),
        entries=entries,
        last=str(len(found.at_s)),
    )
