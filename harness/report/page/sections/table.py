"""Every number of every variant, in one sortable table a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.analyse.field import missing
from harness.analyse.field.comparison import COLUMNS, Comparison, Row
from harness.analyse.run.metrics import SHARES, Metric
from harness.analyse.statistics import stats
from harness.report.page import confidence, ranking, view
from harness.report.page.sections import Values, cluster, lifecycle, section
from harness.report.page.view import Report

_PARTS = ("cold_create", "cold_runtime", "cold_import", "cold_load", "cold_answer")
_BURST = (
    *("burst_cold", "burst_throttled", "burst_p50", "burst_p95", "burst_p99"),
    "burst_instances",
)
# Column groups by what the numbers were measured under. Metrics of none come last.
_GROUPS = {
    "at the SLO": ("capacity",),
    "steady": (
        "latency_p50",
        "latency_p95",
        "latency_p99",
        "overhead",
        "model_time",
        "cpu_per_1000",
        "gpu_per_1000",
        "cpu_energy",
        "gpu_energy",
        "accepted",
        "queue_wait",
        "known_after",
        "polls",
        "wire_bytes",
        "cold_share",
        "billed_per_1000",
        "own_p50",
        "own_p99",
    ),
    "saturated": ("throughput", "batch_size"),
    "start-up": ("ready", "first_answer", "steady_after"),
    "cold starts": ("cold_image", "cold_files", "cold_process", "warm_idle", *_PARTS),
    "burst": _BURST,
}
_REST = "whole run"
# Shown if some variant has them.
_RARE = (
    *("capacity", "container_peak", "gpu_busy", "gpu_memory", "gpu_power"),
    *("gpu_per_1000", "cpu_energy", "gpu_energy"),
    *("accepted", "queue_wait", "known_after", "polls"),
    *("hit_rate", "hit_p50", "hit_p99", "miss_p50", "miss_p99"),
    *("batch_time", "batch_cpu", "store_size", "stored_answers", "staleness"),
    *("local_share", "accuracy", "idle_cpu", "wire_bytes"),
    *("rounds_accuracy", "central_accuracy", "round_time", "round_bytes", "round_cpu"),
    *("cold_image", "cold_files", "cold_process", "warm_idle", *_PARTS, *_BURST),
    *("cold_share", "billed_per_1000", "instance_peak", "own_p50", "own_p99"),
)
_UNSTEADY = "no-steady-state"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableCell:
    """A number in the table."""

    text: str
    interval: str
    value: float | None
    best: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class TableLine:
    """A variant in the table."""

    row: Row
    rank: str
    cells: tuple[TableCell, ...]
    reason: str  # why it is not ranked; empty for ranked rows and reference points
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Body:
    """Lines that may be sorted among each other: a track, the references, or the rest."""

    title: str
    note: str
    kind: str
    lines: tuple[TableLine, ...]


@section("Numbers", order=20)
def table(report: Report) -> Values | None:
    groups = _groups(report)
    return {
        "groups": groups,
        "columns": [metric for _, metrics in groups for metric in metrics],
        "benchmarks": [_benchmark(report, comparison) for comparison in report.comparisons],
    }


def _groups(report: Report) -> list[tuple[str, list[Metric]]]:
    rows = [row for comparison in report.comparisons for row in comparison.rows]
    shown = {n for n in COLUMNS if n not in _RARE or any(row.spreads[n] for row in rows)}
    shown -= {*lifecycle.OWN, *cluster.OWN}
    groups = [
        (title, [COLUMNS[name] for name in names if name in shown])
        for title, names in _GROUPS.items()
    ]
    grouped = {name for names in _GROUPS.values() for name in names}
    rest = [metric for name, metric in COLUMNS.items() if name in shown - grouped]
    return [(title, metrics) for title, metrics in (*groups, (_REST, rest)) if metrics]


def _benchmark(report: Report, comparison: Comparison) -> dict[str, Any]:
    facts = comparison.facts
    profiles = facts.profiles if facts else ()
    loads = {
        "steady": next((p for p in profiles if p.is_open), None),
        "saturated": next((p for p in profiles if p.saturates), None),
    }
    return {
        "name": comparison.benchmark,
        "facts": facts,
        "loads": loads,
        "bodies": _bodies(report, comparison),
        "heads": _heads(comparison),
        "gaps": _gaps(report, comparison),
        "below_zero": _below_zero(comparison),
        "rounds": max((row.counted for row in comparison.rows), default=0),
    }


def _heads(comparison: Comparison) -> dict[str, str]:
    """Why a percentile has no number at all, for its column's header."""
    rows = [row for row in comparison.rows if row.measured and not row.invalid]
    found = {}
    for column, share in SHARES.items():
        have = missing.answers(rows)
        if have is not None and not any(row.spreads[column] for row in rows):
            found[column] = f"{have} answers, {stats.needed(share)} needed"
    return found


