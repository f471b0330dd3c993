"""A table for spreadsheets and scripts: one row for each variant, benchmark and metric."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterator

from harness.analyse.comparison import COLUMNS, Comparison, Row
from harness.report import outcomes, view
from harness.report.formats import report_format
from harness.report.view import Report

HEAD = (
    *("campaign", "benchmark", "benchmark_version", "slo"),
    *("variant", "framework", "version", "track", "reference"),
    *("rank", "outcome", "reason", "rounds", "counted"),
    *("metric", "unit", "better", "value", "low", "high", "value_rounds"),
)
# With these a cell is a formula to a spreadsheet, which may fetch pages or start programs. Tabs and
# line ends can't begin one here; the wide forms do so in some.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@report_format("csv", "report.csv")
def csv_(report: Report) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(HEAD)
    for comparison in report.comparisons:
        for row in comparison.rows:
            writer.writerows(_lines(report, comparison, row))
    return buffer.getvalue()


def _lines(report: Report, comparison: Comparison, row: Row) -> Iterator[list[str]]:
    facts, server = comparison.facts, row.server
    common = [
        text(report.campaign.id),
        text(comparison.benchmark),
        str(facts.version) if facts else "",
        text(facts.slo) if facts else "",
        text(row.variant),
        text(server.framework),
        text(server.version or ""),
        text(server.track),
        str(server.reference).lower(),
        str(row.rank or ""),
        outcomes.outcome(row),
        text(outcomes.why_out(row) or ""),
        str(row.rounds),
        str(row.counted),
    ]
    for name, metric in COLUMNS.items():
        spread = row.spreads[name]
        numbers = [""] * 4
        if spread is not None:
            numbers = [*map(number, (spread.median, spread.low, spread.high)), str(spread.rounds)]
        yield [*common, name, metric.unit, metric.better, *numbers]


def text(value: str) -> str:
    """Text in one line; an apostrophe before what a spreadsheet would take for a formula."""
    line = " ".join(str(view.clean(value)).split())
    return f"'{line}" if line.startswith(_FORMULA) else line


def number(value: float) -> str:
    """A number with every digit that it has; empty where it is none."""
    return repr(float(value)) if math.isfinite(value) else ""
