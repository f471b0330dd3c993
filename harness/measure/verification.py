"""`verify`: start every variant, compare all its answers with the reference's, stop it."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from harness import catalog, plan
from harness.catalog import Benchmark, Variant, pick
from harness.errors import HarnessError
from harness.measure import campaign, session
from harness.measure.launchers import Launcher
from harness.measure.reference import Prepared, Tools
from harness.measure.runner import execute
from harness.records import Cell, Run, ServerFacts


def verify(
    variants: Sequence[Variant],
    benchmarks: Sequence[Benchmark],
    launcher: Launcher,
    launcher_name: str,
    device: str,
    note: Callable[[str], object],
) -> Iterator[Run]:
    """One run without windows for each pair; nothing is stored."""
    known = catalog.variants()
    with session.begin(launcher, device) as tools:
        for benchmark in benchmarks:
            found = campaign.prepared_or_error(benchmark, known, tools, 0.0)
            made = plan.make(variants, [benchmark], 1, device)
            for what, why in made.left_out:
                note(f"left out: {what}: {why}")
            for cell in made.cells:
                variant = pick("variant", cell.variant, known)
                facts = campaign.server_facts(variant, benchmark, launcher_name, device)
                yield _verified(cell, variant, facts, found, tools)


def _verified(
    cell: Cell,
    variant: Variant,
    facts: ServerFacts,
    found: Prepared | HarnessError,
    tools: Tools,
) -> Run:
    with tempfile.TemporaryDirectory(prefix="cell-", dir=tools.scratch) as scratch:
        provision = partial(campaign.provision, variant, found, tools, cell.round, Path(scratch))
        return execute("verify", cell, facts, (), provision)