def _gaps(report: Report, comparison: Comparison) -> list[tuple[str, str, list[str]]]:
    """(column, why, variants) of what is missing in rows that have numbers."""
    grouped: dict[tuple[str, str], list[str]] = {}
    rows = [row for row in comparison.rows if row.measured]
    for _, metrics in _groups(report):
        for metric in metrics:
            for row in rows:
                if why := missing.why(row, metric.name):
                    grouped.setdefault((metric.title, why), []).append(row.variant)
    return [
        (title, why, ["all"] if len(names) == len(rows) else names)
        for (title, why), names in grouped.items()
    ]


def _below_zero(comparison: Comparison) -> bool:
    """Whether some variant seems faster than the predictor without a server."""
    spreads = (row.spreads["overhead"] for row in comparison.rows)
    return any(spread is not None and spread.median < 0 for spread in spreads)


def _bodies(report: Report, comparison: Comparison) -> list[Body]:
    bodies = []
    words = ranking.bounded(comparison)
    for track in comparison.tracks:
        rows = view.contenders(comparison, track)
        lines = _lines(report, rows, rows, words, comparison.ranked_by)
        bodies.append(
            Body(title=f"Track: {track}", note=view.track_note(track), kind="ranked", lines=lines)
        )
    unranked = [row for row in comparison.rows if row.rank is None]
    references = [row for row in unranked if row.server.reference]
    rest = [row for row in unranked if not row.server.reference]
    if references:
        lines = _lines(report, references, [], words)
        note = "what the host can do without a framework; not ranked"
        bodies.append(Body(title="Reference points", note=note, kind="reference", lines=lines))
    if rest:
        lines = _lines(report, rest, [], words)
        bodies.append(
            Body(
                title="Not ranked", note="these numbers must not be quoted", kind="out", lines=lines
            )
        )
    return bodies


def _lines(
    report: Report,
    rows: list[Row],
    peers: list[Row],
    words: Mapping[str, str],
    ranked_by: str = "",
) -> tuple[TableLine, ...]:
    """Lines of the rows; the best among `peers` is marked in each column.

    In `words`, what is known of capacities of which only bounds are.
    """
    best = {}
    if len(peers) > 1:
        best = {name: _best(peers, name) for name in COLUMNS}
    columns = [metric for _, metrics in _groups(report) for metric in metrics]
    lines = []
    for row in rows:
        cells = (_cell(row, c, row.variant in best.get(c.name, ()), words) for c in columns)
        lines.append(
            TableLine(
                row=row,
                rank=confidence.rank(row, peers, ranked_by),
                cells=tuple(cells),
                reason=_why_out(row),
                note=_note(row),
            )
        )
    return tuple(lines)


def _best(peers: list[Row], column: str) -> set[str]:
    """The variants to mark in a column: none where that would be all that have a number."""
    return {row.variant for row in view.best_at(peers, column)}


def _why_out(row: Row) -> str:
    in_doubt = row.invalid if row.server.reference else row.rank is None
    return view.reason(row) if in_doubt else ""


def _note(row: Row) -> str:
    """Remarks that the reader of a row must see at once: rounds that do not count, or were not
    steady."""
    left = row.rounds - row.counted
    if left and not row.invalid:
        return f"{left} of {row.rounds} rounds left out"
    unsteady = {number for number, finding in row.findings if finding.name == _UNSTEADY}
    if unsteady and not row.invalid:
        return f"not steady in {len(unsteady)} of {view.plural(row.rounds, 'round')}"
    return ""


def _cell(row: Row, metric: Metric, best: bool, words: Mapping[str, str]) -> TableCell:
    spread = row.spreads[metric.name]
    if spread is None:
        return TableCell(
            text=row.beyond.get(metric.name, view.NONE), interval="", value=None, best=False
        )
    if metric.name == "capacity" and row.variant in words:
        return TableCell(text=words[row.variant], interval="", value=spread.median, best=best)
    text = view.number(spread.median, metric.digits)
    return TableCell(
        text=text, interval=view.interval(spread, metric), value=spread.median, best=best
    )
