"""What a cell is put through beside its windows, as its preset and its launcher have it."""

from __future__ import annotations

from functools import partial

from harness.measure.cell import bursting, functions, straining
from harness.measure.cell.capacity_search import SearchOrder
from harness.setup import launching, slo
from harness.setup.catalog import Benchmark, Variant
from harness.setup.tables import PresetTable
from harness.stored.identity import Cell
from harness.stored.records import Campaign

_STARTING = 2  # instances for each server CPU that a burst may start


def search(
    preset: PresetTable, campaign: Campaign, variant: Variant, benchmark: Benchmark
) -> SearchOrder | None:
    """The search for a cell's capacity; None if none is requested or it would mean nothing: the
    generator is proven against the null server."""
    if not preset.capacity_s or variant.table.reference:
        return None
    ceiling = campaign.proof.ceiling_per_s if campaign.proof else None
    return SearchOrder(slo.parse(benchmark.table.slo), preset.capacity_s, ceiling)


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
