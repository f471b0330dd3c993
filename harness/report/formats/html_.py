"""The page: one self-contained file."""

from __future__ import annotations

from harness.report.formats import report_format
from harness.report.page import page
from harness.report.page.view import Report


@report_format("html", "index.html")
def html(report: Report) -> str:
    return page.of_report(report)
