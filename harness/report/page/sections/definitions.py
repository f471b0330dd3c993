"""The definitions of the metrics, from their registry."""

from __future__ import annotations

from harness.analyse.field.comparison import COLUMNS
from harness.report.page import confidence
from harness.report.page.sections import Values, section
from harness.report.page.view import Report


@section("What each number means", order=61, short="Definitions")
def definitions(report: Report) -> Values | None:
    rows = [row for comparison in report.comparisons for row in comparison.rows]
    known = {name for name in COLUMNS if any(row.spreads[name] for row in rows)}
    return {
        "metrics": [(metric, name in known) for name, metric in COLUMNS.items()],
        "rule": confidence.rule(),
    }
