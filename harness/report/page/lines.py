"""The lines of a track's table: each figure as a bar on one scale, with what stands beside it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analyse.field import missing
from harness.analyse.field.comparison import COLUMNS
from harness.report.draw import curves
from harness.report.page import answer, confidence, validity, view
from harness.report.page.ranking import Figure, Ranking
from harness.report.page.validity import ValidityMark

ERRORS_SHOWN = 1.0  # percent
_WORDS = {"+": " more than", "-": " less than", "*": " as much as"}  # limits.js has them too
_CPU = COLUMNS["cpu_per_1000"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BarPlace:
    """The place of a figure on a scale from 0 to 100."""

    middle: float
    low: float
    width: float
    cut: bool  # whether the bar is longer than the scale


@dataclass(frozen=True, slots=True, kw_only=True)
class FigureLine:
    """A figure in its track."""

    figure: Figure
    rank: str
    tied: bool  # with others: not separated from them
    first: bool  # whether no variant is separated above it, and some are below
    place: BarPlace
    cpu: str
    no_cpu: str  # why there is none
    no_cost: str
    slo: str  # "meets", "misses", "unsure", or nothing where there is no such limit
    errors: float | None  # percent, where it is worth a word
    mark: ValidityMark

    @property
    def classes(self) -> str:
        """Its classes in the style sheet."""
        reference = self.figure.row.server.reference
        marks = (("reference", reference), ("first", self.first), ("tie", self.tied))
        return " ".join(name for name, has in marks if has)

    @property
    def usd(self) -> str:
        """The cost, for the reader's limits; empty where it is not known."""
        return "" if math.isinf(self.figure.usd) else f"{self.figure.usd:.6g}"


def of_track(found: Ranking, figures: Sequence[Figure], scale: float) -> list[FigureLine]:
    """The lines of a track's ranked figures, best first; or those of the references."""
    untold = confidence.untold(figures)
    ranks = [figure.rank for figure in figures if figure.rank]
    told = len(set(ranks)) > 1 or len(ranks) == 1
    made = []
    for figure in figures:
        shared = ranks.count(figure.rank or 0) > 1
        open_ = untold and figure.middle > 0
        made.append(
            FigureLine(
                figure=figure,
                rank=_rank(figure, shared=shared, untold=open_),
                tied=shared and not open_,
                first=told and not open_ and figure.rank == 1 and figure.middle > 0,
                place=_place(figure, scale),
                cpu=_cpu(figure),
                no_cpu=missing.why(figure.row, _CPU.name),
                no_cost=_no_cost(found, figure),
                slo=_judged(found, figure),
                errors=_errors(figure),
                mark=validity.of_row(figure.row),
            )
        )
    return made


def scale_of(figures: Sequence[Figure]) -> float:
    """The end of the bars: of all contenders, and of references that are not far beyond them."""
    highest = {f.row.variant: f.high or f.middle for f in figures}
    references = [f.row.variant for f in figures if f.row.server.reference]
    kept = curves.not_beyond(highest, references)
    return max((highest[name] for name in kept), default=0.0) or 1.0


def pairs(found: Ranking, figures: Sequence[Figure]) -> str:
    """For limits.js: a line for each figure, with what is to be said of it beside each that
    follows: nothing where the two are tied, `-` where only bounds part them."""
    return "\n".join(
        "|".join(_pair(found, one, other) for other in figures[number + 1 :])
        for number, one in enumerate(figures)
    )


def limit_of(found: Ranking) -> float | None:
    """The SLO's limit in ms, where it is on the number that the variants are ranked by."""
    on_it = found.metric.name == f"latency_p{100 * found.slo.share:g}"
    return found.slo.limit_ns / 1e6 if on_it else None


def _pair(found: Ranking, one: Figure, other: Figure) -> str:
    if found.tied(one.row, other.row):
        return ""
    said = answer.difference(found, one, other)
    for sign, words in _WORDS.items():
        said = said.replace(words, f" ~{sign}")
    return said or "-"


def _rank(figure: Figure, *, shared: bool, untold: bool) -> str:
    if figure.rank is None:
        return "ref"
    return "?" if untold else f"{figure.rank}{'=' if shared else ''}"


def _place(figure: Figure, scale: float) -> BarPlace:
    def at(value: float) -> float:
        return min(100 * value / scale, 100.0)

    low, high = at(figure.low or 0.0), at(figure.high or 0.0)
    return BarPlace(middle=at(figure.middle), low=low, width=high - low, cut=figure.middle > scale)


def _cpu(figure: Figure) -> str:
    spread = figure.row.spreads[_CPU.name]
    return view.NONE if spread is None else view.number(spread.median, _CPU.digits)


def _no_cost(found: Ranking, figure: Figure) -> str:
    if figure.cost or figure.rank is None:
        return "" if figure.cost else "a reference has no cost"
    if found.by_capacity and figure.middle <= 0:
        return "it meets the SLO at no tried rate"
    if not figure.row.server.way.here:
        return "the machine that it runs on is not known"
    for name in ("capacity", "memory"):
        if why := missing.why(figure.row, name):
            return why
    return "no machine of the price table has enough memory for it"


def _judged(found: Ranking, figure: Figure) -> str:
    limit = limit_of(found)
    if limit is None or not figure.rank:
        return ""
    if (math.inf if figure.high is None else figure.high) < limit:
        return "meets"
    return "misses" if (figure.low or 0.0) >= limit else "unsure"


def _errors(figure: Figure) -> float | None:
    rate = figure.row.spreads["error_rate"]
    return rate.median if rate is not None and rate.median >= ERRORS_SHOWN else None
