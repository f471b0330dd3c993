"""What a cell is put through beside its windows, as its preset and its launcher have it."""

from __future__ import annotations

from functools import partial

from harness.measure.cell import bursting, deployment_changes, functions, straining
from harness.measure.cell.capacity_search import SearchOrder
from harness.measure.cell.deployment_changes import ChangesOrder
from harness.measure.cell.deployment_stages import DeploymentStages
from harness.measure.cell.function_stages import FunctionStages
from harness.measure.cell.stages import Stages
from harness.setup import launching, slo
from harness.setup.catalog import Benchmark, Variant
from harness.setup.tables import PresetTable
from harness.stored.functions import STARTS
from harness.stored.identity import Cell
from harness.stored.pods import UNDER_CHANGE
from harness.stored.records import Campaign

_STRAIN = "strain"  # phase of a run
_STARTING = 2  # instances for each server CPU that a burst may start


def stages_for(variant: Variant) -> type[Stages]:
    """The stages of a variant, by what it is."""
    if variant.table.function:
        return FunctionStages
    return DeploymentStages if launching.of(variant.launcher).replicates else Stages


def beside(
    preset: PresetTable, campaign: Campaign, cell: Cell, variant: Variant, benchmark: Benchmark
) -> dict[str, partial[None]]:
    """What it undergoes when its windows are over, in this order."""
    planned = {
        STARTS: starting(preset, campaign, variant),
        UNDER_CHANGE: changing(preset, campaign, variant, benchmark),
        _STRAIN: strain(preset, campaign, cell, variant),
    }
    return {phase: undergo for phase, undergo in planned.items() if undergo is not None}


def search(
    preset: PresetTable, campaign: Campaign, variant: Variant, benchmark: Benchmark
) -> SearchOrder | None:
    """The search for a cell's capacity; None if none is requested or it would mean nothing: the
    generator is proven against the null server."""
    if not preset.capacity_s or variant.table.reference:
        return None
    ceiling = campaign.proof.ceiling_per_s if campaign.proof else None
    return SearchOrder(
        slo=slo.parse(benchmark.table.slo),
        budget_s=preset.capacity_s,
        longest_s=max(preset.capacity_s, preset.capacity_longest_s),
        ceiling_per_s=ceiling,
    )


def strain(
    preset: PresetTable, campaign: Campaign, cell: Cell, variant: Variant
) -> partial[None] | None:
    """The strain at a cell's end; None if the server is not ours to overload and stop, or the
    strain would mean nothing."""
    way = launching.of(variant.launcher)
    if not straining.is_wanted(preset, variant, way):
        return None
    facts = campaign.benchmarks.get(cell.benchmark_name)
    order = straining.order(preset, facts, campaign.proof, way, cell.round)
    return partial(straining.undergo, order)


def starting(preset: PresetTable, campaign: Campaign, variant: Variant) -> partial[None] | None:
    """The cold starts and the burst of a function; None for what is none."""
    told = variant.table.function
    if told is None or not (preset.cold_starts or preset.burst_s):
        return None
    burst = bursting.profile_of(preset.burst_per_s, preset.burst_s) if preset.burst_s else None
    cpus = len(campaign.server_cpus)
    limit = preset.burst_instances or _STARTING * max(cpus, 1)
    order = functions.order(told, cpus, preset.cold_starts, burst, limit)
    return partial(functions.undergo, order)


def changing(
    preset: PresetTable, campaign: Campaign, variant: Variant, benchmark: Benchmark
) -> partial[None] | None:
    """The changes of a Deployment, of one with one pod alone; how others shared requests is told of
    all of them."""
    if not launching.of(variant.launcher).replicates:
        return None
    order = ChangesOrder(
        changes=preset.changes if variant.table.replicas == 1 else (),
        told=preset.changing,
        slo=slo.parse(benchmark.table.slo),
        ceiling_per_s=campaign.proof.ceiling_per_s if campaign.proof else None,
    )
    return partial(deployment_changes.undergo, order)
