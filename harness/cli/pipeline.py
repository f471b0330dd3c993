"""`harness pipeline`: train and serve, again and again, under load."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UsageError
from harness.cli import _affordable, _interrupted, _places, _say
from harness.cli._named import BENCHMARK, VARIANT
from harness.cli._numbers import POSITIVE

if TYPE_CHECKING:
    from harness.measure.campaign.tools import Tools
    from harness.measure.pipeline.replacing import PipelineOrder
    from harness.measure.pipeline.serving import ServiceOrder
    from harness.setup.catalog import Benchmark, Variant
    from harness.stored.handovers import Handovers


@click.command("pipeline")
@click.argument("benchmark", type=BENCHMARK)
@click.option("--server", type=VARIANT, required=True, help="The variant that serves.")
@click.option("--every", default="20s", show_default=True, help="Time from one run to the next.")
@click.option("--for", "total", default="2m", show_default=True, help="Time under load.")
@click.option("--rate", type=POSITIVE, default=50.0, show_default=True, help="Requests per second.")
@click.option("--train-timeout", default="60s", show_default=True, help="Of each try to train.")
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    help="More tries to train where one fails.",
)
@_places.options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(**options: Any) -> int:
    """Train a model and serve it; on a schedule train it again on other data, and replace the
    running service under load."""
    found, interrupted = _measured(options)
    from harness.analyse.run import handover

    summed = handover.summary(found) | {"interrupted": interrupted}
    if options["as_json"]:
        _say.lines(json.dumps(summed, indent=1))
    else:
        for line in handover.lines(summed):
            _say.line(line)
    if interrupted:
        begun = found.window is not None
        _say.line(_interrupted.CUT_SHORT if begun else _interrupted.TOO_SOON, err=True)
        return EXIT_INTERRUPTED
    return EXIT_OK if handover.is_well(summed) else EXIT_FAILED


def _measured(options: dict[str, Any]) -> tuple[Handovers, bool]:
    """(what was found, whether a signal cut it short). Raises KeyboardInterrupt where that came
    before anything began."""
    from harness.measure.campaign import session
    from harness.measure.pipeline import front
    from harness.measure.pipeline.replacing import Pipeline

    variant, benchmark = _chosen(options)
    times = _times(options)
    front.require()
    pipeline = None
    try:
        with session.begin({}, "cpu", on_wait=_note) as tools:
            pipeline = Pipeline(_order(options, times, _served(variant, benchmark, tools)), _note)
            pipeline.measure()
    except KeyboardInterrupt:
        if pipeline is None:
            raise
        return pipeline.found, True
    return pipeline.found, False


def _chosen(options: dict[str, Any]) -> tuple[Variant, Benchmark]:
    """The variant and the benchmark, if a pipeline can serve them. Raises UsageError."""
    from harness.measure.prepare import artefacts
    from harness.setup import catalog

    variant: Variant = catalog.pick("variant", options["server"], catalog.variants())
    benchmark = catalog.benchmark(options["benchmark"])
    protocol, table = variant.spoken(), variant.table
    if table.is_floor:
        raise UsageError(f"{variant.name} is a reference point and no server for a pipeline.")
    if protocol.rpc or protocol.exchanges(table.path or protocol.path) is not None:
        raise UsageError(
            f"A pipeline's front passes on HTTP requests with one answer each; {variant.name} has "
            f"the protocol {table.protocol!r}. Choose a --server with the protocol 'json'."
        )
    if reason := table.without.get(benchmark.name):
        raise UsageError(f"{variant.name} can't serve {benchmark.name}: {reason}")
    if not artefacts.has_versions(benchmark):
        raise UsageError(
            f"{benchmark.name} has one version of its model: to train it on other data, its "
            "build.py must read HARNESS_ARTEFACT_VERSION."
        )
    return variant, benchmark


@dataclass(frozen=True, slots=True, kw_only=True)
class _Times:
    """In seconds."""

    every: float
    total: float
    train_timeout: float


def _times(options: dict[str, Any]) -> _Times:
    """Raises UsageError."""
    from harness.cli import _select
    from harness.windows.profiles import Profile

    names = ("every", "total", "train_timeout")
    found = _Times(**{name: _select.seconds(options[name]) or 0.0 for name in names})
    if found.every >= found.total:
        raise UsageError("--for must be longer than --every, so that something is replaced.")
    if found.total > _affordable.LONGEST_S:
        raise UsageError(f"--for is too long: {_affordable.LONGEST_S:g} s at most.")
    _affordable.require_room(Profile("load", "poisson", found.total, rate_per_s=options["rate"]))
    return found


def _served(variant: Variant, benchmark: Benchmark, tools: Tools) -> ServiceOrder:
    from harness.measure.pipeline.serving import ServiceOrder
    from harness.setup import canaries, catalog

    predictor = canaries.predictor(catalog.variants())
    if predictor is None:
        raise UsageError("No server.toml has a variant with 'inside', to say what is right.")
    return ServiceOrder(variant=variant, predictor=predictor, benchmark=benchmark, tools=tools)


def _order(options: dict[str, Any], times: _Times, service: ServiceOrder) -> PipelineOrder:
    from harness.measure.pipeline.batch import BatchOrder
    from harness.measure.pipeline.replacing import PipelineOrder
    from harness.measure.prepare import artefacts, environments

    benchmark = service.benchmark
    environment = environments.for_variant(service.predictor, benchmark)
    trained = BatchOrder(
        benchmark=benchmark,
        environment=artefacts.builder(benchmark, environment),
        cpus=service.tools.server_cpus,
        timeout_s=times.train_timeout,
        retries=options["retries"],
    )
    return PipelineOrder(
        service=service,
        batch=trained,
        rate_per_s=options["rate"],
        every_s=times.every,
        duration_s=times.total,
    )


def _note(text: str) -> None:
    _say.line(text, err=True)
