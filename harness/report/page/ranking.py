"""The ranking of a track as lines: each variant's figure in words, as a bar, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.analyse.cost import cost
from harness.analyse.field import standings
from harness.analyse.field.comparison import COLUMNS, Comparison, Row, ratio
from harness.analyse.field.paired import Ratio
from harness.analyse.field.standings import Standing
from harness.analyse.run.metrics import Metric
from harness.analyse.statistics.stats import Spread
from harness.report.page import view
from harness.report.page.view import Report
from harness.setup import slo
from harness.setup.slo import Slo

_RATE = COLUMNS["capacity"]
_BOUNDS = {
    "at least": "every tried rate meets it",
    "below": "no tried rate meets it",
    "between": "no rate between them was tried",
}
_UNPRICED = ("", "", math.inf)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """The number by which a row is ranked; `low` and `high` are None if it has no interval."""

    row: Row
    rank: int | None  # None: a reference point
    text: str
    range: str
    middle: float
    low: float | None
    high: float | None
    cost: str = ""
    machine: str = ""  # that it costs so much on
    usd: float = math.inf


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranking:
    """The metric that ranks a benchmark's rows, and the figure of each row, best first."""

    slo: Slo
    own: bool  # whether the campaign itself ranks by it
    metric: Metric
    figures: tuple[Figure, ...]
    tied: Callable[[Row, Row], bool]
    ratio: Callable[[Row, Row], Ratio | None]  # of two of a track
    beside: Callable[[Row, Row], Ratio | None]  # of any two

    @property
    def by_capacity(self) -> bool:
        """Whether the figures are capacities at the SLO."""
        return self.metric.name == _RATE.name


def of_benchmark(report: Report, comparison: Comparison) -> list[Ranking]:
    """One for each SLO to choose from that something is known at, the benchmark's own first."""
    if comparison.facts is None:
        return []
    own = slo.parse(comparison.facts.slo)
    if comparison.ranked_by == "capacity":
        made = [by_capacity(report, comparison, own, own=True)]
    else:
        made = [by_column(report, comparison, own)]
    for wanted in standings.choices(comparison):
        ranking = by_capacity(report, comparison, wanted, own=False)
        if wanted != own and any(figure.rank for figure in ranking.figures):
            made.append(ranking)
    return made


def by_capacity(report: Report, comparison: Comparison, wanted: Slo, *, own: bool) -> Ranking:
    """A ranking by the capacity at an SLO."""
    found = {s.row.variant: s for s in standings.at(comparison, wanted)}
    return Ranking(
        slo=wanted,
        own=own,
        metric=_RATE,
        figures=tuple(_of_standing(report, s) for s in found.values() if s.kind != "unknown"),
        tied=lambda one, other: standings.tied(found[one.variant], found[other.variant]),
        ratio=lambda one, other: standings.ratio(found[one.variant], found[other.variant]),
        beside=lambda one, other: standings.beside(found[one.variant], found[other.variant]),
    )


def bounded(comparison: Comparison) -> dict[str, str]:
    """The bounds of the capacities of which nothing else is known, by variant."""
    if comparison.facts is None:
        return {}
    found = standings.at(comparison, slo.parse(comparison.facts.slo))
    return {s.row.variant: _words(s)[0] for s in found if s.kind not in ("fitted", "unknown")}


def by_column(report: Report, comparison: Comparison, own: Slo) -> Ranking:
    """A ranking by the campaign's own column, which is not the capacity."""
    metric = COLUMNS[comparison.ranked_by]
    figures = (_of_column(report, row, metric) for row in comparison.rows)
    return Ranking(
        slo=own,
        own=True,
        metric=metric,
        figures=tuple(figure for figure in figures if figure is not None),
        tied=comparison.tied,
        ratio=comparison.ratio,
        beside=lambda row, other: ratio(row, other, metric.name),
    )


def _of_standing(report: Report, standing: Standing) -> Figure:
    text, bounds = _words(standing)
    low, high = None, None
    if standing.spread is not None:
        low, high = standing.spread.low, standing.spread.high
    elif standing.kind in ("between", "below"):
        low, high = standing.least, standing.most
    cost, machine, usd = _cost(report, standing)
    return Figure(
        row=standing.row,
        rank=standing.rank,
        text=text,
        range=bounds,
        middle=standing.rate,
        low=low,
        high=high,
        cost=cost,
        machine=machine,
        usd=usd,
    )


def _of_column(report: Report, row: Row, metric: Metric) -> Figure | None:
    found = row.spreads[metric.name]
    if found is None:
        return None
    text, bounds = view.amount(found.median, metric), view.interval(found, metric)
    cost, machine, usd = _price(report, row, row.spreads["capacity"])
    return Figure(
        row=row,
        rank=row.rank,
        text=text,
        range=bounds,
        middle=found.median,
        low=found.low,
        high=found.high,
        cost=cost,
        machine=machine,
        usd=usd,
    )


def _words(standing: Standing) -> tuple[str, str]:
    """(the capacity, what is known of its bounds)."""
    least, most = standing.least, standing.most
    if standing.spread is not None:
        return view.amount(standing.spread.median, _RATE), view.interval(standing.spread, _RATE)
    if least == most:  # some rounds have only bounds, but the median is none of those
        return view.amount(least, _RATE), ""
    return bounds(least, most), _BOUNDS[standing.kind]


def bounds(least: float, most: float) -> str:
    """A capacity of which only bounds are known; nothing where not even one is."""
    if least <= 0:
        return view.NONE if math.isinf(most) else f"below {view.amount(most, _RATE)}"
    if math.isinf(most):
        return f"at least {view.amount(least, _RATE)}"
    return f"{view.number(least, _RATE.digits)} to {view.amount(most, _RATE)}"


def _cost(report: Report, standing: Standing) -> tuple[str, str, float]:
    """(the cost of a million predictions, on which machine, in US dollars)."""
    if standing.rank is None or standing.rate <= 0:
        return _UNPRICED
    held = standing.spread or Spread(standing.least, standing.least, standing.least, 1)
    text, machine, usd = _price(report, standing.row, held)
    exact = standing.spread is not None or not text
    return text if exact else f"at most {text}", machine, usd


def _price(report: Report, row: Row, capacity: Spread | None) -> tuple[str, str, float]:
    measured = cost.measured(row, report.campaign)
    if measured is None or capacity is None or row.server.reference:
        return _UNPRICED
    found = cost.cheapest(replace(measured, capacity=capacity), report.prices.instance)
    if found is None:
        return _UNPRICED
    machine, price = found
    return view.usd(price.usd.median), f"{machine.provider} {machine.type}", price.usd.median
