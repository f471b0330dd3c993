"""Response time over offered load, and its distribution at one load: the pictures with curves."""

from __future__ import annotations

from collections.abc import Sequence

from harness.analyse.field.comparison import Comparison, Row
from harness.report.draw import curves, line_chart, scales
from harness.report.draw.curves import Distribution, Offered
from harness.report.draw.drawing import Frame
from harness.report.draw.figures import ChartRow, LiveChart, Table
from harness.report.draw.line_chart import Entry, PlottedLine
from harness.report.draw.scales import Scale
from harness.report.page import view
from harness.report.page.subjects import ShownVariant, Subjects
from harness.setup import slo

_FEW_LATE = 0.0005  # shares below are written as none
_FAR_APART = 8.0  # ends of curves that differ by more than this factor need a logarithmic axis
_CHOOSE = "Point at a mark for its values; choose variants above."


def offered(comparison: Comparison, rows: Sequence[Row], subjects: Subjects) -> LiveChart | None:
    """The hockey stick: None where no variant was seen at two rates."""
    if comparison.facts is None:
        return None
    wanted = slo.parse(comparison.facts.slo)
    seen = {row.variant: points for row in rows if (points := curves.offered(row, wanted))}
    references = [row.variant for row in rows if row.server.reference]
    ends = {name: points[-1].rate_per_s for name, points in seen.items()}
    kept = curves.not_beyond(ends, references)
    known = [(subjects[name], points) for name, points in seen.items() if name in kept]
    if not any(len(points) > 1 for _, points in known):
        return None
    share = f"p{100 * wanted.share:g}"
    made = [_offered(subject, points) for subject, points in known]
    limit = wanted.limit_ns / 1e6
    frame = Frame(
        x=_rates([points for _, points in known]),
        y=scales.log([limit, *(time for curve in made for time in curve.y)]),
        x_label="offered load, requests per second",
        y_label=f"{share} of the response time, ms",
    )
    title = "Response time over offered load"
    said = "; ".join(f"{each.name} {_spoken(points)}" for each, points in known if each.shown)
    alternative = f"{title}, {share} in ms at requests per second: {said}"
    picture = line_chart.draw(frame, made, alternative, (limit, f"limit: {view.number(limit)} ms"))
    caption = (
        f"{share}, at each rate of the search for the capacity and of the "
        "steady window, all rounds; rates within 4% are one mark. Where a curve turns up, the "
        f"server is full; dashed: the limit of {wanted}. Lower and further right is better. "
        f"{_CHOOSE}"
    )
    lines = tuple(ChartRow(subject, (_row(points),)) for subject, points in known)
    head = (f"{share} in ms at requests per second; in brackets the share that was late or failed",)
    return LiveChart(title=title, caption=caption, svg=picture, table=Table(head, lines))


def _rates(curves_: Sequence[Sequence[Offered]]) -> Scale:
    """From 0, so that the load is seen as it is; by factors where one server is far beyond."""
    ends = [points[-1].rate_per_s for points in curves_ if len(points) > 1]
    rates = [point.rate_per_s for points in curves_ for point in points]
    return scales.log(rates) if max(ends) > _FAR_APART * min(ends) else scales.linear(rates)


def _offered(subject: ShownVariant, points: Sequence[Offered]) -> PlottedLine:
    entries = tuple(
        Entry(x=p.rate_per_s, y=p.time_ms, where=f"{view.number(p.rate_per_s, 1)}/s", said=_said(p))
        for p in points
    )
    rates, times = tuple(p.rate_per_s for p in points), tuple(p.time_ms for p in points)
    return PlottedLine(subject=subject, x=rates, y=times, entries=entries)


def _said(point: Offered) -> str:
    return f"{view.number(point.time_ms)} ms, {_late(point) or 'none'} late or failed"


def _late(point: Offered) -> str:
    share = point.over / max(point.requests, 1)
    return f"{view.number(100 * share, 1)}%" if share >= _FEW_LATE else ""


def _row(points: Sequence[Offered]) -> str:
    parts = []
    for point in points:
        late = f" ({late})" if (late := _late(point)) else ""
        parts.append(f"{view.number(point.time_ms)} at {view.number(point.rate_per_s, 1)}{late}")
    return ", ".join(parts)


def _spoken(points: Sequence[Offered]) -> str:
    ends = [points[0], points[-1]] if len(points) > 1 else [points[0]]
    said = (f"{view.number(p.time_ms)} at {view.number(p.rate_per_s, 1)}" for p in ends)
    return " to ".join(said)


def distribution(rows: Sequence[Row], subjects: Subjects, load: str) -> LiveChart | None:
    """Response time by share of the requests; None if no variant has one."""
    seen = {row.variant: found for row in rows if (found := curves.distribution(row)) is not None}
    references = {row.variant for row in rows if row.server.reference}
    if not seen.keys() - references:
        return None
    kept = curves.in_sight({name: max(f.times_ms) for name, f in seen.items()}, references)
    known = [(subjects[name], found) for name, found in seen.items() if name in kept]
    names = [name for name in curves.SHARES if any(name in found.named for _, found in known)]
    frame = Frame(
        x=scales.nines(max(found.shares[-1] for _, found in known)),
        y=scales.log([time for _, found in known for time in found.times_ms], 9),
        x_label="share of requests answered within the time",
        y_label="response time, ms",
    )
    made = [_distribution(subject, found) for subject, found in known]
    title = "Response time by share of requests"
    said = "; ".join(f"{c.subject.name} up to {c.last} ms" for c in made if c.subject.shown)
    picture = line_chart.draw(frame, made, f"{title}: {said}")
    caption = (
        f"At {load}. Lower is better; further right are the slower requests, with equal space for "
        "each further nine. Median over rounds; a curve ends, with its last value, if too few "
        f"answers lie beyond. {_CHOOSE}"
    )
    lines = tuple(
        ChartRow(subject, tuple(view.number(found.named.get(name)) for name in names))
        for subject, found in known
    )
    return LiveChart(
        title=title,
        caption=caption,
        svg=picture,
        table=Table(tuple(f"{name} ms" for name in names), lines),
    )


def _distribution(subject: ShownVariant, found: Distribution) -> PlottedLine:
    entries = tuple(
        Entry(x=curves.SHARES[name], y=time, where=name, said=f"{view.number(time)} ms")
        for name, time in found.named.items()
    )
    last = view.number(found.times_ms[-1])
    return PlottedLine(
        subject=subject, x=found.shares, y=found.times_ms, entries=entries, last=last
    )
