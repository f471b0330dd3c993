"""Ways to serve other than a service that predicts on each request, beside such services."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.analyse.cost import repeated
from harness.analyse.cost.cost import measured
from harness.analyse.cost.repeated import Repeated
from harness.analyse.field.comparison import COLUMNS, Comparison, Row
from harness.analyse.run.metrics import Metric
from harness.report.page import ranking, view
from harness.report.page.sections import Values, section
from harness.report.page.view import Report
from harness.setup.tracks import PATTERN
from harness.stored.lifecycle import Training

Words = dict[str, str]  # the bounds of capacities that are known by nothing else, by variant
# A table each, of the rows that have a number in it.
_TABLES = {
    "Under the same load": (
        *("latency_p50", "latency_p99", "capacity", "cpu_per_1000"),
        *("wire_bytes", "memory_idle", "idle_cpu", "overload_refused", "overload_p99"),
    ),
    "Stored answers": ("hit_rate", "hit_p50", "hit_p99", "miss_p50", "miss_p99", "staleness"),
    "The batch job before serving": ("batch_time", "batch_cpu", "stored_answers", "store_size"),
    "Jobs": ("accepted", "queue_wait", "known_after", "polls"),
    "The client's own model": ("local_share", "accuracy"),
    "Federated training": (
        *("rounds_accuracy", "central_accuracy", "round_time", "round_bytes", "round_cpu"),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternLine:
    """A variant's numbers: (number, range over the rounds, value)."""

    variant: str
    cells: tuple[tuple[str, str, float | None], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternTable:
    """The numbers that some of the variants have."""

    title: str
    columns: tuple[Metric, ...]
    lines: tuple[PatternLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepeatedLine:
    """The cost of a variant's answers by how often each answer is given."""

    variant: str
    repeated: tuple[Repeated, ...]


@section("Patterns", order=34)
def patterns(report: Report) -> Values | None:
    chosen = [(comparison, _rows(comparison)) for comparison in report.comparisons]
    chosen = [(comparison, rows) for comparison, rows in chosen if rows]
    if not chosen:
        return None
    return {
        "benchmarks": [_benchmark(report, comparison, rows) for comparison, rows in chosen],
        "times": repeated.TIMES,
    }


def _rows(comparison: Comparison) -> list[Row]:
    """The patterns, and the services that they are to be shown beside; none without a pattern."""
    own = [row for row in comparison.rows if row.server.track == PATTERN and row.measured]
    beside = {name for row in own for name in row.server.beside}
    services = [r for r in comparison.rows if r.cell.variant_name in beside and r.measured]
    return [*services, *own] if own else []


def _cell(row: Row, name: str, words: Words) -> tuple[str, str, float | None]:
    spread, metric = row.spreads[name], COLUMNS[name]
    if name == "capacity" and row.variant in words:
        return words[row.variant], "", spread.median if spread is not None else None
    text = view.number(spread.median, metric.digits) if spread is not None else view.NONE
    value = spread.median if spread is not None else None
    return text, view.interval(spread, metric), value


def _table(title: str, names: tuple[str, ...], rows: list[Row], words: Words) -> PatternTable:
    known = tuple(n for n in names if any(row.spreads[n] is not None for row in rows))
    having = [row for row in rows if any(row.spreads[name] is not None for name in known)]
    return PatternTable(
        title=title,
        columns=tuple(COLUMNS[name] for name in known),
        lines=tuple(
            PatternLine(variant=row.variant, cells=tuple(_cell(row, name, words) for name in known))
            for row in having
        ),
    )


def _benchmark(report: Report, comparison: Comparison, rows: list[Row]) -> dict[str, Any]:
    words = ranking.bounded(comparison)
    tables = [_table(title, names, rows, words) for title, names in _TABLES.items()]
    known = {row.variant: measured(row, report.campaign) for row in rows}
    there = {name: found for name, found in known.items() if found is not None and found.cpu_s}
    jobs = {row.variant: repeated.job_of(row) for row in rows}
    stores = any(job.answers for name, job in jobs.items() if name in there)
    machine = repeated.machine_for(there.values(), report.prices.instance)
    priced = [
        RepeatedLine(variant=name, repeated=repeated.of_row(found, jobs[name], machine))
        for name, found in there.items()
    ]
    return {
        "name": comparison.benchmark,
        "tables": [table for table in tables if table.lines],
        "priced": priced if stores else [],
        "machine": machine,
        "trained": [(row.variant, found) for row in rows if (found := _training(row)) is not None],
    }


def _training(row: Row) -> Training | None:
    """The federated training of the first round that had one."""
    lives = (digest.facts.lifecycle for digest in row.digests)
    found = (life.training for life in lives if life is not None and life.training is not None)
    return next((each for each in found if each.rounds), None)
