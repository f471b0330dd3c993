"""The cost per million predictions on rented machines, and the figures it is scaled from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.analyse.cost.cost import SYSTEM_GIB, Measured, measured, on_instance, on_serverless
from harness.analyse.cost.prices import NO_GPU, PriceTable, RentedMachine, Serverless
from harness.analyse.field.comparison import Comparison, Row
from harness.analyse.statistics.stats import Spread
from harness.report.page import ranking, view
from harness.report.page.sections import Values, section
from harness.report.page.view import Report

_MACHINES = 4  # columns; the whole table of prices is wider than a page
_ENDPOINT = "the machine that it runs on is not known"
_FUNCTION = "it is billed as a function: see the section Functions"
_UNBILLED = "it is billed as a function, and its service did not record what it used"
_UNKNOWN = "its capacity, its CPU time or its memory is not known"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """A row of the price table that has a column."""

    title: str
    what: str
    price: str
    row: RentedMachine | Serverless


@dataclass(frozen=True, slots=True)
class CostCell:
    """A cost, the range over the rounds, and what it was made from."""

    usd: str
    interval: str
    how: str


@dataclass(frozen=True, slots=True)
class CostLine:
    """A variant."""

    row: Row
    here: str  # what this host measured
    cells: tuple[CostCell, ...]


@section("Cost", order=35)
def cost(report: Report) -> Values | None:
    found = [_benchmark(report, comparison) for comparison in report.comparisons]
    tables = [table for benchmark in found for table in benchmark["tables"]]
    if not tables:
        return None
    columns = {id(c.row): c for table in tables for c in table["columns"]}
    campaign = report.campaign
    return {
        "benchmarks": [benchmark for benchmark in found if benchmark["tables"]],
        "columns": list(columns.values()),
        "platforms": [c.row for c in columns.values() if isinstance(c.row, Serverless)],
        "cpus": view.plural(len(campaign.server_cpus), "CPU"),
        "machine": campaign.environment.get("machine", "of this host"),
        "shared": bool(set(campaign.server_cpus) & set(campaign.generator_cpus)),
        "system_gib": SYSTEM_GIB,
        "on_gpu": any(table["on_gpu"] for table in tables),
    }


def _benchmark(report: Report, comparison: Comparison) -> dict[str, Any]:
    campaign, prices = report.campaign, report.prices
    rows = [row for row in comparison.rows if not row.server.reference]
    known = [(row, found) for row in rows if (found := measured(row, campaign)) is not None]
    priced = [(row, found) for row, found in known if _has_any(found, prices)]
    devices = sorted({found.on_gpu for _, found in priced})
    names = {row.variant for row, _ in priced}
    words = ranking.bounded(comparison)
    return {
        "name": comparison.benchmark,
        "slo": comparison.facts.slo if comparison.facts else "",
        "tables": [
            _table([pair for pair in priced if pair[1].on_gpu is d], prices, words) for d in devices
        ],
        "out": _reasons(row for row in rows if row.variant not in names),
    }


def _has_any(known: Measured, prices: PriceTable) -> bool:
    machines = any(on_instance(known, row) for row in prices.instance)
    return machines or any(on_serverless(known, row) for row in prices.serverless)


def _table(
    pairs: Sequence[tuple[Row, Measured]], prices: PriceTable, words: Mapping[str, str]
) -> dict[str, Any]:
    """In `words`, what is known of capacities of which only bounds are."""
    known = [found for _, found in pairs]
    chosen: list[RentedMachine | Serverless] = [*cheapest(known, prices.instance)]
    chosen += [p for p in prices.serverless if any(on_serverless(k, p) for k in known)]
    columns = [_column(row) for row in chosen]
    return {
        "on_gpu": known[0].on_gpu,
        "no_machine": not any(isinstance(row, RentedMachine) for row in chosen),
        "columns": columns,
        "lines": [
            CostLine(
                row,
                _here(found, words.get(row.variant)),
                tuple(_cell(found, c.row) for c in columns),
            )
            for row, found in pairs
        ],
    }


def cheapest(known: Sequence[Measured], instances: Sequence[RentedMachine]) -> list[RentedMachine]:
    """The machine of each provider that holds most variants, and of those the cheapest."""
    best: dict[str, tuple[int, float, RentedMachine]] = {}
    for instance in instances:
        costs = [found for k in known if (found := on_instance(k, instance)) is not None]
        if costs:
            mean = sum(found.usd.median for found in costs) / len(costs)
            entry = (-len(costs), mean, instance)
            if instance.provider not in best or entry[:2] < best[instance.provider][:2]:
                best[instance.provider] = entry
    ordered = sorted(best.values(), key=lambda entry: entry[:2])
    return [instance for _, _, instance in ordered[:_MACHINES]]


def _column(row: RentedMachine | Serverless) -> Column:
    if isinstance(row, RentedMachine):
        gpu = "" if row.gpu == NO_GPU else f", {row.gpu}"
        what = f"{row.vcpus} vCPU, {row.memory_gib:g} GiB{gpu}"
        return Column(
            title=f"{row.provider} {row.type}",
            what=what,
            price=f"{_price(row.usd_per_hour)} an hour",
            row=row,
        )
    parts = [f"{_price(row.usd_per_gib_second)} a GiB-second"]
    if row.usd_per_vcpu_second is not None:
        parts.insert(0, f"{_price(row.usd_per_vcpu_second)} a vCPU-second")
    parts.append(f"{_price(row.usd_per_million_requests)} a million requests")
    return Column(
        title=f"{row.provider} {row.service}", what="1 vCPU", price=view.listed(parts), row=row
    )


def _price(value: float) -> str:
    """A price as its provider writes it: with every digit."""
    return f"${value:.10f}".rstrip("0").rstrip(".")


def _here(known: Measured, bounded: str | None) -> str:
    """The measurements of a variant on this host, in words."""
    parts = []
    if known.capacity is not None:
        cpus = view.plural(known.cpus, "CPU")
        busy = "" if known.cpus_busy is None else f", {view.number(known.cpus_busy)} busy"
        rate = bounded or f"{view.number(known.capacity.median, 1)}/s"
        parts.append(f"{rate} on {cpus}{busy if known.capacity.median > 0 else ''}")
    if known.cpu_s is not None:
        parts.append(f"{view.number(1000 * known.cpu_s.median)} ms of CPU each")
    if known.memory_gib is not None:
        parts.append(f"{view.number(known.memory_gib)} GiB")
    return "; ".join(parts)


def _cell(known: Measured, row: RentedMachine | Serverless) -> CostCell:
    if isinstance(row, RentedMachine):
        machine = on_instance(known, row)
        if machine is None:
            return CostCell(view.NONE, "", "")
        how = f"{view.number(machine.rate_per_s, 1)}/s, ×{machine.factor:.3g}"
        return CostCell(view.usd(machine.usd.median), interval(machine.usd), how)
    billed = on_serverless(known, row)
    if billed is None:
        return CostCell(view.NONE, "", "")
    how = f"{view.number(1000 * billed.seconds)} ms × {view.number(billed.memory_gib)} GiB"
    return CostCell(view.usd(billed.usd.median), interval(billed.usd), how)


def interval(spread: Spread) -> str:
    """The range of a cost; empty where it is one number."""
    low, high = view.usd(spread.low), view.usd(spread.high)
    return "" if low == high else f"{low}–{high[1:]}"


def _reasons(rows: Iterable[Row]) -> dict[str, list[str]]:
    """Variants without any cost, by the reason."""
    grouped: dict[str, list[str]] = {}
    for row in rows:
        if not row.server.way.here:
            why = _ENDPOINT
        elif row.server.function is not None:
            why = (
                _FUNCTION
                if any(d.invoked and d.invoked.windows for d in row.digests)
                else _UNBILLED
            )
        else:
            why = view.reason(row) if row.invalid or row.failures else _UNKNOWN
        grouped.setdefault(why, []).append(row.variant)
    return grouped
