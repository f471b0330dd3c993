"""`verify`: start every variant, compare all its answers with the reference's, stop it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from harness.base.errors import HarnessError
from harness.measure.campaign import campaign, session
from harness.measure.campaign.reference import Prepared
from harness.measure.campaign.tools import Tools
from harness.measure.cell.facts import server_facts
from harness.measure.cell.faults import FaultStages, PatientStages
from harness.measure.cell.runner import execute
from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import Launcher
from harness.setup import catalog
from harness.setup.catalog import Benchmark, Variant
from harness.setup.tables import PresetTable
from harness.stored import plan
from harness.stored.identity import Cell
from harness.stored.lifecycle import Trial
from harness.stored.records import Run, ServerFacts

EVERYTHING = PresetTable(
    benchmarks=(), profiles=(), rounds=1, duration_scale=1.0, warm_up_s=0.0, proof_s=0.1
)


@dataclass(frozen=True, slots=True)
class Verified:
    """A run without windows, and what came of the faults where they were asked for."""

    run: Run
    trials: tuple[Trial, ...] = field(default=())


def verify(
    variants: Sequence[Variant],
    benchmarks: Sequence[Benchmark],
    launchers: Mapping[str, Launcher],
    device: str,
    note: Callable[[str], object],
    *,
    faults: bool = False,
    share: float = 1.0,
    on_phase: Callable[[Cell, str], None] = lambda *_: None,
) -> Iterator[Verified]:
    """One run without windows for each pair, in which a share of the payloads is asked, drawn by a
    seed; nothing is stored. It waits while another campaign measures.

    Faults are inflicted on the first benchmark alone: they are the framework's to deal with.
    """
    known = catalog.variants()
    preset = EVERYTHING.model_copy(update={"verify_share": share})
    named = {variant.name: variant for variant in variants}
    with session.begin(launchers, device, on_wait=note) as tools:
        for benchmark in benchmarks:
            note(f"{benchmark.name}: asking the reference")
            found = campaign.prepared_or_error(benchmark, known, tools, preset)
            made = plan.make(variants, [benchmark], 1, device)
            for what, why in made.left_out:
                note(f"left out: {what}: {why}")
            for cell in made.cells:
                variant = named[cell.variant_name]
                facts = server_facts(variant, benchmark, device)
                rough = faults and benchmark is benchmarks[0] and not facts.reference
                shown = partial(on_phase, cell)
                yield _verified(cell, variant, facts, found, tools, shown, rough=rough)


def _verified(
    cell: Cell,
    variant: Variant,
    facts: ServerFacts,
    found: Prepared | HarnessError,
    tools: Tools,
    on_phase: Callable[[str], None],
    *,
    rough: bool,
) -> Verified:
    made: list[Stages] = []
    with tools.folder() as scratch:

        def provision() -> Stages:
            kind = FaultStages if rough else PatientStages
            stages = campaign.provision(variant, found, tools, cell.round, scratch, kind)
            made.append(stages)
            return stages

        run = execute("verify", cell, facts, (), provision, on_phase)
    trials = [stages.trials for stages in made if isinstance(stages, FaultStages)]
    return Verified(run, trials[0] if trials else ())
