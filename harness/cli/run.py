"""`harness run`: measure, store, report."""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import EXIT_INTERRUPTED, EXIT_REGRESSION, UsageError
from harness.cli import (
    _ending,
    _endpoint,
    _image,
    _launching,
    _places,
    _say,
    _scraping,
    _servers,
    _watching,
)
from harness.cli._named import BENCHMARK, CAMPAIGN, DRIVER, LAUNCHER, PRESET, VARIANT
from harness.setup.tracks import TRACKS

if TYPE_CHECKING:
    from harness.analyse.cost.prices import PriceTable
    from harness.analyse.regression.gate import Wanted
    from harness.cli._decide import Deciding
    from harness.measure.campaign.campaign import CampaignOrder
    from harness.monitoring.exposition import Exposition
    from harness.setup.catalog import Checkout, Variant
    from harness.setup.endpoints import Endpoint
    from harness.setup.tables import PresetTable
    from harness.stored.records import Campaign, Run

FILE = click.Path(dir_okay=False, path_type=Path)


@click.command("run", cls=_launching.LaunchingCommand)
@click.argument("variants", nargs=-1, type=VARIANT)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Every variant, except those that list marks 'not in --all'.",
)
@click.option(
    "--benchmark", "benchmarks", type=BENCHMARK, multiple=True, help="Name or pattern; repeatable."
)
@_servers.SYNTHETIC_WEIGHTS
@click.option(
    "--preset", type=PRESET, default="quick", show_default=True, help="Scope of the campaign."
)
@click.option(
    "--launcher",
    "launchers",
    type=LAUNCHER,
    multiple=True,
    help="How servers are started; repeatable.",
)
@_endpoint.options
@_endpoint.checks
@_endpoint.BESIDE
@_image.options
@_scraping.OPTION
@click.option("--driver", type=DRIVER, default="native", show_default=True, help="Load driver.")
@click.option("--master", help="With --driver locust: HOST:PORT where workers reach it.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="Number of Locust workers on other machines."
)
@_servers.DEVICE
@click.option(
    "--track",
    type=click.Choice(TRACKS),
    help="Measure only variants of this track; without names, all of them.",
)
@click.option("--exclude", type=VARIANT, multiple=True, help="Names or patterns to leave out.")
@click.option(
    "--rounds", type=click.IntRange(min=1), help="Number of rounds, instead of the preset's."
)
@click.option("--budget", help="Measure as much as fits into this time: 90s, 10m, 1h.")
@click.option(
    "--until", type=click.Choice(["decided"]), help="Run more rounds until the ranking is decided."
)
@click.option("--campaign", "name", help="Name of the new campaign.")
@click.option("--resume", type=CAMPAIGN, help="Continue an interrupted campaign.")
@click.option("--file", type=FILE, help="Campaign file; options on the command line override it.")
@click.option("--save", type=FILE, help="Write these options to a campaign file.")
@click.option("--dry-run", is_flag=True, help="Show the plan; start nothing.")
@click.option(
    "--prices", type=click.Path(path_type=Path), help="Price table; by default the harness's own."
)
@click.option(
    "--against", metavar="GIT-REF", help="Measure that revision beside this one, and compare."
)
@click.option("--rename", "renames", multiple=True, help="With --against: OLD=NEW; repeatable.")
@click.option(
    "--fail-on-regression", is_flag=True, help="With --against: exit 3 if something got worse."
)
@click.option(
    "--minimum-effect",
    "effects",
    multiple=True,
    help="Smallest change to report: 5% or capacity=10%; repeatable.",
)
@click.option("--strict", is_flag=True, help="Exit 1 also if a run is INVALID.")
@_watching.options
@_places.kept
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def command(**options: Any) -> int:
    """Measure variants: start, verify, warm up, load, stop, store; then write the report."""
    from harness.analyse.cost import prices
    from harness.cli import _campaign_file, _compared, _decide, _dry_run, _resume
    from harness.measure.campaign import revision

    context = click.get_current_context()
    _campaign_file.apply(context, options)
    _places.use_all(options)
    given = dict(options)
    table = prices.load(options["prices"])
    wanted = _compared.wanted(options["effects"])
    resumed, name = _resume.named(options)
    _require_against(options)
    with _watching.exposed(options) as exposition:
        with revision.checked_out(options["against"]) as checkout:
            request = _request(options, resumed, name, checkout)
            _campaign_file.save(context, given)
            if options["dry_run"]:
                return _dry_run.show(request, resumed, as_json=options["as_json"])
            began = time.monotonic()
            runs = measure(request, resumed, exposition)
        code = _conclude(request.folder, table, wanted, options)
        if request.more is not None and runs:
            _say.line(_decide.sentence(request.folder), err=True)
        _say.line(_ending.time_line(runs, time.monotonic() - began), err=True)
    return code


def _require_against(options: dict[str, Any]) -> None:
    """Raises UsageError for an option that means nothing without another revision."""
    for name in ("renames", "fail_on_regression", "effects"):
        if options[name] and not options["against"]:
            flag = {"renames": "rename", "effects": "minimum-effect"}.get(name, name)
            raise UsageError(f"--{flag.replace('_', '-')} goes with --against.")


