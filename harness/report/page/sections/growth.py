"""How cost grows along the axis of a sweep: what each value measured, and the exponents."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from harness.analyse.cost.prices import PriceTable
from harness.analyse.field import function_points
from harness.analyse.field import growth as growing
from harness.analyse.field.growth import Growth, PointCost
from harness.report.draw import colours, line_chart, scales
from harness.report.draw.drawing import Frame
from harness.report.draw.figures import ChartRow, LiveChart, Table
from harness.report.draw.line_chart import Entry, PlottedLine
from harness.report.draw.scales import Scale
from harness.report.page import view
from harness.report.page.sections import Values, section
from harness.report.page.subjects import ShownVariant
from harness.report.page.view import Report
from harness.setup.changes import REPLICAS
from harness.stored.identity import subject_name

_TITLES = {
    "throughput_per_s": ("predictions a second", "/s"),
    "p50_ms": ("p50 of the service time, ms", " ms"),
    "p99_ms": ("p99 of the service time, ms", " ms"),
    "cpu_per_1000_s": ("CPU seconds for 1000 predictions", " s"),
    "duration_ms": ("billed duration before rounding, ms", " ms"),
    "billed_gb_s": ("GB-seconds billed for 1000 requests", " GB-s"),
    "cold_percent": ("cold, % of the requests", " %"),
}


@dataclass(frozen=True, slots=True)
class Swept:
    """A variant along the axis."""

    subject: ShownVariant
    axis: str
    points: tuple[PointCost, ...]  # ascending

    @property
    def grown(self) -> dict[str, Growth | None]:
        return growing.by_cost(self.points, self.axis)


@section("Growth", order=15)
def growth(report: Report) -> Values | None:
    groups = _swept(report)
    if not groups:
        return None
    return {"groups": [_group(*key, found, report.prices) for key, found in groups.items()]}


def _swept(report: Report) -> dict[tuple[str, str], list[Swept]]:
    """The variants by (benchmark, axis), as they were planned."""
    looks = colours.of_variants(report.comparisons)
    members: dict[tuple[str, str], dict[str, list[PointCost]]] = {}
    drawn: dict[str, tuple[colours.Look, str]] = {}
    for digest in report.digested.digests:
        cell = digest.cell
        if cell.point is None or digest.swept is None or cell.point.axis == REPLICAS:
            continue
        name = subject_name(cell.subject)
        group = members.setdefault((cell.benchmark, cell.point.axis), {})
        group.setdefault(name, []).append(digest.swept)
        drawn.setdefault(name, (looks[cell.variant_name], digest.facts.server.track))
    return {
        key: [
            Swept(
                ShownVariant(
                    name=name, key=number, group=drawn[name][1], look=drawn[name][0], shown=True
                ),
                key[1],
                tuple(sorted(group[name], key=lambda point: point.value)),
            )
            for number, name in enumerate(group, 1)
        ]
        for key, group in members.items()
    }


def _group(benchmark: str, axis: str, found: Sequence[Swept], prices: PriceTable) -> dict[str, Any]:
    charts = (_chart(axis, cost, found) for cost in growing.costs(axis))
    return {
        "benchmark": benchmark,
        "axis": axis,
        "titles": [_TITLES[cost][0] for cost in growing.costs(axis)],
        "charts": [chart for chart in charts if chart is not None],
        "variants": [_table(axis, each, prices) for each in found],
    }


def _table(axis: str, swept: Swept, prices: PriceTable) -> dict[str, Any]:
    costs, notes = growing.costs(axis), [growing.note(swept.points, axis)]
    if axis == function_points.MEMORY:
        platform = function_points.platform_of(prices)
        notes.insert(0, function_points.chosen(swept.points, platform))
    return {
        "subject": swept.subject,
        "points": [
            (point.value, [view.number(point.numbers[cost]) for cost in costs], point.invalid)
            for point in swept.points
        ],
        "grown": [_exponent(swept.grown[cost]) for cost in costs],
        "note": "; ".join(filter(None, notes)),
    }


def _exponent(found: Growth | None) -> str:
    return "" if found is None else f"{found.exponent:+.2f} ± {found.error:.2f}".replace("-", "−")


def _chart(axis: str, cost: str, found: Sequence[Swept]) -> LiveChart | None:
    """A cost over the axis; None where no variant has it at two values."""
    title, unit = _TITLES[cost]
    known = [(each, pairs) for each in found if (pairs := _pairs(each.points, cost))]
    if not any(len(pairs) > 1 for _, pairs in known):
        return None
    frame = Frame(
        x=_values([value for _, pairs in known for value, _ in pairs]),
        y=scales.log([number for _, pairs in known for _, number in pairs]),
        x_label=axis,
        y_label=title,
    )
    curves = [_curve(axis, each, pairs, cost, unit) for each, pairs in known]
    said = "; ".join(
        f"{each.subject.name} from {_said(pairs[0], unit)} to {_said(pairs[-1], unit)}"
        for each, pairs in known
    )
    values = sorted({value for _, pairs in known for value, _ in pairs})
    lines = tuple(
        ChartRow(each.subject, tuple(view.number(dict(pairs).get(value)) for value in values))
        for each, pairs in known
    )
    caption = (
        "Both axes go by factors, so that a power law is a straight line. At the end of a curve "
        "its exponent: 1 doubles with the axis, 0 stays. Point at a mark for its value."
    )
    picture = line_chart.draw(frame, curves, f"{title}, over {axis}: {said}")
    table = Table(tuple(f"{axis} {value}" for value in values), lines)
    return LiveChart(title=title[0].upper() + title[1:], caption=caption, svg=picture, table=table)


def _pairs(points: Sequence[PointCost], cost: str) -> list[tuple[int, float]]:
    """(value of the axis, number) of the points that count."""
    numbers = ((p.value, p.numbers[cost]) for p in points if not p.invalid)
    return [(value, number) for value, number in numbers if number is not None and number > 0]


def _values(values: Sequence[int]) -> Scale:
    """An axis by factors, with what was measured written beside it."""
    found = scales.log(values)
    return Scale(
        kind="log",
        low=found.low,
        high=found.high,
        ticks=tuple((v, str(v)) for v in sorted(set(values))),
    )


def _curve(
    axis: str, swept: Swept, pairs: Sequence[tuple[int, float]], cost: str, unit: str
) -> PlottedLine:
    entries = tuple(
        Entry(x=value, y=number, where=f"{axis} {value}", said=f"{view.number(number)}{unit}")
        for value, number in pairs
    )
    grown = swept.grown[cost]
    last = "" if grown is None else f"^{grown.exponent:.2f}".replace("-", "−")
    xs, ys = zip(*pairs, strict=True)
    return PlottedLine(
        subject=swept.subject, x=tuple(map(float, xs)), y=ys, entries=entries, last=last
    )


def _said(pair: tuple[int, float], unit: str) -> str:
    return f"{view.number(pair[1])}{unit} at {pair[0]}"
