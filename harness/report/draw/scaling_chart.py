"""Capacity, and its efficiency, by the number of replicas."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.report.draw import line_chart, scales
from harness.report.draw.drawing import Frame
from harness.report.draw.figures import ChartRow, LiveChart, Table
from harness.report.draw.line_chart import Entry, PlottedLine
from harness.report.draw.scales import Scale
from harness.report.page import view
from harness.report.page.subjects import ShownVariant

_BESIDE = 0.3  # of a replica, beside the first and the last


@dataclass(frozen=True, slots=True, kw_only=True)
class AtReplicas:
    """A number with its interval; None where no interval is known."""

    replicas: int
    value: float
    low: float | None
    high: float | None
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalingWords:
    """What a chart says of itself."""

    title: str
    caption: str
    y_label: str
    limit: tuple[float, str] | None = None


Known = Sequence[tuple[ShownVariant, Sequence[AtReplicas]]]


def draw(words: ScalingWords, found: Known) -> LiveChart | None:
    """None where no variant has two numbers."""
    known = [(subject, points) for subject, points in found if points]
    if not any(len(points) > 1 for _, points in known):
        return None
    values = sorted({point.replicas for _, points in known for point in points})
    ends = [
        end for _, points in known for point in points for end in (point.value, point.high or 0)
    ]
    if words.limit is not None:
        ends.append(words.limit[0])
    frame = Frame(
        x=_replicas(values),
        y=scales.linear(end for end in ends if math.isfinite(end)),
        x_label="replicas",
        y_label=words.y_label,
    )
    said = "; ".join(
        f"{subject.name} {', '.join(f'{p.said} with {p.replicas}' for p in points)}"
        for subject, points in known
    )
    curves = [_curve(subject, points, frame.y.high) for subject, points in known]
    picture = line_chart.draw(frame, curves, f"{words.title}: {said}", words.limit)
    lines = tuple(ChartRow(subject, _cells(points, values)) for subject, points in known)
    head = tuple(view.plural(value, "replica") for value in values)
    return LiveChart(
        title=words.title, caption=words.caption, svg=picture, table=Table(head, lines)
    )


def _replicas(values: Sequence[int]) -> Scale:
    return Scale(
        kind="linear",
        low=values[0] - _BESIDE,
        high=values[-1] + _BESIDE,
        ticks=tuple((float(value), str(value)) for value in values),
    )


def _curve(subject: ShownVariant, points: Sequence[AtReplicas], top: float) -> PlottedLine:
    entries = tuple(
        Entry(x=p.replicas, y=p.value, where=view.plural(p.replicas, "replica"), said=p.said)
        for p in points
    )
    whiskers = tuple(
        (float(p.replicas), p.low, min(p.high, top))
        for p in points
        if p.low is not None and p.high is not None
    )
    return PlottedLine(
        subject=subject,
        x=tuple(float(p.replicas) for p in points),
        y=tuple(p.value for p in points),
        entries=entries,
        whiskers=whiskers,
    )


def _cells(points: Sequence[AtReplicas], values: Sequence[int]) -> tuple[str, ...]:
    said = {point.replicas: point.said for point in points}
    return tuple(said.get(value, view.NONE) for value in values)
