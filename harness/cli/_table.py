"""The ten-line table that ends a run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from harness.analyse.comparison import COLUMNS, Row
from harness.report import ranking
from harness.report.view import Report

_SHOWN = (
    "capacity",
    "latency_p50",
    "latency_p99",
    "overhead",
    "throughput",
    "first_answer",
    "memory",
    "cpu_per_1000",
    "error_rate",
)


def lines(report: Report) -> Iterator[str]:
    """A table for each benchmark: medians over the rounds."""
    for comparison in report.comparisons:
        words = ranking.bounded(comparison)
        heads = ["", "rank", *(f"{COLUMNS[n].title} {COLUMNS[n].unit}" for n in _SHOWN), ""]
        rows = [heads, *(_cells(row, words) for row in comparison.rows)]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        yield f"\n{comparison.benchmark}"
        for cells in rows:
            first, *rest = (
                cell.ljust(width) if place == 0 else cell.rjust(width)
                for place, (cell, width) in enumerate(zip(cells, widths, strict=True))
            )
            yield "  ".join((first, *rest)).rstrip()


def _cells(row: Row, words: Mapping[str, str]) -> list[str]:
    cells = [row.variant, f"{row.server.track} {row.rank}" if row.rank else "-"]
    for name in _SHOWN:
        spread = row.spreads[name]
        if spread is not None and name == "capacity" and row.variant in words:
            cells.append(words[row.variant])
        else:
            cells.append("-" if spread is None else f"{spread.median:.{COLUMNS[name].digits}f}")
    cells.append(_remark(row))
    return cells


def _remark(row: Row) -> str:
    if row.failures:
        return f"failed: {row.failures[0].phase}"
    if row.invalid:
        return "INVALID"
    return "reference" if row.server.reference else ""
