"""The reports of every command: write them, keep a summary, renew the list of all campaigns."""

from __future__ import annotations

from pathlib import Path

from harness.analyse.campaigns import brief, brief_file
from harness.analyse.cost import prices
from harness.analyse.cost.prices import PriceTable
from harness.analyse.field import comparison
from harness.analyse.run.digested import Digested
from harness.base import paths
from harness.base.errors import StoreError
from harness.cli import _say
from harness.report import files, formats
from harness.report.formats import Format
from harness.report.index import index, shelf
from harness.report.page.view import Report

# How long a command that measures reads the campaigns of others for the list.
_LIMIT_S = 10.0


def of(digested: Digested, table: PriceTable | None = None) -> Report:
    """The facts of a report; `table` is of prices, None for the usual one."""
    return Report(digested, comparison.compare(digested), table or prices.load())


def write(report: Report, form: Format, key: str) -> Path:
    """Write a report of a campaign that was read under that key; its path. Raises StoreError."""
    folder = report.digested.folder
    path = paths.reports_dir() / folder.name / form.file
    keep = files.write_page if path.suffix == ".html" else files.write
    keep(path, form.make(report))
    made = brief.of(report.digested, report.comparisons)
    shelf.remember(folder, paths.reports_dir(), key, made)
    return path


def conclude(report: Report) -> Path:
    """The page of a campaign that has just been measured, and the list; the page's path."""
    key = brief_file.key_of(report.digested.folder)
    path = write(report, formats.load()["html"], key)
    try:
        renew(_LIMIT_S)
    except StoreError as error:  # what was measured and reported stands
        _say.line(f"The list of campaigns was not renewed: {error}", err=True)
    return path


def renew(limit_s: float | None = None) -> Path:
    """Write the list of all campaigns; its path. Raises StoreError."""

    def say(line: str) -> None:
        _say.line(line, err=True)

    return index.write(paths.results_dir(), paths.reports_dir(), limit_s, say)
