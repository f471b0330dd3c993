"""Ways to serve other than a service that predicts on each request, beside such services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.analyse.cost import repeated
from harness.analyse.cost.cost import measured
from harness.analyse.cost.repeated import Repeated
from harness.analyse.field.comparison import COLUMNS, Comparison, Row
from harness.report.page import ranking, view
from harness.report.page.sections import Values, section
from harness.report.page.view import Report

TRACK = "pattern"
_GROUPS = {
    "response": ("latency_p50", "latency_p99", "capacity"),
    "stored answers": ("hit_rate", "hit_p50", "hit_p99", "miss_p50", "miss_p99", "staleness"),
    "the client's model": ("local_share", "accuracy"),
    "jobs": ("accepted", "queue_wait", "known_after", "polls"),
    "twice the capacity": ("overload_refused", "overload_p99"),
    "idle": ("idle_cpu", "memory_idle"),
    "serving": ("cpu_per_1000",),
    "batch job": ("batch_time", "batch_cpu", "stored_answers", "store_size"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternLine:
    """A variant's numbers, and what its answers cost by how often each is given."""

    row: Row
    cells: tuple[tuple[str, str, float | None], ...]  # (number, range over the rounds, value)
    repeated: tuple[Repeated, ...]


@section("Patterns", order=34)
def patterns(report: Report) -> Values | None:
    chosen = [(comparison, _rows(comparison)) for comparison in report.comparisons]
    chosen = [(comparison, rows) for comparison, rows in chosen if rows]
    if not chosen:
        return None
    every = [row for _, rows in chosen for row in rows]
    groups = {t: tuple(n for n in names if _any(every, n)) for t, names in _GROUPS.items()}
    groups = {title: names for title, names in groups.items() if names}
    return {
        "groups": [(title, [COLUMNS[n] for n in names]) for title, names in groups.items()],
        "benchmarks": [_benchmark(report, c, rows, groups) for c, rows in chosen],
        "times": repeated.TIMES,
    }


def _rows(comparison: Comparison) -> list[Row]:
    """The patterns, and the services that they are to be shown beside; none without a pattern."""
    own = [row for row in comparison.rows if row.server.track == TRACK and row.measured]
    beside = {name for row in own for name in row.server.beside}
    services = [r for r in comparison.rows if r.cell.variant_name in beside and r.measured]
    return [*services, *own] if own else []


def _cell(row: Row, name: str, words: dict[str, str]) -> tuple[str, str, float | None]:
    spread, metric = row.spreads[name], COLUMNS[name]
    if name == "capacity" and row.variant in words:
        return words[row.variant], "", spread.median if spread is not None else None
    text = view.number(spread.median, metric.digits) if spread is not None else view.NONE
    value = spread.median if spread is not None else None
    return text, view.interval(spread, metric), value


def _any(rows: list[Row], name: str) -> bool:
    return name in COLUMNS and any(row.spreads[name] is not None for row in rows)


def _benchmark(
    report: Report, comparison: Comparison, rows: list[Row], groups: dict[str, tuple[str, ...]]
) -> dict[str, Any]:
    names = [name for group in groups.values() for name in group]
    words = ranking.bounded(comparison)
    known = {row.variant: measured(row, report.campaign) for row in rows}
    there = [found for found in known.values() if found is not None]
    machine = repeated.machine_for(there, report.prices.instance)
    lines = [
        PatternLine(
            row=row,
            cells=tuple(_cell(row, name, words) for name in names),
            repeated=repeated.of_row(found, repeated.job_of(row), machine)
            if (found := known[row.variant]) is not None
            else (),
        )
        for row in rows
    ]
    priced = [line for line in lines if line.repeated and line.repeated[0].cpu_s is not None]
    stores = any(repeated.job_of(line.row).answers for line in priced)
    return {
        "name": comparison.benchmark,
        "lines": lines,
        "priced": priced if stores else [],
        "machine": machine,
    }
