"""The cost of a million requests over their rate: functions beside servers."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from harness.analyse.cost.break_even import Bill, per_million
from harness.report.draw import line_chart, scales
from harness.report.draw.drawing import Frame
from harness.report.draw.figures import ChartRow, LiveChart, Table
from harness.report.draw.line_chart import Entry, PlottedLine
from harness.report.page import view
from harness.report.page.subjects import ShownVariant

_SPOTS = 24  # of a decade
_STEPS = 12  # that are drawn as such
_ABOVE = 1 + 1e-6  # a step
_BEFORE, _BEYOND = 1e2, 3  # the break-even rates, and the rate that a machine has room for
_TITLE = "Cost of a million requests by their rate"


@dataclass(frozen=True, slots=True, kw_only=True)
class BilledLine:
    """A function or a server."""

    subject: ShownVariant
    bill: Bill
    even: float | None = None  # a rate to mark


def draw(found: Sequence[BilledLine], caption: str) -> LiveChart | None:
    """None where nothing is set beside another."""
    if len(found) < 2:
        return None
    low, high = _range(found)
    decades = list(_decades(low, high))
    lines = [(each, list(_rates(each.bill, low, high))) for each in found]
    costs = [per_million(each.bill, rate) for each, rates in lines for rate in rates]
    frame = Frame(
        x=scales.log([low, high]),
        y=scales.log(costs),
        x_label="requests per second",
        y_label="US dollars per million requests",
    )
    curves = [_curve(each, rates, decades) for each, rates in lines]
    said = "; ".join(
        f"{each.subject.name} from {_usd(each.bill, low)} at {_rate(low)} to "
        f"{_usd(each.bill, high)} at {_rate(high)}"
        for each in found
    )
    rows = tuple(
        ChartRow(each.subject, tuple(_usd(each.bill, rate) for rate in decades)) for each in found
    )
    return LiveChart(
        title=_TITLE,
        wide=True,
        caption=caption,
        svg=line_chart.draw(frame, curves, f"{_TITLE}: {said}"),
        table=Table(tuple(_rate(rate) for rate in decades), rows),
    )


def _range(found: Sequence[BilledLine]) -> tuple[float, float]:
    """Whole decades about what is to be seen."""
    full = [each.bill.full_at for each in found if math.isfinite(each.bill.full_at)] or [1.0]
    even = [each.even for each in found if each.even] or full
    low = 10.0 ** math.floor(math.log10(min(even) / _BEFORE))
    return low, 10.0 ** math.ceil(math.log10(max([_BEYOND * max(full), *even])))


def _decades(low: float, high: float) -> Iterator[float]:
    for power in range(round(math.log10(low)), round(math.log10(high)) + 1):
        yield 10.0**power


def _rates(bill: Bill, low: float, high: float) -> Iterator[float]:
    """Evenly by factors, and both sides of the first steps."""
    count = round(_SPOTS * math.log10(high / low))
    rates = {low * (high / low) ** (place / count) for place in range(count + 1)}
    if math.isfinite(bill.full_at):
        steps = [place * bill.full_at for place in range(1, _STEPS + 1)]
        rates |= {side for step in steps for side in (step, step * _ABOVE)}
    yield from sorted(rate for rate in rates if low <= rate <= high)


def _curve(found: BilledLine, rates: Sequence[float], decades: Sequence[float]) -> PlottedLine:
    told = sorted({*decades, *((found.even,) if found.even else ())})
    entries = tuple(
        Entry(
            x=rate,
            y=per_million(found.bill, rate),
            where=_rate(rate),
            said=f"{_usd(found.bill, rate)} a million",
        )
        for rate in told
        if rates[0] <= rate <= rates[-1]
    )
    return PlottedLine(
        subject=found.subject,
        x=tuple(rates),
        y=tuple(per_million(found.bill, rate) for rate in rates),
        entries=entries,
    )


def _usd(bill: Bill, rate: float) -> str:
    return view.usd(per_million(bill, rate))


def _rate(rate: float) -> str:
    return f"{scales.text(rate)}/s" if rate >= 1 else f"{rate:.2g}/s"