def _request(
    options: dict[str, Any], resumed: Campaign | None, name: str, checkout: Checkout | None
) -> CampaignOrder:
    """The campaign that is requested, checked in full before anything starts."""
    from harness.cli import _resume, _select
    from harness.measure.campaign.campaign import CampaignOrder

    preset = _scraping.preset(options)
    endpoint = resumed.endpoint if resumed else _select.endpoint(options)
    chosen, absent = _chosen(options, preset, endpoint, checkout)
    more, more_s = _more(options, preset, _select.campaign_folder(name))
    request = CampaignOrder(
        id=name,
        folder=_select.campaign_folder(name),
        variants=tuple(chosen),
        benchmarks=tuple(
            _select.benchmarks(options["benchmarks"], preset, options["synthetic_weights"], chosen)
        ),
        preset_name=options["preset"],
        preset=preset,
        rounds=options["rounds"]
        or (max(preset.rounds, 2) if options["against"] else preset.rounds),
        launchers={}
        if options["dry_run"]
        else _select.launchers_of(chosen, options["device"], options),
        device=options["device"],
        argv=tuple(sys.argv[1:]),
        endpoint=endpoint,
        budget_s=_select.seconds(options["budget"]),
        rounds_budget_s=None if options["rounds"] or resumed else preset.budget_s,
        driver=_select.driver(options),
        absent=absent,
        more=more,
        more_s=more_s,
    )
    _select.require_same_load(request.benchmarks, checkout)
    if resumed is not None:
        _resume.require_same(request, resumed)
    return request


def _more(
    options: dict[str, Any], preset: PresetTable, folder: Path
) -> tuple[Deciding | None, float | None]:
    """(what is asked for more cells, how long it may go on since the beginning)."""
    from harness.cli._decide import DECIDED, Deciding

    # With another revision, each round has both: chosen one by one, they would not be paired.
    planned = options["rounds"] or options["resume"] or options["against"]
    until = options["until"] or (None if planned else preset.until)
    if until != DECIDED:
        return None, None
    return Deciding(folder), None if options["budget"] else preset.budget_s


def _chosen(
    options: dict[str, Any],
    preset: PresetTable,
    endpoint: Endpoint | None,
    checkout: Checkout | None,
) -> tuple[list[Variant], tuple[tuple[str, str], ...]]:
    """(the variants to measure; what was asked for and can't be had, with the reason)."""
    from harness.cli import _judging, _patterns, _select, _startable

    beside = () if options["everything"] else filter(None, (options["beside"],))
    image = _image.variant(options)
    chosen = _select.variants(
        (*options["variants"], *beside),
        options["everything"],
        options["track"],
        options["launchers"] or preset.launchers,
        endpoint,
        options["exclude"],
        image,
        preset.tracks,
        usual=not options["launchers"],
    )
    chosen, unusable = _startable.startable(chosen, options["variants"], options)
    chosen = _judging.with_answers(chosen, options)
    chosen, absent = _select.with_counterparts(chosen, checkout, options["renames"])
    return chosen, (
        *_patterns.off_track(options["variants"], options["exclude"], options["track"]),
        *unusable,
        *absent,
    )


def measure(
    request: CampaignOrder, resumed: Campaign | None, exposition: Exposition | None = None
) -> list[Run]:
    """Measure, and show how it goes on; an interruption ends the program."""
    from harness.cli import _progress
    from harness.measure.campaign import campaign

    observer = _progress.observer()
    try:
        return campaign.run(request, _watching.told(observer, exposition), resumed)
    except KeyboardInterrupt:
        observer.close()
        stored = (request.folder / "campaign.json").exists()
        hint = f" Continue with: python -m harness run --resume {request.id}" if stored else ""
        _say.line(f"Interrupted. Finished runs are stored.{hint}", err=True)
        sys.exit(EXIT_INTERRUPTED)
    finally:
        observer.close()


def _conclude(folder: Path, table: PriceTable, wanted: Wanted, options: dict[str, Any]) -> int:
    """Write the report, say where it is, and choose the exit code."""
    from harness.analyse.regression import changes
    from harness.analyse.run import digest
    from harness.cli import _compared, _reports, _run_json, _table

    digested = digest.of_campaign(folder)
    report = _reports.of(digested, table)
    path = _reports.conclude(report)
    against = digested.campaign.against is not None
    found = changes.of_revisions(digested, wanted) if against and digested.digests else None
    if options["as_json"]:
        printed = _run_json.of(digested, folder, path)
        if found is not None:
            printed["compare"] = _compared.as_json(found)
        _say.lines(json.dumps(printed, indent=1))
    else:
        for line in (*_table.lines(report), *(_compared.lines(found) if found else ())):
            _say.lines(line)
        for line in ("", f"results  {folder}", f"report   {path}"):
            _say.line(line)
    if found is not None and found.regressions and options["fail_on_regression"]:
        return EXIT_REGRESSION
    return _ending.exit_code(digested, options["strict"])
