"""Which variant is best, at a glance: track by track, ties named as ties."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from harness import slo
from harness.analyse.comparison import COLUMNS, Comparison, Row, disagreement, ratio, tied
from harness.analyse.metrics import Metric
from harness.analyse.paired import CONFIDENCE
from harness.analyse.stats import Spread
from harness.profiles import Profile
from harness.report import view
from harness.report.sections import Values, section
from harness.report.view import Report

_BEST_AT = {"throughput": "Most throughput", "ready": "Fastest to start", "memory": "Least memory"}
_ERRORS_SHOWN = 1.0  # percent


@dataclass(frozen=True, slots=True)
class Bar:
    """A variant's line in the ranking, drawn as a range on a scale from 0 to 100."""

    row: Row
    tied: bool
    spread: Spread
    low: float
    width: float
    middle: float
    slo: str  # "meets", "misses", "unsure", or nothing where there is no such limit
    errors: float | None  # percent, where it is worth a word


@section("Verdict", order=10)
def verdict(report: Report) -> Values | None:
    return {"benchmarks": [_benchmark(comparison) for comparison in report.comparisons]}


def _benchmark(comparison: Comparison) -> dict[str, Any]:
    metric = COLUMNS[comparison.ranked_by]
    steady = steady_profile(comparison)
    competing = [row for row in comparison.rows if not row.server.reference]
    tracks = sorted({row.server.track for row in competing})
    return {
        "name": comparison.benchmark,
        "facts": comparison.facts,
        "metric": metric,
        "steady": steady,
        "tracks": [_track(comparison, track, metric) for track in tracks],
    }


def steady_profile(comparison: Comparison) -> Profile | None:
    """The profile that the latency columns speak of."""
    profiles = comparison.facts.profiles if comparison.facts else ()
    return next((profile for profile in profiles if profile.is_open), None)


def _track(comparison: Comparison, track: str, metric: Metric) -> dict[str, Any]:
    rows = view.contenders(comparison, track)
    best = comparison.best(track)
    others = [row for row in rows if row not in best]
    return {
        "name": track,
        "best": best,
        "spread": best[0].spreads[metric.name] if best else None,
        "next": _next(best, others, metric),
        "alone": len(rows) == 1,
        "best_at": _best_at(rows) if len(rows) > 1 else [],
        "bars": _bars(comparison, rows, metric),
        "limit": _limit(comparison, metric),
        "cautions": [*_cautions(best), *_disagreements(rows, metric)],
        "sureness": _sureness(rows, metric),
        "reasons": _reasons(comparison, track),
    }


def _next(best: tuple[Row, ...], others: list[Row], metric: Metric) -> dict[str, Any] | None:
    """The first variant that is told apart from the best, and by how much."""
    if not best or not others:
        return None
    own, then = best[0].spreads[metric.name], others[0].spreads[metric.name]
    if own is None or then is None:
        return None
    apart = 100 * (then.median / own.median - 1) if own.median else 0.0
    found = ratio(others[0], best[0], metric.name)
    sure = found if found is not None and found.rounds > 1 else None
    return {"row": others[0], "median": then.median, "apart": apart, "ratio": sure}


def _sureness(rows: list[Row], metric: Metric) -> str | None:
    """How sure the order is, in a sentence."""
    if len(rows) < 2:
        return None
    pairs = list(pairwise(rows))
    sure = sum(not tied(row, following, metric.name) for row, following in pairs)
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


def _bars(comparison: Comparison, rows: list[Row], metric: Metric) -> list[Bar]:
    references = [row for row in comparison.rows if row.server.reference and not row.invalid]
    shown = [(r, s) for r in (*rows, *references) if (s := r.spreads[metric.name]) is not None]
    scale = max((spread.high for _, spread in shown), default=0.0) or 1.0
    limit = _limit(comparison, metric)
    ranks = [row.rank for row in rows]
    bars = []
    for row, spread in shown:
        error_rate = row.spreads["error_rate"]
        failing = error_rate is not None and error_rate.median >= _ERRORS_SHOWN
        bars.append(
            Bar(
                row,
                row.rank is not None and ranks.count(row.rank) > 1,
                spread,
                100 * spread.low / scale,
                100 * (spread.high - spread.low) / scale,
                100 * spread.median / scale,
                _judged(spread, limit) if limit is not None and row.rank else "",
                error_rate.median if failing and error_rate is not None else None,
            )
        )
    return bars


def _limit(comparison: Comparison, metric: Metric) -> float | None:
    """The SLO's limit in ms, where it is on the number that the variants are ranked by."""
    wanted = slo.parse(comparison.facts.slo) if comparison.facts else None
    if wanted is None or metric.name != f"latency_p{100 * wanted.share:g}":
        return None
    return wanted.limit_ns / 1e6


def _judged(spread: Spread, limit: float) -> str:
    if spread.high < limit:
        return "meets"
    return "misses" if spread.low >= limit else "unsure"


def _cautions(best: tuple[Row, ...]) -> list[str]:
    """What a reader must know before acting on the verdict."""
    found = []
    for row in best:
        error_rate = row.spreads["error_rate"]
        if error_rate is not None and error_rate.median >= _ERRORS_SHOWN:
            share = view.number(error_rate.median, 1)
            found.append(f"{row.variant} did not answer {share}% of its requests.")
        if row.counted < row.rounds:
            found.append(
                f"Only {row.counted} of {view.plural(row.rounds, 'round')} of {row.variant} "
                "count: the others failed or are INVALID."
            )
    if any(row.counted == 1 for row in best):
        found.append("One round tells nothing apart: the order may be chance.")
    elif any(row.counted == 2 for row in best):
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


def _reasons(comparison: Comparison, track: str) -> list[tuple[str, list[str]]]:
    """Why variants of the track are not ranked, variants with the same reason together."""
    grouped: dict[str, list[str]] = {}
    for row in comparison.rows:
        if row.server.track == track and not row.server.reference and row.rank is None:
            grouped.setdefault(view.reason(row), []).append(row.variant)
    return list(grouped.items())
