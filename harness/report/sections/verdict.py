"""Which variant to take, at a glance: SLO by SLO and track by track, ties named as ties."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import pairwise
from typing import Any

from harness.analyse.comparison import COLUMNS, Comparison, Row, disagreement
from harness.analyse.metrics import Metric
from harness.analyse.paired import CONFIDENCE
from harness.profiles import Profile
from harness.records import Cell
from harness.report import ranking, view
from harness.report.ranking import ERRORS_SHOWN, Figure, Ranking
from harness.report.sections import Values, section
from harness.report.view import Report

_BEST_AT = {"throughput": "Most throughput", "ready": "Fastest to start", "memory": "Least memory"}
_UNKNOWN = "nothing that was fired at it tells whether it holds this"
_NAMED = 4  # of those that are tied at the top; the others are counted


@section("Verdict", order=10)
def verdict(report: Report) -> Values | None:
    measured = {comparison.benchmark for comparison in report.comparisons}
    planned = {cell.benchmark for cell in report.campaign.cells}
    return {
        "benchmarks": [_benchmark(report, comparison) for comparison in report.comparisons],
        "unmeasured": sorted(planned - measured),
    }


def _benchmark(report: Report, comparison: Comparison) -> dict[str, Any]:
    digested, found = report.digested, ranking.of_benchmark(report, comparison)
    return {
        "name": comparison.benchmark,
        "facts": comparison.facts,
        "steady": steady_profile(comparison),
        "rankings": [
            {"found": each, "number": number, "tracks": _tracks(comparison, each)}
            for number, each in enumerate(found)
        ],
        "options": sorted(enumerate(found), key=lambda pair: pair[1].slo.limit_ns),
        "absent": [
            (why, names)
            for why, cells in (
                ("not run", digested.missing),
                ("damaged", [found.cell for found in digested.damaged]),
            )
            if (names := _absent(comparison, cells))
        ],
    }


def steady_profile(comparison: Comparison) -> Profile | None:
    """The profile that the latency columns speak of."""
    profiles = comparison.facts.profiles if comparison.facts else ()
    return next((profile for profile in profiles if profile.is_open), None)


def _absent(comparison: Comparison, cells: Iterable[Cell]) -> list[str]:
    """Variants of those cells that no stored run is of."""
    rows = {row.variant for row in comparison.rows}
    ours = (cell.variant for cell in cells if cell.benchmark == comparison.benchmark)
    return [name for name in dict.fromkeys(ours) if name not in rows]


def _tracks(comparison: Comparison, found: Ranking) -> list[dict[str, Any]]:
    competing = [row for row in comparison.rows if not row.server.reference]
    names = sorted({row.server.track for row in competing})
    return [_track(comparison, found, name) for name in names]


def _track(comparison: Comparison, found: Ranking, track: str) -> dict[str, Any]:
    figures = [f for f in found.figures if f.rank and f.row.server.track == track]
    references = [f for f in found.figures if f.row.server.reference and not f.row.invalid]
    # What holds the SLO nowhere is nothing to take, though nothing is ahead of it.
    best = [figure for figure in figures if figure.rank == 1 and figure.middle > 0]
    others = [figure for figure in figures if figure not in best]
    limit = ranking.limit_of(found)
    rows = [figure.row for figure in figures]
    return {
        "name": track,
        "best": best[:_NAMED],
        "more": len(best[_NAMED:]),
        "next": _next(found, best, others),
        "alone": len(figures) == 1,
        "figures": figures,
        "places": ranking.places([*figures, *references], limit),
        "cheapest": ranking.cheapest(best),
        "priced": any(figure.cost for figure in figures),
        "judged": limit is not None,
        "best_at": _best_at(rows) if found.own else [],
        "cautions": [*_cautions(best), *(_disagreements(rows, found.metric) if found.own else [])],
        "sureness": _sureness(found, rows),
        "below": _below(comparison, found, track),
    }


def _next(found: Ranking, best: list[Figure], others: list[Figure]) -> dict[str, Any] | None:
    """The first variant that is told apart from the best, and by how much."""
    if not best or not others:
        return None
    ratio = found.ratio(others[0].row, best[0].row)
    return {"figure": others[0], "ratio": ratio if ratio and ratio.rounds > 1 else None}


def _sureness(found: Ranking, rows: list[Row]) -> str | None:
    """How sure the order is, in a sentence."""
    if len(rows) < 2:
        return None
    pairs = list(pairwise(rows))
    sure = sum(not found.tied(row, following) for row, following in pairs)
    rounds = max(row.counted for row in rows)
    basis = f"over {view.plural(rounds, 'round')}, at {100 * CONFIDENCE:g}% confidence"
    if sure == len(pairs):
        return f"How sure: each variant is told apart from the next ({basis})."
    if sure == 0:
        return (
            f"How sure: no variant is told apart from the next ({basis}): the order may be chance."
        )
    return (
        f"How sure: {sure} of {len(pairs)} variants are told apart from the next ({basis}); the "
        "others may change places with their neighbours."
    )


def _best_at(rows: list[Row]) -> list[dict[str, Any]]:
    found = []
    for column, title in _BEST_AT.items():
        best = view.best_at(rows, column)
        if best:
            spread = best[0].spreads[column]
            found.append(
                {"title": title, "rows": best, "spread": spread, "metric": COLUMNS[column]}
            )
    return found


def _cautions(best: list[Figure]) -> list[str]:
    """What a reader must know before acting on the verdict."""
    found = []
    rows = [figure.row for figure in best]
    for row in rows:
        error_rate = row.spreads["error_rate"]
        if error_rate is not None and error_rate.median >= ERRORS_SHOWN:
            share = view.number(error_rate.median, 1)
            found.append(f"{row.variant} did not answer {share}% of its requests.")
        if row.counted < row.rounds:
            found.append(
                f"Only {row.counted} of {view.plural(row.rounds, 'round')} of {row.variant} "
                "count: the others failed or are INVALID."
            )
    if any(row.counted == 1 for row in rows):
        found.append("One round tells nothing apart: the order may be chance.")
    elif any(row.counted == 2 for row in rows):
        found.append("Two rounds tell little apart: more of them would.")
    return found


def _disagreements(rows: list[Row], metric: Metric) -> list[str]:
    found = []
    for row in rows:
        span = disagreement(row, metric.name)
        if span is not None:
            low, high = (view.amount(value, metric) for value in span)
            found.append(
                f"The rounds of {row.variant} disagree: {metric.title} from {low} to {high}. "
                "The host or the server was not the same in all of them."
            )
    return found


def _below(comparison: Comparison, found: Ranking, track: str) -> list[tuple[Row, str, str]]:
    """(row, what became of it, why) of the variants of a track that are not ranked."""
    ranked = {figure.row.variant for figure in found.figures if figure.rank}
    below = []
    for row in comparison.rows:
        if row.server.track != track or row.server.reference or row.variant in ranked:
            continue
        if row.failures and row.invalid:
            kind = "failed"
        else:
            kind = "INVALID" if row.invalid else "not known"
        unknown = found.by_capacity and kind == "not known"
        below.append((row, kind, _UNKNOWN if unknown else view.reason(row)))
    return below
