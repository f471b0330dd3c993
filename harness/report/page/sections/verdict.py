"""The variant to take, at a glance: SLO by SLO and track by track, ties named as ties."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from markupsafe import Markup

from harness.analyse.field import missing
from harness.analyse.field.comparison import COLUMNS, Comparison, Row, disagreement
from harness.analyse.run.metrics import Metric
from harness.report.page import (
    answer,
    beside,
    confidence,
    lines,
    ranking,
    references,
    validity,
    view,
)
from harness.report.page.lines import ERRORS_SHOWN
from harness.report.page.ranking import Figure, Ranking
from harness.report.page.sections import Values, section
from harness.report.page.view import Report
from harness.stored.identity import Cell
from harness.windows.profiles import Profile

_BEST_AT = {"throughput": "Most throughput", "ready": "Fastest to start", "memory": "Least memory"}
_UNKNOWN = "no tried load shows whether it meets this SLO"
_BEST_NAMED = 3  # more variants that are tied for the best say nothing
_DOUBTS_TOLD = 2  # warnings about what is to be taken that are told in full; of more, their kinds
_DOUBTS_SHOWN = 5


@section("Verdict", order=10)
def verdict(report: Report) -> Values | None:
    measured = {comparison.benchmark for comparison in report.comparisons}
    planned = {cell.benchmark_name for cell in report.campaign.cells}
    rows = [row for comparison in report.comparisons for row in comparison.rows]
    return {
        "benchmarks": [_benchmark(report, comparison) for comparison in report.comparisons],
        "unmeasured": sorted(planned - measured),
        "rule": confidence.rule(),
        "one_round": confidence.ONE_ROUND,
        "protocols": sorted({row.server.protocol for row in rows if row.rank}),
        "cpus": view.plural(len(report.campaign.server_cpus), "CPU"),
        "gpu": report.campaign.environment.get("gpu", "")
        if report.campaign.device == "gpu"
        else "",
        "campaign": report.campaign,
    }


def _benchmark(report: Report, comparison: Comparison) -> dict[str, Any]:
    digested, found = report.digested, ranking.of_benchmark(report, comparison)
    return {
        "name": comparison.benchmark,
        "facts": comparison.facts,
        "steady": steady_profile(comparison),
        "rankings": [
            _choice(comparison, each, number) | {"beside": beside.sentence(report.campaign, each)}
            for number, each in enumerate(found)
        ],
        "options": sorted(enumerate(found), key=lambda pair: pair[1].slo.limit_ns),
        "passed_over": [lack.text for lack in missing.passed_over(comparison)],
        "limited": _limited(comparison),
        "absent": [
            (why, names)
            for why, cells in (
                ("not run", digested.missing),
                ("damaged", [found.cell for found in digested.damaged]),
            )
            if (names := _absent(comparison, cells))
        ],
    }


def _limited(comparison: Comparison) -> str:
    """For limits.js, of each variant: memory in MiB or nothing, protocol, whether it is maintained,
    and rounds that count."""
    found = {
        view.clean(row.variant): [
            None if (memory := row.spreads["memory"]) is None else round(memory.median, 3),
            view.clean(row.server.protocol),
            row.server.maintained,
            row.counted,
        ]
        for row in comparison.rows
        if not row.server.reference
    }
    return json.dumps(found, separators=(",", ":"))


def _choice(comparison: Comparison, found: Ranking, number: int) -> dict[str, Any]:
    """The ranking at an SLO."""
    valid = [f for f in found.figures if f.rank or not f.row.invalid]
    scale = lines.scale_of(valid)
    reference = [f for f in valid if f.row.server.reference]
    tracks = sorted(_track_names(comparison.rows))
    machines = {figure.machine for figure in found.figures if figure.machine}
    return {
        "found": found,
        "number": number,
        "tracks": [_track(comparison, found, name, scale) for name in tracks],
        "references": [
            (line, references.remark(found, line.figure, found.figures))
            for line in lines.of_track(found, reference, scale)
        ],
        "below": _references_below(comparison, found),
        "machine": machines.pop() if len(machines) == 1 else "",
        "priced": any(figure.cost for figure in found.figures),
        "judged": lines.limit_of(found) is not None,
    }


def steady_profile(comparison: Comparison) -> Profile | None:
    """The profile that the latency columns speak of."""
    profiles = comparison.facts.profiles if comparison.facts else ()
    return next((profile for profile in profiles if profile.is_open), None)


def _track_names(rows: Iterable[Row]) -> set[str]:
    return {row.server.track for row in rows if not row.server.reference}


def _absent(comparison: Comparison, cells: Iterable[Cell]) -> list[str]:
    """Variants of those cells that no stored run is of."""
    rows = {row.variant for row in comparison.rows}
    ours = (cell.variant_name for cell in cells if cell.benchmark_name == comparison.benchmark)
    return [name for name in dict.fromkeys(ours) if name not in rows]


def _track(comparison: Comparison, found: Ranking, track: str, scale: float) -> dict[str, Any]:
    figures = [f for f in found.figures if f.rank and f.row.server.track == track]
    # A variant that meets the SLO at no rate is not recommended, even if none is ahead of it.
    best = [figure for figure in figures if figure.rank == 1 and figure.middle > 0]
    rows = [figure.row for figure in figures]
    below = _below(comparison, found, track)
    return {
        "name": track,
        "clause": answer.clause(found, figures),
        "out": answer.out(row for row, _, _ in below),
        "figures": figures,
        "lines": lines.of_track(found, figures, scale),
        "pairs": lines.pairs(found, figures),
        "best_at": _best_at(rows) if found.own else [],
        "cautions": [*_cautions(best), *(_disagreements(rows, found.metric) if found.own else [])],
        "doubts": _doubts(best),
        "sureness": confidence.sureness(found, rows),
        "below": below,
    }


def _best_at(rows: list[Row]) -> list[dict[str, Any]]:
    """The best variants by other metrics, where a metric separates a few from the others."""
    found = []
    for column, title in _BEST_AT.items():
        best = view.best_at(rows, column)
        if best and len(best) <= _BEST_NAMED and len(rows) > 1:
            spread = best[0].spreads[column]
            found.append(
                {"title": title, "rows": best, "spread": spread, "metric": COLUMNS[column]}
            )
    return found


def _doubts(best: Sequence[Figure]) -> Markup:
    """The warnings about what is to be taken: they must not be met only further down."""
    known = [(f.row.variant, doubt) for f in best for doubt in validity.kinds_of(f.row)]
    if len(known) <= _DOUBTS_TOLD:
        parts = [_warned(variant, f"{d.name}: {d.message}") for variant, d in known]
        return Markup(" ").join(parts)
    kinds: dict[str, list[str]] = {}
    for variant, doubt in known:
        kinds.setdefault(doubt.name, []).append(variant)
    parts = [_warned(_some(list(dict.fromkeys(names))), name) for name, names in kinds.items()]
    more = len(parts) - _DOUBTS_SHOWN
    end = f" {more} more kinds." if more > 0 else ""
    return Markup(" ").join(parts[:_DOUBTS_SHOWN]) + f"{end} The marks say more."


def _warned(whom: str, what: str) -> Markup:
    return Markup("<b>{}</b> {}.").format(view.clean(whom), view.clean(what).removesuffix("."))


def _some(names: list[str]) -> str:
    if len(names) <= _BEST_NAMED:
        return view.listed(names)
    return f"{names[0]} and {len(names) - 1} more at the top"


def _cautions(best: list[Figure]) -> list[str]:
    """Cautions that a reader needs before acting on the verdict."""
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
    few = confidence.few_rounds(rows)
    return [*found, few] if few else found


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


def _references_below(comparison: Comparison, found: Ranking) -> list[tuple[Row, str, str]]:
    """The same of references without a figure that counts."""
    shown = {figure.row.variant for figure in found.figures if not figure.row.invalid}
    rows = [r for r in comparison.rows if r.server.reference and r.variant not in shown]
    made = []
    for row in rows:
        if row.invalid:
            made.append((row, "failed" if row.failures else "INVALID", view.reason(row)))
        else:
            why = missing.why(row, found.metric.name) or _UNKNOWN
            made.append((row, "ref", why))
    return made
