"""`harness verify`: start, check every answer, stop."""

from __future__ import annotations

from typing import Any

import click

from harness.errors import EXIT_FAILED, EXIT_OK


@click.command("verify")
@click.argument("variants", nargs=-1)
@click.option("--all", "everything", is_flag=True, help="Every variant that is in --all.")
@click.option("--benchmark", "benchmarks", multiple=True, help="May be given more than once.")
@click.option("--launcher", default="process", show_default=True)
@click.option("--device", type=click.Choice(["cpu", "gpu"]), default="cpu", show_default=True)
def command(**options: Any) -> int:
    """Start each variant, compare all its answers with the reference's, stop it."""
    from harness import catalog
    from harness.catalog import pick
    from harness.cli import _progress, _select
    from harness.measure.verification import verify

    preset = pick("preset", "standard", catalog.presets())
    chosen = _select.variants(options["variants"], options["everything"], None)
    benchmarks = _select.benchmarks(options["benchmarks"], preset)
    launcher = _select.launcher(options["launcher"])
    failed = 0
    names = options["launcher"], options["device"]
    for run in verify(chosen, benchmarks, launcher, *names, click.echo):
        failure = run.facts.failure
        if failure is None:
            checked = run.facts.verified
            said = f"{checked} answers right" if checked else "answers; a reference, not checked"
            click.echo(f"{run.cell.variant} on {run.cell.benchmark}: {said}")
        else:
            failed += 1
            click.echo(_progress.result_line(run))
    return EXIT_FAILED if failed else EXIT_OK
