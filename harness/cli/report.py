"""`harness report`: the HTML page of stored campaigns."""

from __future__ import annotations

import click

from harness.errors import EXIT_FAILED, EXIT_OK, UsageError


@click.command("report")
@click.argument("campaigns", nargs=-1)
def command(campaigns: tuple[str, ...]) -> int:
    """Write reports/CAMPAIGN/index.html for each campaign (default: the newest)."""
    from harness import paths
    from harness.analyse import digest
    from harness.cli import _select
    from harness.report import page

    code = EXIT_OK
    for name in campaigns or (_newest(),):
        folder = _select.campaign_folder(name)
        digested = digest.of_campaign(folder)
        click.echo(str(page.write(digested, paths.reports_dir() / name)))
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
