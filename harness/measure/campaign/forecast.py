"""The plan and cost of a campaign, predicted before anything is started."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from harness.base import paths
from harness.base.errors import HarnessError, ProvisionError
from harness.measure.campaign import budget, wanted
from harness.measure.campaign.campaign import CampaignOrder
from harness.measure.campaign.costs import Costs
from harness.measure.prepare import artefacts, environments
from harness.measure.watch import host
from harness.setup import canaries, catalog, launching
from harness.setup.catalog import Benchmark, Variant
from harness.setup.changes import planned_s
from harness.stored import plan, store
from harness.stored.hosts import machine_id
from harness.stored.identity import Cell
from harness.stored.records import BenchmarkFacts, Campaign

_SEARCHED = 50  # of the newest campaigns, for what this machine reached in process


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """The plan, what it would take, and what must be there first."""

    campaign: Campaign  # its cells and what is left out, a time budget applied
    to_run: tuple[Cell, ...]
    seconds: float  # of those cells, without what must be installed
    guessed: tuple[str, ...]  # variants that never ran here, so that their time is a guess
    known_from: dict[str, str]  # campaign that the capacity in process is from, by benchmark
    to_install: tuple[str, ...]  # what is made once and kept, in words


def of(request: CampaignOrder, resumed: Campaign | None) -> Forecast:
    """Look ahead; nothing is started, made or written. Raises NothingRan where no cell fits."""
    known = {b.name: _known(b) for b in request.benchmarks}
    campaign = resumed or _planned(request, known)
    have = {cell for cell, _ in store.stored(request.folder, campaign.cells)} if resumed else set()
    cells = tuple(cell for cell in campaign.cells if cell not in have)
    costs, cost_s = Costs(), budget.cost_of(campaign)
    return Forecast(
        campaign=campaign,
        to_run=cells,
        seconds=sum(map(cost_s, cells)),
        guessed=tuple(
            dict.fromkeys(cell.variant_name for cell in cells if costs.known(cell) is None)
        ),
        known_from={name: found.id for name, found in known.items() if found is not None},
        to_install=tuple(dict.fromkeys(_to_install(request, cells))),
    )


def _planned(request: CampaignOrder, known: dict[str, Campaign | None]) -> Campaign:
    made = plan.make(request.variants, request.benchmarks, request.rounds, request.device)
    rpc = request.driver.rpc_users
    gaps = plan.gaps(made, request.variants, request.benchmarks, request.preset, rpc)
    campaign = Campaign(
        id=request.id,
        started_at="",
        preset=request.preset_name,
        command="",
        cells=made.cells,
        left_out=(*request.absent, *made.left_out, *gaps),
        environment=host.environment(),
        benchmarks={b.name: _facts(b, request, known[b.name]) for b in request.benchmarks},
        proof=None,
        server_cpus=(),
        generator_cpus=(),
        launcher="",
        device=request.device,
        driver=request.driver.name,
        kind=request.kind,
        canaries=canaries.of(request.variants),
    )
    if request.budget_s is not None:
        # The reference and the generator are measured first.
        before_s = request.preset.proof_s * (2 + len(request.benchmarks))
        return budget.fitted(campaign, request.budget_s - before_s, request.budget_s)
    if request.rounds_budget_s is not None:
        return budget.with_rounds(campaign, request.rounds_budget_s)
    return campaign


def _facts(benchmark: Benchmark, request: CampaignOrder, known: Campaign | None) -> BenchmarkFacts:
    """The facts about a benchmark that the campaign would store; a capacity of 1 if it is
    unknown."""
    capacity = known.benchmarks[benchmark.name].capacity_per_s if known else 1.0
    return BenchmarkFacts(
        version=benchmark.table.version,
        description=benchmark.table.description,
        slo=benchmark.table.slo,
        payloads=len(benchmark.payloads()),
        artefact={},
        capacity_per_s=capacity,
        profiles=plan.absolute(benchmark, request.preset, capacity),
        verify_share=request.preset.verify_share,
        capacity_s=request.preset.capacity_s,
        cold_starts=request.preset.cold_starts,
        burst_s=request.preset.burst_s,
        changes_s=planned_s(request.preset.changes, request.preset.changing),
        judge=benchmark.table.judge,
        tolerance=benchmark.table.tolerance,
        replaced=wanted.by(request.variants, request.preset, 1).replaced_on(benchmark),
    )


def _known(benchmark: Benchmark) -> Campaign | None:
    """The newest campaign on this machine that measured the benchmark as it is now."""
    here = machine_id(host.environment())
    folders = store.campaigns(paths.results_dir())
    folders.sort(key=lambda folder: (folder / "campaign.json").stat().st_mtime, reverse=True)
    for folder in folders[:_SEARCHED]:
        try:
            found = store.read_campaign(folder)
        except HarnessError:
            continue
        facts = found.benchmarks.get(benchmark.name)
        if facts is None or machine_id(found.environment) != here:
            continue
        if facts.version == benchmark.table.version and facts.synthetic == benchmark.synthetic:
            return found
    return None


def _to_install(request: CampaignOrder, cells: tuple[Cell, ...]) -> Iterator[str]:
    """Environments, models and images that are not there yet."""
    variants = {v.name: v for v in request.variants}
    reference = canaries.predictor(catalog.variants())
    for benchmark in request.benchmarks:
        if reference is not None and benchmark.has_reference:
            with suppress(ProvisionError):  # told of its own cell
                own = environments.planned_for(reference, benchmark)
                yield from artefacts.lacking(benchmark, own)
        for cell in cells:
            if cell.benchmark_name == benchmark.name:
                yield from _lacking(variants[cell.variant_name], benchmark, request.device)


def _lacking(variant: Variant, benchmark: Benchmark, device: str) -> Iterator[str]:
    if launching.of(variant.launcher).installs:
        try:
            found = environments.planned_for(variant, benchmark, variant.device_for(device))
        except ProvisionError as error:
            yield f"{variant.name} can't be: {error}"
            return
        if found is not None and not found.is_made:
            yield f"the environment {found.name}"
    elif launching.of(variant.launcher).starts:
        yield f"the image of {variant.server.name}, unless the engine has it"
