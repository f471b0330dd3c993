"""`harness capacity`: the highest rate that holds an SLO, of variants or of a URL."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import EXIT_FAILED, EXIT_INTERRUPTED, EXIT_OK, UsageError
from harness.base.trust import UNCHECKED
from harness.cli import _bodies, _launching, _places, _say, _servers
from harness.cli._anyway import anyway_option, require_quiet
from harness.cli._named import BENCHMARK, VARIANT
from harness.cli._tls import NAMES, tls_options, trust

if TYPE_CHECKING:
    from harness.analyse.run.capacity import Found
    from harness.analyse.run.digest import Digested
    from harness.measure.campaign.campaign import CampaignOrder
    from harness.measure.campaign.endpoint import MessageEndpoint
    from harness.setup.slo import Slo
    from harness.stored.records import Window
    from harness.windows.profiles import Profile

_PRESET = "capacity"


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
    from harness.cli import _select

    budget_s = _select.seconds(options["budget"]) or 0.0
    urls = [target for target in options["targets"] if "://" in target]
    if urls and len(options["targets"]) > 1:
        raise UsageError("Give variants, or one URL.")
    cut_short = False
    if urls:
        found, cut_short = _url(urls[0], options, budget_s)
    else:
        found = _variants(options, budget_s)
    kind = "url" if urls else "variant"
    if options["as_json"]:
        from harness.analyse.run import capacity_words

        results = [{kind: name} | capacity_words.as_json(each) for name, each in found]
        insecure = {"insecure": True} if options["insecure"] else {}
        first = str(found[0][1].slo) if found else None
        whole = {"slo": first, "results": results, "interrupted": cut_short, **insecure}
        _say.lines(json.dumps(whole, indent=1))
    else:
        _show(found)
        if options["insecure"]:
            _say.line(f"warning: {UNCHECKED}")
    if cut_short:
        _say.line("Interrupted. The results so far are above.", err=True)
        return EXIT_INTERRUPTED
    met = [each.estimate.rate_per_s is not None for _, each in found]
    return EXIT_OK if met and all(met) else EXIT_FAILED


def _show(found: list[tuple[str, Found]]) -> None:
    from harness.analyse.run import capacity_words

    for name, each in found:
        _say.line(f"{name}: {capacity_words.sentence(each)}")
        for line in capacity_words.path(each):
            _say.line(f"  {line}")


def _url(
    url: str, options: dict[str, Any], budget_s: float
) -> tuple[list[tuple[str, Found]], bool]:
    """What was found; whether it was interrupted, so that it is of the probes until then."""
    from harness.analyse.run import capacity
    from harness.measure.talk.framing import shown
    from harness.setup import slo

    _require_of_a_url(options)
    require_quiet(options)
    wanted = slo.parse(_wanted(options))
    trusted = trust(options, url)
    made = _bodies.endpoint(url, options, max(10 * wanted.limit_ns / 1e9, 2.0), trusted)
    endpoint = replace(made, max_answer_bytes=(options["max_answer"] or 64) << 20)
    windows, ended, cut_short = _probed(endpoint, wanted, options["budget"], budget_s)
    for address in dict.fromkeys(each for w in windows for each in w.facts.addresses):
        if address not in url:
            _say.line(f"address    {address}", err=True)
    return [(shown(url), capacity.of_probes(windows, wanted, ended))], cut_short


def _probed(
    endpoint: MessageEndpoint, wanted: Slo, budget: str, budget_s: float
) -> tuple[tuple[Window, ...], str, bool]:
    """(the probes, why the search ended before it was done, whether it was interrupted)."""
    from harness.measure.cell import capacity_search
    from harness.measure.load.generator.pool import Generator
    from harness.measure.watch import host

    if budget_s < capacity_search.LEAST_S:
        raise UsageError(
            f"--budget {budget} is too short for a search: give {capacity_search.LEAST_S:g}s "
            "or more."
        )
    windows: list[Window] = []

    def probe(profile: Profile) -> Window:
        window = endpoint.load(generator, profile, capacity_search.seed_of(profile))
        if profile.is_open:  # not the closed loop that says where to begin
            windows.append(window)
        return window

    message = endpoint.messages[0]
    with Generator(host.split_cpus()[1]) as generator:
        try:
            found, _ = capacity_search.find(
                capacity_search.SearchOrder(wanted, budget_s, None),
                None,
                probe,
                lambda: capacity_search.wait_until_idle(endpoint.ask, message, wanted),
            )
        except KeyboardInterrupt:  # the probe that was under way is too short to count
            return tuple(windows), "", True
    return tuple(windows), found.ended, False


def _require_of_a_url(options: dict[str, Any]) -> None:
    """Raises UsageError for an option that means nothing with a URL."""
    for name in ("benchmark", "launchers", *_launching.given(options)):
        if options[name]:
            flag = "launcher" if name == "launchers" else name.replace("_", "-")
            raise UsageError(f"--{flag} goes with variants, not with a URL.")


def _wanted(options: dict[str, Any]) -> str:
    if not options["slo_text"]:
        raise UsageError("A URL needs an SLO, such as --slo 'p99<50ms'.")
    return str(options["slo_text"])


def _variants(options: dict[str, Any], budget_s: float) -> list[tuple[str, Found]]:
    """As a campaign, whose results and report stay."""
    from harness.analyse.run import capacity, digest
    from harness.cli import _reports, run
    from harness.setup import slo

    for name in (*_bodies.NAMES, "max_answer", *NAMES, "anyway"):
        if options[name]:
            flag = "header" if name == "headers" else name.replace("_", "-")
            raise UsageError(f"--{flag} goes with a URL.")
    request = _request(options, budget_s)
    run.measure(request, None)
    digested = digest.of_campaign(request.folder)
    report = _reports.conclude(_reports.of(digested))
    _say.line(f"results  {request.folder}", err=True)
    _say.line(f"report   {report}", err=True)
    _show_invalid(digested)
    wanted = slo.parse(request.benchmarks[0].table.slo)
    return [
        (each.cell.variant_name, each.found or capacity.of_probes((), wanted))
        for each in digested.digests
    ]


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
        options["targets"], False, None, options["launchers"] or preset.launchers
    )
    chosen = [v for v in chosen if v.name in options["targets"] or not v.table.is_floor]
    names = (options["benchmark"],) if options["benchmark"] else ()
    benchmarks = _select.benchmarks(names, preset, options["synthetic_weights"])[:1]
    if options["slo_text"]:
        benchmarks = [_select.with_slo(b, str(slo.parse(options["slo_text"]))) for b in benchmarks]
    name = campaign.new_id()
    return campaign.CampaignOrder(
        name,
        _select.campaign_folder(name),
        tuple(chosen),
        tuple(benchmarks),
        _PRESET,
        preset,
        options["rounds"],
        _select.launchers_of(chosen, options["device"], options),
        options["device"],
        tuple(sys.argv[1:]),
    )
