"""The cost of predictions over their latency: variants that are both dearer and slower lie off the
front."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.analyse.cost.cost import measured, on_instance, on_serverless
from harness.analyse.cost.prices import PriceTable
from harness.analyse.field.comparison import COLUMNS, RANKED_BY, Row
from harness.analyse.statistics import pareto
from harness.analyse.statistics.stats import Spread
from harness.report.draw import point_chart, scales
from harness.report.draw.drawing import Frame
from harness.report.draw.figures import ChartRow, LiveChart, Table
from harness.report.draw.line_chart import Entry
from harness.report.draw.point_chart import PlottedPoint
from harness.report.page import view
from harness.report.page.sections.cost import cheapest, interval
from harness.report.page.subjects import Subjects
from harness.report.page.view import Report
from harness.stored.records import Campaign


@dataclass(frozen=True, slots=True)
class PricedVariant:
    """A variant's cost on the machine that the variants of its device are priced on."""

    row: Row
    usd: Spread  # for a million predictions
    machine: str


def cost(report: Report, rows: Sequence[Row], subjects: Subjects) -> LiveChart | None:
    """None where fewer than two variants have both a cost and a latency."""
    column = next((n for n in RANKED_BY[1:] if all(r.spreads[n] for r in rows)), RANKED_BY[-1])
    found = priced(rows, report.campaign, report.prices)
    known = [(each, spread) for each in found if (spread := each.row.spreads[column]) is not None]
    if len(known) < 2:
        return None
    fronts = _fronts(known)
    leading = {each.row.variant for front in fronts.values() for each, _ in front}
    frame = Frame(
        x=scales.log(spread.median for _, spread in known),
        y=scales.log(each.usd.median for each, _ in known),
        x_label=f"{COLUMNS[column].title} of the response time, ms",
        y_label="US dollars per million predictions",
    )
    dots = [_dot(each, time, subjects, leading) for each, time in known]
    steps = {
        track: [(time.median, each.usd.median) for each, time in front]
        for track, front in fronts.items()
    }
    title = "Cost against latency"
    best = "; ".join(
        f"{track}: {view.listed([each.row.variant for each, _ in front])}"
        for track, front in fronts.items()
    )
    said = "; ".join(f"{dot.subject.name} {dot.entry.where}, {dot.entry.said}" for dot in dots)
    picture = point_chart.draw(frame, dots, steps, f"{title}. Pareto front, {best}. All: {said}")
    machines = view.listed(dict.fromkeys(each.machine for each, _ in known))
    caption = (
        f"Latency at the same load for all, cost at each variant's capacity on {machines}, scaled "
        "from this host. Further left and lower is better. The dashed steps are the Pareto front "
        "of each track, by medians: no variant of the track is both faster and cheaper. "
        f"On it, {best}. Point at a mark for its values."
    )
    lines = tuple(_line(each, time, column, subjects, leading) for each, time in known)
    head = (f"{COLUMNS[column].title} ms", "$ per million", "on the front of its track")
    return LiveChart(title=title, caption=caption, svg=picture, table=Table(head, lines))


def priced(rows: Sequence[Row], campaign: Campaign, prices: PriceTable) -> list[PricedVariant]:
    """The cost of each row, on the machine that the table of costs has first; where no machine has
    one, on the first serverless platform."""
    seen = ((row, measured(row, campaign)) for row in rows if not row.server.reference)
    known = [(row, found) for row, found in seen if found is not None]
    made = []
    for device in (False, True):
        mine = [(row, found) for row, found in known if found.on_gpu is device]
        machines = cheapest([found for _, found in mine], prices.instance)
        for row, found in mine:
            if machines and (there := on_instance(found, machines[0])) is not None:
                name = f"{machines[0].provider} {machines[0].type}"
                made.append(PricedVariant(row, there.usd, name))
    if made:
        return made
    for platform in prices.serverless:
        for row, found in known:
            if (billed := on_serverless(found, platform)) is not None:
                made.append(
                    PricedVariant(row, billed.usd, f"{platform.provider} {platform.service}")
                )
        if made:
            break
    return made


def _fronts(
    known: Sequence[tuple[PricedVariant, Spread]],
) -> dict[str, list[tuple[PricedVariant, Spread]]]:
    """The Pareto front of each track: tracks are not compared with each other."""
    found = {}
    for track in sorted({each.row.server.track for each, _ in known}):
        mine = [pair for pair in known if pair[0].row.server.track == track]
        places = pareto.front([(time.median, each.usd.median) for each, time in mine])
        found[track] = [mine[place] for place in places]
    return found


def _dot(each: PricedVariant, time: Spread, subjects: Subjects, leading: set[str]) -> PlottedPoint:
    where, said = f"{view.number(time.median)} ms", _usd(each.usd)
    entry = Entry(x=time.median, y=each.usd.median, where=where, said=said)
    return PlottedPoint(subjects[each.row.variant], entry, each.row.variant in leading)


def _usd(spread: Spread) -> str:
    inside = f" ({interval(spread)})" if interval(spread) else ""
    return f"{view.usd(spread.median)}{inside}"


def _line(
    each: PricedVariant, time: Spread, column: str, subjects: Subjects, leading: set[str]
) -> ChartRow:
    name, metric = each.row.variant, COLUMNS[column]
    span = view.interval(time, metric)
    shown = view.number(time.median, metric.digits) + (f" ({span})" if span else "")
    cells = (shown, _usd(each.usd), "yes" if name in leading else "")
    return ChartRow(subjects[name], cells)
