"""`harness capacity`: the highest rate that holds an SLO, of variants or of a URL."""

from __future__ import annotations

import re
import sys
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import UsageError
from harness.cli import _bodies, _launching, _places, _say, _servers
from harness.cli._anyway import anyway_option
from harness.cli._named import BENCHMARK, VARIANT
from harness.cli._tls import NAMES, tls_options
from harness.stored.identity import told

if TYPE_CHECKING:
    from harness.analyse.run.capacity import Found
    from harness.analyse.run.digested import Digested
    from harness.measure.campaign.campaign import CampaignOrder

_PRESET = "capacity"
_OF_URLS = re.compile("[:/]")  # in no variant's name; one without its scheme is told so


@click.command("capacity", cls=_launching.LaunchingCommand)
@click.argument("targets", type=VARIANT, nargs=-1, required=True)
@click.option("--slo", "slo_text", help="Such as p99<50ms or 'p99<50ms, errors<0.1%'.")
@click.option(
    "--benchmark", type=BENCHMARK, help="Benchmark of the variants; by default the preset's."
)
@_servers.options
@click.option(
    "--rounds",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Fresh starts of each variant.",
)
@click.option("--budget", default="120s", show_default=True, help="Time for each search: 60s, 5m.")
@_bodies.options
@click.option(
    "--max-answer", type=click.IntRange(min=1), help="With a URL: largest accepted answer, in MiB."
)
@tls_options
@anyway_option
@_places.options
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(**options: Any) -> int:
    """Search for the highest rate at which variants, or one URL, meet an SLO."""
    from harness.cli import _search

    urls = [target for target in options["targets"] if _OF_URLS.search(target)]
    if urls and len(options["targets"]) > 1:
        raise UsageError("Give variants, or one URL.")
    if urls:
        return _search.command(urls[0], options)
    found, cut = _variants(options)
    return _search.tell(found, options, cut=cut)


def _variants(options: dict[str, Any]) -> tuple[list[tuple[dict[str, Any], Found]], bool]:
    """(what was found of each, whether it was interrupted); as a campaign, whose results and report
    stay."""
    from harness.analyse.run import capacity, digest
    from harness.cli import _reports, _search, run
    from harness.setup import slo

    for name in (*_bodies.NAMES, "max_answer", *NAMES, "anyway"):
        if options[name]:
            flag = "header" if name == "headers" else name.replace("_", "-")
            raise UsageError(f"--{flag} goes with a URL.")
    request = _request(options, _search.budget(options))
    cut = False
    try:
        run.measure(request, None)
    except SystemExit:  # what ends a run early is an interruption, which it tells
        cut = True
        if not (request.folder / "campaign.json").exists():
            return [], cut
    digested = digest.of_campaign(request.folder)
    report = _reports.conclude(_reports.of(digested))
    _say.line(f"results  {request.folder}", err=True)
    _say.line(f"report   {report}", err=True)
    _show_invalid(digested)
    wanted = slo.parse(request.benchmarks[0].table.slo)
    found = [
        (told(each.cell), each.found or capacity.of_probes((), wanted)) for each in digested.digests
    ]
    return found, cut


def _show_invalid(digested: Digested) -> None:
    """Why a capacity must not be quoted."""
    from harness.analyse.run.findings import Verdict

    for each in digested.digests:
        for finding in each.findings:
            if finding.verdict is Verdict.INVALID:
                _say.line(f"{each.cell}: INVALID: {finding.message}", err=True)


def _request(options: dict[str, Any], budget_s: float) -> CampaignOrder:
    from harness.cli import _select
    from harness.measure.campaign import campaign
    from harness.setup import catalog, slo

    preset = catalog.pick("preset", _PRESET, catalog.presets())
    preset = preset.model_copy(update={"capacity_s": budget_s, "rounds": options["rounds"]})
    chosen = _select.variants(
        options["targets"],
        False,
        None,
        options["launchers"] or preset.launchers,
        usual=not options["launchers"],
    )
    chosen = [v for v in chosen if v.name in options["targets"] or not v.table.is_floor]
    names = (options["benchmark"],) if options["benchmark"] else ()
    benchmarks = _select.benchmarks(names, preset, options["synthetic_weights"])[:1]
    if options["slo_text"]:
        benchmarks = [_select.with_slo(b, str(slo.parse(options["slo_text"]))) for b in benchmarks]
    name = campaign.new_id()
    return campaign.CampaignOrder(
        id=name,
        folder=_select.campaign_folder(name),
        variants=tuple(chosen),
        benchmarks=tuple(benchmarks),
        preset_name=_PRESET,
        preset=preset,
        rounds=options["rounds"],
        launchers=_select.launchers_of(chosen, options["device"], options),
        device=options["device"],
        argv=tuple(sys.argv[1:]),
    )
