"""`harness report`: the HTML page of stored campaigns."""

from __future__ import annotations

from pathlib import Path

import click

from harness.errors import EXIT_FAILED, EXIT_OK, UsageError


@click.command("report")
@click.argument("campaigns", nargs=-1)
@click.option(
    "--prices", "table", type=click.Path(path_type=Path), help="A table of prices, not our own."
)
def command(campaigns: tuple[str, ...], table: Path | None) -> int:
    """Write reports/CAMPAIGN/index.html for each campaign (default: the newest)."""
    from harness import paths
    from harness.analyse import digest, prices
    from harness.cli import _select
    from harness.report import page

    known = prices.load(table)
    code = EXIT_OK
    for name in campaigns or (_newest(),):
        folder = _select.campaign_folder(name)
        digested = digest.of_campaign(folder)
        click.echo(str(page.write(digested, paths.reports_dir() / name, known)))
        for damaged in digested.damaged:
            click.echo(f"left out: {damaged.cell}: {damaged.message}", err=True)
            code = EXIT_FAILED
    return code


def _newest() -> str:
    from harness import paths

    found = sorted(paths.results_dir().glob("*/campaign.json"), key=lambda p: p.stat().st_mtime)
    if not found:
        raise UsageError(f"There is no campaign in {paths.results_dir()}. Make one with `run`.")
    return found[-1].parent.name
