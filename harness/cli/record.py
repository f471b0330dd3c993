"""`harness record`: ask an endpoint once, and keep what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from harness.base.errors import EXIT_INTERRUPTED, EXIT_OK, HarnessError, StoreError, UsageError
from harness.base.trust import UNCHECKED
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
    """Send every payload of a benchmark to an endpoint, and record its answers."""
    from harness.measure.campaign.recording import record
    from harness.setup import catalog
    from harness.setup.catalog import pick

    benchmark = pick("benchmark", options["benchmark"], catalog.benchmarks())
    endpoint, path = _endpoint.named(options), options["output"]
    if path.exists():
        raise UsageError(f"--output: {path} exists already.")
    count, cut = _write(record(endpoint, benchmark, options["timeout"]), path)
    _say.line(f"{count} answers in {path}")
    if endpoint.trust.insecure:
        _say.line(f"warning: {UNCHECKED}")
    if isinstance(cut, KeyboardInterrupt):
        _say.line("Interrupted. The answers so far are in the file.", err=True)
        return EXIT_INTERRUPTED
    if cut is not None:
        raise cut
    return EXIT_OK


def _write(asked: Iterator[tuple[Any, Any]], path: Path) -> tuple[int, BaseException | None]:
    """Write each answer as it comes: (how many, what ended it before the last). Where there is
    none, no file is left."""
    from harness.setup import recorded

    count, cut = 0, None
    try:
        file = path.open("x", encoding="utf-8")
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        with file:
            try:
                for instance, answer in asked:
                    file.write(f"{recorded.line(instance, answer)}\n")
                    count += 1
            except (KeyboardInterrupt, HarnessError) as error:
                if not count:
                    raise
                cut = error
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        if not count:
            path.unlink()
    return count, cut


def _unwritable(path: Path, error: OSError) -> StoreError:
    return StoreError(f"--output: {path} can't be written: {error.strerror}.")
