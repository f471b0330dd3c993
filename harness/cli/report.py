"""`harness report`: stored campaigns as pages, Markdown, tables or JSON."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from harness.base.errors import EXIT_FAILED, EXIT_OK, HarnessError, UsageError
from harness.cli import _say
from harness.cli._named import CAMPAIGN, FORMAT

if TYPE_CHECKING:
    from harness.analyse.cost.prices import PriceTable
    from harness.analyse.run.digested import Digested


@click.command("report")
@click.argument("campaigns", type=CAMPAIGN, nargs=-1)
@click.option(
    "--format",
    "form",
    type=FORMAT,
    default="html",
    show_default=True,
    help="Format; parquet is binary.",
)
@click.option("--stdout", is_flag=True, help="Print the report; write no file.")
@click.option(
    "--prices",
    "table",
    type=click.Path(path_type=Path),
    help="Price table; by default the harness's own.",
)
def command(campaigns: tuple[str, ...], form: str, stdout: bool, table: Path | None) -> int:
    """Write the report of each campaign (default: the newest), and the list of all campaigns."""
    from harness.analyse.cost import prices
    from harness.cli import _reports
    from harness.report import formats
    from harness.setup.catalog import pick

    pick("format", form, formats.load())
    if stdout and len(campaigns) > 1:
        raise UsageError("--stdout prints one report: name one campaign.")
    known = prices.load(table)
    codes, failed = [], []
    for name in dict.fromkeys(campaigns or (_newest(),)):
        try:
            codes.append(_report(name, form, stdout, known))
        except HarnessError as error:
            failed.append(error)
            _say.line(f"error: {error}", err=True)
    if codes and not stdout:
        _reports.renew()
    return max([*codes, *(error.exit_code for error in failed)])


def _report(name: str, form: str, stdout: bool, table: PriceTable) -> int:
    """One campaign's report. Raises HarnessError where there is none to be had."""
    from harness.analyse.campaigns import brief_file
    from harness.analyse.run import digest
    from harness.base import reading
    from harness.cli import _reports, _select
    from harness.report import formats

    folder = _select.stored_campaign(name)
    key, chosen = brief_file.key_of(folder), formats.load()[form]
    with reading.made_sense_of(folder):
        digested = digest.of_campaign(folder)
        report = _reports.of(digested, table)
        if stdout:
            _print(chosen.make(report), form)
        else:
            _say.line(str(_reports.write(report, chosen, key)))
    return _tell(digested)


def _print(made: str | bytes, form: str) -> None:
    if isinstance(made, bytes) and sys.stdout.isatty():
        raise UsageError(
            f"{form} is binary and can't be printed to a terminal: redirect it, such as > FILE."
        )
    if isinstance(made, bytes):
        click.echo(made, nl=False)
    else:
        _say.document(made)


def _tell(digested: Digested) -> int:
    """Say what the report is not of; the exit code."""
    from harness.report.page.view import plural

    if digested.missing:
        planned = plural(len(digested.campaign.cells), "run")
        _say.line(
            f"not finished: {len(digested.missing)} of {planned} not stored; the report is of the "
            f"others. Continue with: python -m harness run --resume {digested.folder.name}",
            err=True,
        )
    for damaged in digested.damaged:
        _say.line(f"left out: {damaged.cell}: {damaged.message}", err=True)
    return EXIT_FAILED if digested.damaged else EXIT_OK


def _newest() -> str:
    from harness.cli import _select

    return _select.stored_names()[-1]
