"""The time that cells need beside their windows, remembered from campaign to campaign."""

from __future__ import annotations

import json
from contextlib import suppress
from functools import cache
from pathlib import Path

from pydantic import NonNegativeFloat, TypeAdapter, ValidationError

from harness.base import caches, paths, reading, whole
from harness.base.errors import HarnessError, ResultError, StoreError
from harness.measure.campaign import wanted
from harness.setup import catalog, launching
from harness.setup.changes import REPLICAS
from harness.stored.functions import STARTS
from harness.stored.identity import Cell
from harness.stored.pods import UNDER_CHANGE
from harness.stored.records import BenchmarkFacts, Run
from harness.stored.starts import TEMPERATURES
from harness.windows.kinds import WindowKind

UNKNOWN_S = 15.0  # until a variant has been run once on this machine
UNKNOWN_START_S = 8.0  # likewise: one cold start of a function at each temperature
_KIND = "costs"  # of the cache


class Costs:
    """Seconds that each variant takes beside its windows, on each benchmark."""

    def __init__(self) -> None:
        self._known: dict[str, float] = {}
        with suppress(ResultError, ValidationError):
            found = TypeAdapter(dict[str, NonNegativeFloat]).validate_python(
                reading.parsed(_file())
            )
            self._known = found

    def of(self, cell: Cell, benchmark: BenchmarkFacts | None) -> float:
        """Seconds that a cell will take, its windows and its search included."""
        load_s = 0.0
        if benchmark is not None:
            load_s = sum(profile.duration_s for profile in benchmark.profiles)
            load_s += benchmark.capacity_s
        known_s = self._known.get(_key(cell))
        if known_s is None:
            known_s = UNKNOWN_S + _replacement_s(cell, benchmark)
        changes_s = _changes_s(cell, benchmark)
        return load_s + known_s + self._starts_s(cell, benchmark) + changes_s

    def _starts_s(self, cell: Cell, benchmark: BenchmarkFacts | None) -> float:
        """Of a function: for its cold starts, and its burst."""
        if benchmark is None or not (benchmark.cold_starts or benchmark.burst_s):
            return 0.0
        each = self._known.get(_start(cell), UNKNOWN_START_S)
        is_function = _start(cell) in self._known or cell.subject.variant in _functions()
        return benchmark.cold_starts * each + benchmark.burst_s if is_function else 0.0

    def known(self, cell: Cell) -> float | None:
        """Seconds beside its windows and its search; None until it has been run here."""
        return self._known.get(_key(cell))

    def learn(self, run: Run) -> None:
        """From a run that did not fail. What can't be kept is not worth failing for."""
        if run.facts.failure is not None:
            return
        # An environment is made once, and a window takes as long as it is planned to.
        apart = ("provision", "load", "capacity", STARTS, UNDER_CHANGE)
        phases = {k: v for k, v in run.facts.phases_s.items() if k not in apart}
        self._known[_key(run.cell)] = round(sum(phases.values()), 3)
        if (each := _seconds_of_a_start(run)) is not None:
            self._known[_start(run.cell)] = round(each, 3)
        with suppress(OSError, StoreError):
            caches.folder(_KIND)
            whole.write(_file(), json.dumps(self._known).encode())


def _changes_s(cell: Cell, benchmark: BenchmarkFacts | None) -> float:
    """Of a Deployment with one pod: for what is done to it."""
    many = cell.point is not None and cell.point.axis == REPLICAS and cell.point.value > 1
    if benchmark is None or many or not launching.of(cell.subject.launcher or "").replicates:
        return 0.0
    return benchmark.changes_s


def _replacement_s(cell: Cell, benchmark: BenchmarkFacts | None) -> float:
    """How long another version of the model is waited for: its batch job predicts all known inputs
    about as fast as one caller in process does."""
    if benchmark is None or cell.subject.variant not in benchmark.replaced:
        return 0.0
    return wanted.replacement_s(benchmark.payloads / max(benchmark.capacity_per_s, 1e-9))


def _key(cell: Cell) -> str:
    return f"{cell.variant_name} on {cell.benchmark_name}"


def _start(cell: Cell) -> str:
    return f"{_key(cell)}, a cold start"


def _seconds_of_a_start(run: Run) -> float | None:
    """At all temperatures together; None where there was none."""
    life, spent_s = run.facts.lifecycle, run.facts.phases_s.get(STARTS)
    if life is None or life.starts is None or spent_s is None:
        return None
    count = max(len(life.starts.of(each)) for each in TEMPERATURES)
    burst_s = sum(window.elapsed_s for window in run.facts.of(WindowKind.BURST))
    return max(spent_s - burst_s, 0.0) / max(count, 1)


@cache
def _functions() -> frozenset[str]:
    """The variants whose service starts instances as requests come."""
    with suppress(HarnessError):  # said where variants are chosen
        return frozenset(name for name, v in catalog.variants().items() if v.table.function)
    return frozenset()


def _file() -> Path:
    return paths.cache_dir() / _KIND / "costs.json"
