"""The commands that measure all of it again, or make this page again."""

from __future__ import annotations

import shlex

from harness.report.page.sections import Values, section
from harness.report.page.view import Report


@section("Reproduce", order=70)
def reproduce(report: Report) -> Values | None:
    return {
        "campaign": report.campaign.command,
        "report": shlex.join(["python", "-m", "harness", "report", report.campaign.id]),
    }
