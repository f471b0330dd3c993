"""A whole campaign: prepare once, then cell after cell, each stored the moment it exists."""

from __future__ import annotations

import math
import shlex
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Protocol

from harness.base.errors import HarnessError, NothingRan, ProvisionError
from harness.measure.campaign import (
    budget,
    cell_orders,
    host_proof,
    reference,
    session,
    wanted,
)
from harness.measure.campaign.costs import Costs
from harness.measure.campaign.reference import Prepared
from harness.measure.campaign.tools import Tools
from harness.measure.cell.facts import server_facts
from harness.measure.cell.onlooker import Onlooker, overlooked
from harness.measure.cell.runner import execute
from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import Launcher
from harness.measure.load import drivers
from harness.measure.load.drivers import DriverOrder
from harness.measure.watch import host
from harness.setup import canaries, catalog, endpoints
from harness.setup.catalog import Benchmark, Variant, pick
from harness.setup.tables import PresetTable
from harness.stored import plan, store
from harness.stored.hosts import HostCheck, HostProof
from harness.stored.identity import Cell
from harness.stored.plan import Plan
from harness.stored.records import RUN, Campaign, Kind, Run
from harness.stored.revisions import Revision

# Its profiles have no rates: they come from the capacity that is measured at the beginning.
_NOT_READY = ProvisionError("It was not ready when its campaign began. Start a new campaign.")


class Observer(Protocol):
    """Is told how a campaign goes on."""

    def note(self, text: str) -> None: ...
    def begin(self, campaign: Campaign, already: int) -> None: ...
    def phase(self, cell: Cell, phase: str) -> None: ...
    def onlooker(self, cell: Cell, /) -> Onlooker | None: ...
    def done(self, run: Run) -> None: ...


