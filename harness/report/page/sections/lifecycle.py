"""How each server comes to be here, starts, keeps memory, bears too much, and goes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from harness.analyse.field.comparison import COLUMNS, Comparison, Row, counted
from harness.report.page import view
from harness.report.page.sections import Values, section
from harness.report.page.view import Report

_POD = ("pod_scheduled", "pod_image", "pod_started", "pod_ready")
# Those that no other table has.
OWN = (
    *_POD,
    *("install_time", "install_size", "idle_cpu", "memory_idle", "memory_after"),
    *("overload_in_time", "overload_p99", "overload_refused", "overload_errors", "recovery"),
    *("lost_at_stop", "restart_gap"),
)
_GROUPS = {
    "installed": ("install_time", "install_size"),
    "start of its pod": _POD,
    "start": ("ready", "first_answer", "steady_after"),
    "idle": ("idle_cpu",),
    "memory": ("memory_idle", "memory", "memory_after"),
    "twice the capacity": (
        *("overload_in_time", "overload_p99", "overload_refused", "overload_errors", "recovery"),
    ),
    "stop": ("lost_at_stop", "restart_gap"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class LifecycleLine:
    """A variant's numbers, and what failed at twice its capacity."""

    variant: str
    cells: tuple[tuple[str, str, float | None], ...]  # (number, range over the rounds, value)
    errors: str
    failed: int


@section("Lifecycle", order=33)
def lifecycle(report: Report) -> Values | None:
    groups = _groups(report)
    benchmarks = [_benchmark(c, groups) for c in report.comparisons]
    benchmarks = [benchmark for benchmark in benchmarks if benchmark["lines"]]
    if not benchmarks:
        return None
    titles = [(title, [COLUMNS[name] for name in names]) for title, names in groups.items()]
    return {"groups": titles, "benchmarks": benchmarks}


def _groups(report: Report) -> dict[str, tuple[str, ...]]:
    """The columns that some row has a number in."""
    rows = [row for comparison in report.comparisons for row in comparison.rows]
    known = {name for name in COLUMNS if any(row.spreads[name] for row in rows)}
    groups = {t: tuple(name for name in names if name in known) for t, names in _GROUPS.items()}
    return {title: names for title, names in groups.items() if names}


def _benchmark(comparison: Comparison, groups: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    names = [name for group in groups.values() for name in group]
    rows = [row for row in comparison.rows if any(row.spreads[name] for name in OWN)]
    lines = [_line(row, names) for row in rows]
    return {"name": comparison.benchmark, "lines": lines, "errors": any(x.errors for x in lines)}


def _line(row: Row, names: list[str]) -> LifecycleLine:
    """With what failed at twice the capacity, over all rounds that count, unless none does."""
    counts: dict[str, int] = {}
    for digest in counted(row.digests):
        for kind, count in digest.overload_errors.items():
            counts[kind] = counts.get(kind, 0) + count
    said = ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items()))
    return LifecycleLine(
        variant=row.variant, cells=_cells(row, names), errors=said, failed=sum(counts.values())
    )


def _cells(row: Row, names: list[str]) -> tuple[tuple[str, str, float | None], ...]:
    found = []
    for name in names:
        spread, metric = row.spreads[name], COLUMNS[name]
        text = view.number(spread.median, metric.digits) if spread is not None else view.NONE
        value = spread.median if spread is not None else None
        found.append((text, view.interval(spread, metric), value))
    return tuple(found)
