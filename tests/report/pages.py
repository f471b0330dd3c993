"""The page of a campaign that has been read, as the command line makes it of its report."""

from __future__ import annotations

from pathlib import Path

from harness.analyse.cost import prices
from harness.analyse.cost.prices import PriceTable
from harness.analyse.field.comparison import compare
from harness.analyse.run.digested import Digested
from harness.report import files
from harness.report.page import page
from harness.report.page.view import Report


def render(digested: Digested, table: PriceTable | None = None) -> str:
    """The page, as text; `table` is of prices, None for the usual one."""
    return page.of_report(Report(digested, compare(digested), table or prices.load()))


def write(digested: Digested, folder: Path) -> Path:
    """Write the page; its path. Raises StoreError where it can't be written."""
    return files.write_page(folder / "index.html", render(digested))
