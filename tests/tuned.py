"""Tunes of servers that do not exist, and whose capacity is a known function of their knobs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from harness.analyse.run import digest
from harness.analyse.run.digested import Digested
from harness.measure.tune import halving
from harness.search.candidates import Lowest, Outcome, cell_of
from harness.setup.knobs import Setting, Space
from harness.stored.records import TUNE, Failure
from harness.stored.tunings import Tuning, TuningStep
from tests import fakes

MIB = 1 << 20
SLO = "p95<50ms, errors<0.1%"
SPACE: Space = {"workers": (1, 2, 3, 5), "batch": (1, 2, 4, 8, 16, 32)}
TODAY: Setting = {"workers": 1, "batch": 2}
BEST: Setting = {"workers": 2, "batch": 8}
VARIANT = "some"

Law = Callable[[Setting], Outcome]


def outcome(capacity: float | None, memory_mib: int = 50, **more: object) -> Outcome:
    """A run that held that capacity; None: it met the SLO at no rate."""
    found = Outcome(
        capacity=capacity,
        low=capacity and 0.9 * capacity,
        high=1.1 * capacity if capacity else 20.0,
        memory_bytes=memory_mib * MIB,
        lowest=Lowest(20.0, 0.01 if capacity else 0.9, 10.0 if capacity else 80.0),
        ready_s=1.0,
        wall_s=18.0,
        overhead_s=10.0,
    )
    return replace(found, **more)  # type: ignore[arg-type]


def law(setting: Setting) -> Outcome:
    """Best with two workers and batches of eight; each worker holds 40 MiB; five are refused, and
    batches of 32 take too long."""
    workers, batch = int(setting["workers"]), int(setting["batch"])
    if workers == 5:
        return outcome(None, high=None, failed="launch: It ended with exit code 4.", lowest=None)
    memory_mib = 20 + 40 * workers
    if batch == 32:
        return outcome(None, memory_mib)
    shares = {1: 0.3, 2: 0.5, 4: 0.75, 8: 1.0, 16: 0.7}
    return outcome({1: 350, 2: 700, 3: 450}[workers] * shares[batch], memory_mib)


@dataclass(frozen=True)
class Noise:
    """What a machine adds: each start is off by as much, by a normal law of the logarithm."""

    deviation: float
    seed: int

    def of(self, found: Outcome, number: int) -> Outcome:
        if found.capacity is None or found.low is None or found.high is None:
            return found
        factor = math.exp(self.deviation * Random(f"{self.seed} {number}").gauss(0, 1))
        return replace(
            found,
            capacity=found.capacity * factor,
            low=found.low * factor,
            high=found.high * factor,
        )


def plan(memory_mib: int | None = None, budget_s: float = 600.0, space: Space = SPACE) -> Tuning:
    """What is asked for."""
    limit = None if memory_mib is None else memory_mib * MIB
    return Tuning(
        benchmark="bench",
        slo=SLO,
        memory_bytes=limit,
        budget_s=budget_s,
        search_s=8.0,
        knobs={VARIANT: dict(space)},
    )


def runs_of(
    tuning: Tuning,
    today: Setting = TODAY,
    law: Law = law,
    noise: Noise | None = None,
    already: Sequence[tuple[TuningStep, Outcome]] = (),
    most: int = 1000,
) -> list[tuple[TuningStep, Outcome]]:
    """All runs of a tune, or so many, those that were stored already first."""
    runs = list(already)
    while len(runs) < most:
        left_s = tuning.budget_s - sum(found.wall_s for _, found in runs)
        one = halving.cost(tuning.search_s, runs)
        step = halving.following(tuning, VARIANT, today, runs, left_s, one)
        if step is None:
            break
        found = law(step.setting)
        search_s = step.search_s if not found.failed else 0.0
        found = replace(found, wall_s=found.overhead_s + search_s)
        runs.append((step, noise.of(found, len(runs)) if noise else found))
    return runs


def digested(tuning: Tuning, runs: Sequence[tuple[TuningStep, Outcome]]) -> Digested:
    """A stored tune of those runs, whose first windows are those of a fake server."""
    names = {cell_of(tuning, step).variant_name for step, _ in runs}
    base = fakes.campaign([fakes.Fake(name) for name in names], 1, [tuning.benchmark], "a-tune")
    tuning = replace(tuning, steps=tuple(step for step, _ in runs))
    cells = tuple(cell_of(tuning, step) for step in tuning.steps)
    campaign = replace(base, preset=TUNE, kind=TUNE, tuning=tuning, cells=cells)
    made = []
    for cell, (_, found) in zip(cells, runs, strict=True):
        failure = Failure("launch", found.failed) if found.failed else None
        fake = fakes.Fake(cell.variant_name, track="tuned", failure=failure)
        run = fakes.run(fake, cell.round, cell.benchmark, campaign.id)
        made.append(replace(digest.of_run(run, campaign, None), tried=found))
    return Digested(folder=Path("a-tune"), campaign=campaign, digests=tuple(made), damaged=())
