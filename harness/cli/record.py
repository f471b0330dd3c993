"""`harness record`: ask an endpoint once, and keep what it answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from harness.base.errors import EXIT_OK, StoreError, UsageError
from harness.cli import _endpoint, _places, _say
from harness.cli._named import BENCHMARK


@click.command("record")
@_endpoint.options
@click.option(
    "--benchmark", type=BENCHMARK, required=True, help="Benchmark whose payloads are sent."
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    default="recorded.jsonl",
    show_default=True,
    help="New file, for --answers.",
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True, max=3600),
    default=30.0,
    show_default=True,
    help="Timeout of each request, in seconds.",
)
@_places.options
def command(**options: Any) -> int:
    """Ask an endpoint every payload of a benchmark, and write down what it answers."""
    from harness.measure.campaign.recording import record
    from harness.setup import catalog, recorded
    from harness.setup.catalog import pick

    benchmark = pick("benchmark", options["benchmark"], catalog.benchmarks())
    endpoint, path = _endpoint.named(options), options["output"]
    if path.exists():
        raise UsageError(f"--output: {path} exists already.")
    lines = [
        recorded.line(instance, answer)
        for instance, answer in record(endpoint, benchmark, options["timeout"])
    ]
    try:
        with path.open("x", encoding="utf-8") as file:
            file.writelines(f"{line}\n" for line in lines)
    except OSError as error:
        raise StoreError(f"--output: {path} can't be written: {error.strerror}.") from error
    _say.line(f"{len(lines)} answers in {path}")
    return EXIT_OK
