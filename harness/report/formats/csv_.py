"""The table for spreadsheets and scripts."""

from __future__ import annotations

import csv
import io
from typing import Any

from harness.report.formats import report_format
from harness.report.page.view import Report
from harness.report.text import tidy

# With these a cell is a formula to a spreadsheet, which may fetch pages or start programs. Tabs and
# line ends can't begin one here; the wide forms do so in some.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@report_format("csv", "report.csv")
def csv_(report: Report) -> str:
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(tidy.COLUMNS)
    writer.writerows(map(cell, row.values()) for row in tidy.rows(report))
    return buffer.getvalue()


def cell(value: Any) -> str:
    """Numbers with every digit that they have; an apostrophe before what a spreadsheet would take
    for a formula; empty where nothing is known."""
    if value is None:
        return ""
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return str(value).lower() if isinstance(value, bool) else repr(value)
