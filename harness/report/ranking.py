"""The ranking of a track as lines: each variant's figure in words, as a bar, and what it costs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from harness import slo
from harness.analyse import comparison as comparing
from harness.analyse import cost, standings
from harness.analyse.comparison import COLUMNS, Comparison, Row
from harness.analyse.metrics import Metric
from harness.analyse.paired import Ratio
from harness.analyse.standings import Standing
from harness.analyse.stats import Spread
from harness.report import view
from harness.report.view import Report
from harness.slo import Slo

ERRORS_SHOWN = 1.0  # percent
_RATE = COLUMNS["capacity"]


@dataclass(frozen=True, slots=True)
class Figure:
    """What a row is ranked by; `low` and `high` are None where there is no interval."""

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


@dataclass(frozen=True, slots=True)
class Ranking:
    """What a benchmark's rows are ranked by, and each of their figures, best first."""

    slo: Slo
    own: bool  # whether the campaign itself ranks by it
    metric: Metric
    figures: tuple[Figure, ...]
    tied: Callable[[Row, Row], bool]
    ratio: Callable[[Row, Row], Ratio | None]

    @property
    def by_capacity(self) -> bool:
        """Whether the figures are capacities at the SLO."""
        return self.metric.name == _RATE.name


@dataclass(frozen=True, slots=True)
class Place:
    """A figure in its track, drawn as a range on a scale from 0 to 100."""

    figure: Figure
    tied: bool
    middle: float
    low: float
    width: float
    slo: str  # "meets", "misses", "unsure", or nothing where there is no such limit
    errors: float | None  # percent, where it is worth a word


def of_benchmark(report: Report, comparison: Comparison) -> list[Ranking]:
    """One for each SLO to choose from that something is known at, the benchmark's own first."""
    if comparison.facts is None:
        return []
    own = slo.parse(comparison.facts.slo)
    if comparison.ranked_by == "capacity":
        made = [by_capacity(report, comparison, own, own=True)]
    else:
        made = [by_column(comparison, own)]
    for wanted in standings.choices(comparison):
        ranking = by_capacity(report, comparison, wanted, own=False)
        if wanted != own and any(figure.rank for figure in ranking.figures):
            made.append(ranking)
    return made


def by_capacity(report: Report, comparison: Comparison, wanted: Slo, *, own: bool) -> Ranking:
    """By the capacity at an SLO."""
    found = {s.row.variant: s for s in standings.at(comparison, wanted)}
    return Ranking(
        wanted,
        own,
        _RATE,
        tuple(_of_standing(report, s) for s in found.values() if s.kind != "unknown"),
        lambda one, other: standings.tied(found[one.variant], found[other.variant]),
        lambda one, other: standings.ratio(found[one.variant], found[other.variant]),
    )


def bounded(comparison: Comparison) -> dict[str, str]:
    """What is known of the capacity of each variant of which only bounds are."""
    if comparison.facts is None:
        return {}
    found = standings.at(comparison, slo.parse(comparison.facts.slo))
    return {s.row.variant: _words(s)[0] for s in found if s.kind not in ("fitted", "unknown")}


def by_column(comparison: Comparison, own: Slo) -> Ranking:
    """By the column that the campaign is ranked by, which is not the capacity."""
    metric = COLUMNS[comparison.ranked_by]
    figures = (_of_column(row, metric) for row in comparison.rows)
    return Ranking(
        own,
        True,
        metric,
        tuple(figure for figure in figures if figure is not None),
        lambda one, other: comparing.tied(one, other, metric.name),
        lambda one, other: comparing.ratio(one, other, metric.name),
    )


def places(figures: Sequence[Figure], limit: float | None = None) -> list[Place]:
    """Figures as lines, all on one scale; `limit` is the SLO's, where the figures are latencies."""
    scale = max((f.high or f.middle for f in figures), default=0.0) or 1.0
    ranks = [figure.rank for figure in figures if figure.rank]
    made = []
    for figure in figures:
        low, high = figure.low or 0.0, figure.high or 0.0
        made.append(
            Place(
                figure,
                ranks.count(figure.rank or 0) > 1,
                100 * figure.middle / scale,
                100 * low / scale,
                100 * (high - low) / scale,
                _judged(figure, limit) if limit is not None and figure.rank else "",
                _errors(figure.row),
            )
        )
    return made


def limit_of(ranking: Ranking) -> float | None:
    """The SLO's limit in ms, where it is on the number that the variants are ranked by."""
    on_it = ranking.metric.name == f"latency_p{100 * ranking.slo.share:g}"
    return ranking.slo.limit_ns / 1e6 if on_it else None


def cheapest(figures: Iterable[Figure]) -> Figure | None:
    """The one that costs least; None where the cost of none is known."""
    priced = [figure for figure in figures if figure.cost]
    return min(priced, key=lambda figure: figure.usd) if priced else None


def _of_standing(report: Report, standing: Standing) -> Figure:
    text, bounds = _words(standing)
    cost_text, machine, usd = _cost(report, standing)
    low, high = (standing.least, standing.most) if standing.kind == "between" else (None, None)
    if standing.spread is not None:
        low, high = standing.spread.low, standing.spread.high
    return Figure(
        standing.row, standing.rank, text, bounds, standing.rate, low, high, cost_text, machine, usd
    )


def _of_column(row: Row, metric: Metric) -> Figure | None:
    found = row.spreads[metric.name]
    if found is None:
        return None
    text, bounds = view.amount(found.median, metric), view.interval(found, metric)
    return Figure(row, row.rank, text, bounds, found.median, found.low, found.high)


def _words(standing: Standing) -> tuple[str, str]:
    """(the capacity, what is known of its bounds)."""
    least, most = standing.least, standing.most
    if standing.spread is not None:
        return view.amount(standing.spread.median, _RATE), view.interval(standing.spread, _RATE)
    if standing.kind == "at least":
        return f"at least {view.amount(least, _RATE)}", "no rate that was tried is too much"
    if standing.kind == "below":
        return f"below {view.amount(most, _RATE)}", "no rate that was tried holds it"
    if least == most:  # some rounds have only bounds, but the median is none of those
        return view.amount(least, _RATE), ""
    between = f"{view.number(least, _RATE.digits)} to {view.amount(most, _RATE)}"
    return between, "nothing between was tried"


def _cost(report: Report, standing: Standing) -> tuple[str, str, float]:
    """(the cost of a million predictions, on which machine, in US dollars)."""
    measured = cost.measured(standing.row, report.campaign)
    if measured is None or standing.rank is None or standing.rate <= 0:
        return "", "", math.inf
    exact = standing.spread is not None
    held = standing.spread or Spread(standing.least, standing.least, standing.least, 1)
    found = cost.cheapest(replace(measured, capacity=held), report.prices.instance)
    if found is None:
        return "", "", math.inf
    machine, price = found
    text = view.usd(price.usd.median)
    text = text if exact else f"at most {text}"
    return text, f"{machine.provider} {machine.type}", price.usd.median


def _judged(figure: Figure, limit: float) -> str:
    if (math.inf if figure.high is None else figure.high) < limit:
        return "meets"
    return "misses" if (figure.low or 0.0) >= limit else "unsure"


def _errors(row: Row) -> float | None:
    rate = row.spreads["error_rate"]
    return rate.median if rate is not None and rate.median >= ERRORS_SHOWN else None
