"""`harness compose`: a Compose file of one variant, for a person to poke at by hand."""

from __future__ import annotations

import click

from harness.cli import _places, _say
from harness.cli._named import BENCHMARK, VARIANT


@click.command("compose")
@click.argument("variant", type=VARIANT)
@click.option(
    "--benchmark", type=BENCHMARK, default="sentiment", show_default=True, help="Benchmark."
)
@_places.options
def command(variant: str, benchmark: str) -> None:
    """Print a Compose file that runs one variant as the harness does, on a port of loopback."""
    from harness.base.errors import UsageError
    from harness.cli import _select
    from harness.measure.campaign import reference, session
    from harness.measure.campaign.verification import EVERYTHING
    from harness.measure.launch.containers import compose
    from harness.setup import catalog, launching
    from harness.stored import plan

    chosen = _select.variants((variant,), False, None, (launching.for_images(),))
    found = next((v for v in chosen if launching.of(v.launcher).runs_images), None)
    if found is None:
        raise UsageError(f"{variant} is a reference point: it runs as a process only.")
    (wanted,) = _select.benchmarks((benchmark,), EVERYTHING, synthetic=False)
    if reason := plan.why_not(found, wanted, "cpu"):
        raise UsageError(f"{variant} can't serve {benchmark}: {reason}.")
    with session.begin(_select.launchers_of([found], "cpu"), "cpu") as tools:
        bench = reference.prepare(wanted, catalog.variants(), tools, EVERYTHING).bench
        with tools.folder() as scratch:
            order = reference.stages_of(found, bench, tools, 1, scratch).order()
    _say.document(compose.text(order))
