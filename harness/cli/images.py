"""`harness images`: build what `run --launcher docker` starts."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

import click

from harness.base.errors import EXIT_FAILED, EXIT_OK, HarnessError
from harness.cli import _places, _say
from harness.cli._named import BENCHMARK, VARIANT


@click.command("images")
@click.argument("variants", nargs=-1, type=VARIANT)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every variant, except those that list marks 'not in --all'.",
)
@click.option("--exclude", type=VARIANT, multiple=True, help="Names or patterns to leave out.")
@click.option(
    "--benchmark", "benchmarks", type=BENCHMARK, multiple=True, help="Name or pattern; repeatable."
)
@_places.options
@click.option("--json", "as_json", is_flag=True, help="Print JSON, a line for each image.")
def command(**options: Any) -> int:
    """Build the images of variants, each with a benchmark's model; print their names."""
    from harness.cli import _select
    from harness.measure.campaign import reference
    from harness.measure.launch.containers import engine, images, sidecars
    from harness.setup import catalog, launching
    from harness.setup.catalog import pick

    preset = pick("preset", "quick", catalog.presets())
    chosen = _select.variants(
        options["variants"],
        options["everything"],
        None,
        (launching.for_images(),),
        exclude=options["exclude"],
    )
    benchmarks = _select.benchmarks(options["benchmarks"], preset, synthetic=False)
    _select.launchers_of(chosen, "cpu")
    client, failed = engine.connect(), 0
    told: set[str] = set()
    for benchmark in benchmarks:
        artefact = reference.artefact(benchmark, catalog.variants()).folder
        for variant in _one_each(chosen, benchmark):
            try:
                made = images.ensure(client, variant, benchmark, artefact).facts
                beside = sidecars.ensure(client, variant)
            except HarnessError as error:
                failed += 1
                _say.line(f"{variant.name} on {benchmark.name}: {error.sentence}", err=True)
                continue
            for facts in (made, *beside.values()):
                if facts.tag not in told:
                    told.add(facts.tag)
                    _say.line(json.dumps(asdict(facts)) if options["as_json"] else facts.tag)
                    _say.line(_said(facts), err=True)
    return EXIT_FAILED if failed else EXIT_OK


def _one_each(variants: list[Any], benchmark: Any) -> list[Any]:
    """One variant for each image: those of one server, backend and components share it."""
    from harness.setup import launching
    from harness.stored import plan

    found: dict[tuple[str, ...], Any] = {}
    for variant in variants:
        from_image = not launching.of(variant.launcher).installs
        if from_image and plan.why_not(variant, benchmark, "cpu") is None:
            key = (variant.server.name, variant.table.backend, *variant.table.components)
            found.setdefault(key, variant)
    return list(found.values())


def _said(facts: Any) -> str:
    size = f"{facts.size_bytes / 1e6:.0f} MB"
    if facts.build_s is None:
        return f"  {size}, built elsewhere"
    reused = f"{facts.steps_reused} of {facts.steps} steps from the cache"
    return f"  {size}, built in {facts.build_s:.0f} s, {reused}"
