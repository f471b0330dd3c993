"""The commands that measure each row again, all of them, or make this page again."""

from __future__ import annotations

import shlex

from harness.report import view
from harness.report.sections import Values, section
from harness.report.view import Report


@section("Reproduce", order=70)
def reproduce(report: Report) -> Values | None:
    return {
        "campaign": report.campaign.command,
        "report": shlex.join(["python", "-m", "harness", "report", report.campaign.id]),
        "rows": [
            (row.variant, comparison.benchmark, view.reproduce(report, row, comparison.benchmark))
            for comparison in report.comparisons
            for row in comparison.rows
        ],
    }
