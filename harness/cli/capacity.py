"""`harness capacity`: the highest rate that holds an SLO, of variants or of a URL."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.errors import EXIT_FAILED, EXIT_OK, UsageError

if TYPE_CHECKING:
    from harness.analyse.capacity import Found
    from harness.analyse.digest import Digested
    from harness.measure.campaign import Request

_PRESET = "capacity"


@click.command("capacity")
@click.argument("targets", nargs=-1, required=True)
@click.option("--slo", "slo_text", help="As p99<50ms or 'p99<50ms, errors<0.1%'.")
@click.option("--benchmark", help="Of the variants; the preset's where none is given.")
@click.option(
    "--synthetic-weights", is_flag=True, help="Seeded weights, for benchmarks that provide for it."
)
@click.option("--launcher", "launchers", multiple=True, help="May be given more than once.")
@click.option("--device", type=click.Choice(["cpu", "gpu"]), default="cpu", show_default=True)
@click.option("--rounds", type=click.IntRange(min=1), default=1, show_default=True)
@click.option("--budget", default="120s", show_default=True, help="Of each search: 60s, 5m.")
@click.option(
    "--body",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With a URL: file with the request's body; makes the request a POST.",
)
@click.option("--header", "headers", multiple=True, help="With a URL: 'Name: value'.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(**options: Any) -> int:
    """Search for the highest rate at which variants, or one URL, hold an SLO."""
    from harness.cli import _select

    budget_s = _select.seconds(options["budget"]) or 0.0
    urls = [target for target in options["targets"] if "://" in target]
    if urls and len(options["targets"]) > 1:
        raise UsageError("Give variants, or one URL.")
    found = _url(urls[0], options, budget_s) if urls else _variants(options, budget_s)
    kind = "url" if urls else "variant"
    if options["as_json"]:
        from harness.analyse import capacity

        results = [{kind: name} | capacity.as_json(each) for name, each in found]
        first = str(found[0][1].slo) if found else None
        click.echo(json.dumps({"slo": first, "results": results}, indent=1))
    else:
        _show(found)
    met = [each.estimate.rate_per_s is not None for _, each in found]
    return EXIT_OK if met and all(met) else EXIT_FAILED


def _show(found: list[tuple[str, Found]]) -> None:
    from harness.analyse import capacity

    for name, each in found:
        click.echo(f"{name}: {capacity.sentence(each)}")
        for line in capacity.path(each):
            click.echo(f"  {line}")


def _url(url: str, options: dict[str, Any], budget_s: float) -> list[tuple[str, Found]]:
    from harness import slo
    from harness.analyse import capacity
    from harness.measure import host, prober
    from harness.measure.driver.native import Generator
    from harness.measure.endpoint import Endpoint
    from harness.measure.headers import filled, given
    from harness.measure.target import split
    from harness.protocols import Message

    for name in ("benchmark", "launchers"):
        if options[name]:
            raise UsageError(f"--{name.rstrip('s')} goes with variants, not with a URL.")
    split(url, ("http", "https"))
    wanted = slo.parse(_wanted(options))
    body = options["body"].read_bytes() if options["body"] else b""
    timeout_s = max(10 * wanted.limit_ns / 1e9, 2.0)
    endpoint = Endpoint(url, body, filled(given(options["headers"])), timeout_s)
    with Generator(host.split_cpus()[1]) as generator:
        _, windows = prober.find(
            prober.Order(wanted, budget_s, None),
            None,
            lambda profile: endpoint.load(generator, profile, prober.seed_of(profile)),
            lambda: prober.wait_until_idle(endpoint.ask, Message(body), wanted),
        )
    return [(url, capacity.of_probes(windows, wanted))]


def _wanted(options: dict[str, Any]) -> str:
    if not options["slo_text"]:
        raise UsageError("A URL has no SLO of its own: give one, as --slo 'p99<50ms'.")
    return str(options["slo_text"])


def _variants(options: dict[str, Any], budget_s: float) -> list[tuple[str, Found]]:
    """As a campaign, whose results and report stay."""
    from harness import slo, store
    from harness.analyse import capacity, digest
    from harness.cli import _reports, run

    if options["body"] or options["headers"]:
        raise UsageError("--body and --header go with a URL.")
    request = _request(options, budget_s)
    run.measure(request, None)
    digested = digest.of_campaign(request.folder)
    report = _reports.conclude(_reports.of(digested))
    click.echo(f"results  {request.folder}\nreport   {report}", err=True)
    _show_invalid(digested)
    wanted = slo.parse(request.benchmarks[0].table.slo)
    found = []
    for cell, place in store.stored(request.folder, digested.campaign.cells):
        found.append((cell.variant, capacity.of_probes(store.read_run(place).probes, wanted)))
    return found


def _show_invalid(digested: Digested) -> None:
    """Why a capacity must not be quoted."""
    from harness.analyse.findings import Verdict

    for each in digested.digests:
        for finding in each.findings:
            if finding.verdict is Verdict.INVALID:
                click.echo(f"{each.cell}: INVALID: {finding.message}", err=True)


def _request(options: dict[str, Any], budget_s: float) -> Request:
    from harness import catalog, slo
    from harness.cli import _select
    from harness.measure import campaign

    preset = catalog.pick("preset", _PRESET, catalog.presets())
    preset = preset.model_copy(update={"capacity_s": budget_s, "rounds": options["rounds"]})
    chosen = _select.variants(
        options["targets"], False, None, options["launchers"] or preset.launchers
    )
    chosen = [v for v in chosen if v.name in options["targets"] or not _floor(v)]
    names = (options["benchmark"],) if options["benchmark"] else ()
    benchmarks = _select.benchmarks(names, preset, options["synthetic_weights"])[:1]
    if options["slo_text"]:
        benchmarks = [_select.with_slo(b, str(slo.parse(options["slo_text"]))) for b in benchmarks]
    name = campaign.new_id()
    return campaign.Request(
        name,
        _select.campaign_folder(name),
        tuple(chosen),
        tuple(benchmarks),
        _PRESET,
        preset,
        options["rounds"],
        _select.launchers_of(chosen, options["device"]),
        options["device"],
        tuple(sys.argv[1:]),
    )


def _floor(variant: Any) -> bool:
    return bool(variant.table.reference or variant.table.inside)
