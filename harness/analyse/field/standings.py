"""Variants side by side at an SLO of the reader's choice."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from harness.analyse.field import contest, paired
from harness.analyse.field.comparison import Comparison, Row, contends, counted, in_ranks, moments
from harness.analyse.field.contest import Contest
from harness.analyse.field.paired import Ratio
from harness.analyse.run import held
from harness.analyse.run.held import Held
from harness.analyse.statistics import resampling
from harness.analyse.statistics.stats import Spread, spread
from harness.setup import slo
from harness.setup.slo import Slo

Kind = Literal["fitted", "between", "at least", "below", "unknown"]


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Standing:
    """The estimate of a variant's capacity at an SLO, over the rounds that count."""

    row: Row
    kind: Kind
    least: float  # the highest rate that meets it; 0: no tried rate does
    most: float  # the lowest that does not; infinite: every tried rate does
    spread: Spread | None  # where each round's was fitted
    rounds: Mapping[int, Held] = field(default_factory=dict)
    rank: int | None = None  # within its track; equal ranks are tied
    contest: Contest | None = None  # of its track

    @property
    def rate(self) -> float:
        """The rate by which it is ranked: one that it holds."""
        return self.least if self.spread is None else self.spread.median


def choices(comparison: Comparison) -> tuple[Slo, ...]:
    """The SLOs that its runs were judged by, the strictest first."""
    return held.choices(slo.parse(comparison.facts.slo)) if comparison.facts else ()


def at(comparison: Comparison, wanted: Slo) -> tuple[Standing, ...]:
    """Every row that something is known of, track by track, best first; then the others.

    References have no rank, nor has a row that nothing is known of, or whose numbers don't count.
    """
    found = [_standing(row, wanted) for row in comparison.rows]
    contests = {
        track: contest.of({s.row.variant: s.rounds for s in found if _counts(s, track)})
        for track in sorted({row.server.track for row in comparison.rows})
    }
    found = [replace(s, contest=contests[s.row.server.track]) for s in found]
    if comparison.ranked_by == "capacity" and wanted == _own(comparison):
        return tuple(replace(standing, rank=standing.row.rank) for standing in found)
    ranked: list[Standing] = []
    for track in contests:
        runners = [s for s in found if _runs(s, track)]
        runners.sort(key=lambda s: (-s.rate, -s.most, s.row.variant))
        ranked += [replace(s, rank=rank) for rank, s in in_ranks(runners, tied)]
    names = {standing.row.variant for standing in ranked}
    return (*ranked, *(s for s in found if s.row.variant not in names))


def tied(one: Standing, other: Standing) -> bool:
    """Whether two of a track can't be separated: never one that meets the SLO somewhere and one
    that was not seen to."""
    return one.contest is None or one.contest.tied(one.row.variant, other.row.variant)


def ratio(one: Standing, other: Standing) -> Ratio | None:
    """How many times the other's capacity one has; None where one is known by bounds only."""
    return one.contest.ratio(one.row.variant, other.row.variant) if one.contest else None


def beside(one: Standing, other: Standing) -> Ratio | None:
    """The same of two that need not share a track, this pair by itself; None where no round has
    both, or one is known by bounds only in a round that has."""
    both = sorted(one.rounds.keys() & other.rounds.keys())
    if not all(each.rounds[number].exact for each in (one, other) for number in both):
        return None
    ours, theirs = ({n: each.rounds[n].least for n in both} for each in (one, other))
    return paired.of_values(ours, theirs, moments(one.row, other.row))


def _counts(standing: Standing, track: str) -> bool:
    """Whether it is compared with a track's variants: references too, which have no rank."""
    row = standing.row
    known = row.measured and not row.invalid and standing.kind != "unknown"
    return known and row.server.track == track


def _runs(standing: Standing, track: str) -> bool:
    return contends(standing.row) and _counts(standing, track)


def _own(comparison: Comparison) -> Slo | None:
    return slo.parse(comparison.facts.slo) if comparison.facts else None


def _standing(row: Row, wanted: Slo) -> Standing:
    held_in = {d.cell.round: d.held.get(str(wanted)) for d in counted(row.digests)}
    rounds = {number: found for number, found in held_in.items() if found and found.known}
    if not rounds:
        return Standing(row=row, kind="unknown", least=0.0, most=math.inf, spread=None)
    least, most = _middle([f.least for f in rounds.values()], [f.most for f in rounds.values()])
    if all(found.low for found in rounds.values()):
        return Standing(
            row=row,
            kind="fitted",
            least=least,
            most=most,
            spread=_spread(list(rounds.values())),
            rounds=rounds,
        )
    return Standing(
        row=row, kind=_kind(least, most), least=least, most=most, spread=None, rounds=rounds
    )


def _kind(least: float, most: float) -> Kind:
    if least > 0:
        return "between" if most < math.inf else "at least"
    return "below" if most < math.inf else "unknown"


def _spread(found: Sequence[Held]) -> Spread | None:
    drawn = [resampling.around(f.least, f.low, f.high) for f in found if f.low and f.high]
    return spread([f.least for f in found], drawn)


def _middle(leasts: list[float], mosts: list[float]) -> tuple[float, float]:
    """The medians, of an even number the outer one: both are rates that a round has seen."""
    half = (len(leasts) - 1) // 2
    return sorted(leasts)[half], sorted(mosts)[len(mosts) - 1 - half]