More = Callable[[Campaign], tuple[Cell, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class CampaignOrder:
    """The request of the user."""

    id: str
    folder: Path
    variants: tuple[Variant, ...]
    benchmarks: tuple[Benchmark, ...]
    preset_name: str
    preset: PresetTable
    rounds: int
    launchers: Mapping[str, Launcher]  # by name
    device: str
    argv: tuple[str, ...]
    endpoint: endpoints.Endpoint | None = None
    budget_s: float | None = None  # nothing goes on beyond it
    rounds_budget_s: float | None = None  # rounds after the first are left out beyond it
    driver: DriverOrder = drivers.DEFAULT
    absent: tuple[tuple[str, str], ...] = ()  # (variant that was asked for, why it is not measured)
    more: More | None = None  # asked when all cells have run: which to run beyond the plan
    more_s: float | None = None  # since the beginning: what nothing is begun for beyond it
    kind: Kind = RUN

    @property
    def against(self) -> Revision | None:
        """The other revision that is measured beside this one."""
        return next((v.checkout.revision for v in self.variants if v.checkout), None)


def new_id() -> str:
    """An identifier from the time of day, UTC."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S")


def run(request: CampaignOrder, observer: Observer, resumed: Campaign | None = None) -> list[Run]:
    """Run what is not stored yet; the new runs, in order.

    Raises NothingRan where no cell can run here or no benchmark could be prepared, UsageError where
    the generator can't fire their rates, StoreError where a run can't be kept.
    """
    made = _planned(request)
    store.require_writable(request.folder)
    began = time.monotonic()
    deadline = began + (request.budget_s or math.inf)
    with session.begin(request.launchers, request.device, request.driver) as tools:
        prepared = prepare(request, tools, observer)
        if resumed is not None:
            campaign = host_proof.weaker(resumed, *examine(request, tools, prepared, observer))
        else:
            campaign = begin(request, made, tools, prepared, observer)
            if request.budget_s is not None:
                campaign = budget.fitted(campaign, deadline - time.monotonic(), request.budget_s)
            elif request.rounds_budget_s is not None:
                campaign = budget.with_rounds(campaign, request.rounds_budget_s)
        store.write_campaign(request.folder, campaign)
        store.discard_parts(request.folder)
        runs, spent = _run_cells(request, campaign, prepared, tools, observer, deadline)
        later = min(deadline, began + (request.more_s or math.inf))
        while request.more is not None and not spent:
            wanted = request.more(campaign)
            if not (extra := budget.affordable(campaign, wanted, later - time.monotonic())):
                break
            campaign = replace(campaign, cells=(*campaign.cells, *extra))
            store.write_campaign(request.folder, campaign)
            added, spent = _run_cells(request, campaign, prepared, tools, observer, later)
            runs += added
        return runs


def prepare(
    request: CampaignOrder, tools: Tools, observer: Observer
) -> dict[str, Prepared | HarnessError]:
    """Every benchmark of the request, ready or with the reason why it is not."""
    known, wants = catalog.variants(), wanted.by(request.variants, request.preset, request.rounds)
    prepared: dict[str, Prepared | HarnessError] = {}
    for benchmark in request.benchmarks:
        observer.note(f"{benchmark.name}: making the model, asking the reference")
        found = prepared_or_error(benchmark, known, tools, request.preset, wants)
        prepared[benchmark.name] = found
        said = found if isinstance(found, HarnessError) else reference.learnt(found, request.preset)
        observer.note(f"{benchmark.name}: {said}")
    failures = [error for error in prepared.values() if isinstance(error, HarnessError)]
    if len(failures) == len(prepared):
        raise NothingRan("No benchmark could be prepared. " + " ".join(map(str, failures)))
    return prepared


def prepared_or_error(
    benchmark: Benchmark,
    known: dict[str, Variant],
    tools: Tools,
    preset: PresetTable,
    wants: wanted.Beyond = wanted.NOTHING,
) -> Prepared | HarnessError:
    """A benchmark made ready, or why it is not: one must not stop the others."""
    try:
        return reference.prepare(benchmark, known, tools, preset, wants)
    except HarnessError as error:
        return error


def _planned(request: CampaignOrder) -> Plan:
    made = plan.make(request.variants, request.benchmarks, request.rounds, request.device)
    floor = {v.subject for v in request.variants if v.table.is_floor}
    if not made.cells or (made.left_out and floor.issuperset(c.subject for c in made.cells)):
        reasons = "; ".join(dict.fromkeys(why for _, why in made.left_out))
        raise NothingRan(f"Nothing that was requested can run here: {reasons}.")
    return made


def begin(
    request: CampaignOrder,
    made: Plan,
    tools: Tools,
    prepared: dict[str, Prepared | HarnessError],
    observer: Observer,
) -> Campaign:
    """The campaign's plan. Raises UsageError where the generator can fire none of it."""
    proof, checks = examine(request, tools, prepared, observer)
    rpc = request.driver.rpc_users
    gaps = plan.gaps(made, request.variants, request.benchmarks, request.preset, rpc)
    return Campaign(
        id=request.id,
        started_at=datetime.now(UTC).isoformat(timespec="seconds"),
        preset=request.preset_name,
        command=shlex.join(["python", "-m", "harness", *request.argv]),
        cells=made.cells,
        left_out=(*request.absent, *made.left_out, *gaps),
        environment=host.environment(),
        benchmarks=host_proof.within_ceiling(prepared, request.preset, proof, observer.note),
        proof=proof,
        server_cpus=tools.server_cpus,
        generator_cpus=tools.generator.cpus,
        launcher=", ".join(request.launchers),
        device=request.device,
        endpoint=request.endpoint,
        driver=request.driver.name,
        checks=checks,
        against=request.against,
        kind=request.kind,
        canaries=canaries.of(request.variants),
        scrape_every_s=request.preset.scrape_every_s,
    )


def examine(
    request: CampaignOrder,
    tools: Tools,
    prepared: dict[str, Prepared | HarnessError],
    observer: Observer,
) -> tuple[HostProof | None, tuple[HostCheck, ...]]:
    """The current state of the host and the generator."""
    ready = [found.bench.benchmark for found in prepared.values() if isinstance(found, Prepared)]
    return host_proof.examine(ready[0], tools, request.preset.proof_s, observer.note)


def _run_cells(
    request: CampaignOrder,
    campaign: Campaign,
    prepared: dict[str, Prepared | HarnessError],
    tools: Tools,
    observer: Observer,
    deadline: float,
) -> tuple[list[Run], bool]:
    """(the new runs, whether cells are left out since the time is spent)."""
    have = {cell for cell, _ in store.stored(request.folder, campaign.cells)}
    observer.begin(campaign, len(have))
    costs, runs = Costs(), list[Run]()
    todo = [cell for cell in campaign.cells if cell not in have]
    for place, cell in enumerate(todo):
        facts = campaign.benchmarks.get(cell.benchmark_name)
        if time.monotonic() + costs.of(cell, facts) > deadline:
            observer.note(f"{len(todo) - place} cells are left out: the time budget is spent")
            store.write_campaign(request.folder, budget.without(campaign, todo[place:]))
            return runs, True
        found = prepared[cell.benchmark_name]
        if facts is None and isinstance(found, Prepared):
            found = _NOT_READY
        run = run_cell(request, campaign, cell, found, tools, observer)
        store.write_run(request.folder, run)
        costs.learn(run)
        observer.done(run)
        runs.append(run)
    return runs, False


def run_cell(
    request: CampaignOrder,
    campaign: Campaign,
    cell: Cell,
    found: Prepared | HarnessError,
    tools: Tools,
    observer: Observer,
) -> Run:
    """One cell of the request, from start to stop; a failure becomes part of it."""
    variant = pick("variant", cell.variant_name, {v.name: v for v in request.variants})
    benchmark = pick("benchmark", cell.benchmark_name, {b.name: b for b in request.benchmarks})
    facts = campaign.benchmarks.get(cell.benchmark_name)
    kind = overlooked(cell_orders.stages_for(variant), observer.onlooker(cell))
    with tools.folder() as scratch:
        return execute(
            campaign.id,
            cell,
            server_facts(variant, benchmark, request.device),
            plan.served(variant, facts.profiles, request.driver.rpc_users) if facts else (),
            partial(provision, variant, found, tools, cell.round, scratch, kind),
            partial(observer.phase, cell),
            cell_orders.search(request.preset, campaign, variant, benchmark),
            cell_orders.beside(request.preset, campaign, cell, variant, benchmark),
        )


def provision(
    variant: Variant,
    found: Prepared | HarnessError,
    tools: Tools,
    round_number: int,
    scratch: Path,
    kind: type[Stages] = Stages,
) -> Stages:
    """The stages of a cell, what it runs on made if need be. Raises ProvisionError."""
    if isinstance(found, HarnessError):
        raise ProvisionError(str(found))
    return reference.stages_of(variant, found.bench, tools, round_number, scratch, kind)
