"""The cells of a campaign, their order, and their absolute rates."""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from harness.setup import components, launching
from harness.setup.catalog import Benchmark, Variant
from harness.setup.launching import PROCESS
from harness.setup.tables import BenchmarkTable, PresetTable
from harness.stored.identity import Cell, Subject, subject_name
from harness.windows.profiles import USERS, Profile

_LEAST_VERIFIED = 32


@dataclass(frozen=True, slots=True)
class Plan:
    """The cells to run, in order, and the pairs that can't be run, with the reason."""

    cells: tuple[Cell, ...]
    left_out: tuple[tuple[str, str], ...]


def make(
    variants: Sequence[Variant], benchmarks: Sequence[Benchmark], rounds: int, device: str
) -> Plan:
    """Every variant on every benchmark, round after round.

    Every other round runs backwards, so that a drift of the machine hits all variants alike.
    """
    pairs, left_out = [], []
    for benchmark in benchmarks:
        for variant in variants:
            reason = why_not(variant, benchmark, device)
            if reason is None:
                pairs.append(
                    (variant.subject, benchmark.folder.name, variant.point or benchmark.point)
                )
            else:
                left_out.append((f"{variant.name} on {benchmark.name}", reason))
    cells = [
        Cell(subject=subject, benchmark=benchmark, point=point, round=number)
        for number in range(1, rounds + 1)
        for subject, benchmark, point in (pairs if number % 2 else reversed(pairs))
    ]
    return Plan(tuple(cells), tuple(left_out))


def fit(
    cells: Sequence[Cell],
    cost_s: Callable[[Cell], float],
    budget_s: float,
    first: Container[Subject | None],
) -> tuple[tuple[Cell, ...], tuple[Cell, ...]]:
    """(cells that a budget has room for, in order, and those that it has not).

    The shortest plan that is of use comes first: one round, the subjects in `first` before
    all others, then whatever takes least. A later round is taken whole or not at all: else the
    quick ones alone would have two.
    """
    kept: set[Cell] = set()
    left_s = budget_s
    for number in sorted({cell.round for cell in cells}):
        ours = [cell for cell in cells if cell.round == number]
        if kept and sum(map(cost_s, ours)) > left_s:
            break
        for cell in sorted(ours, key=lambda cell: (cell.subject not in first, cost_s(cell))):
            if cost_s(cell) <= left_s:
                kept.add(cell)
                left_s -= cost_s(cell)
        if not kept.issuperset(ours):
            break
    chosen = tuple(cell for cell in cells if cell in kept)
    return chosen, tuple(cell for cell in cells if cell not in kept)


def named(left: Sequence[Cell], cells: Sequence[Cell]) -> list[str]:
    """Cells that are left out, a whole round as one."""
    found = []
    for number in sorted({cell.round for cell in left}):
        ours = [cell for cell in left if cell.round == number]
        whole = len(ours) == sum(cell.round == number for cell in cells)
        found += [f"round {number}"] if whole else [str(cell) for cell in ours]
    return found


def why_not(variant: Variant, benchmark: Benchmark, device: str) -> str | None:
    """Why a variant can't serve a benchmark on a device, or None."""
    if variant.server.table.only_docker and launching.of(variant.launcher).installs:
        why = variant.server.table.only_docker
        there = subject_name(Subject(variant.table.name, launching.for_images()))
        return f"it runs as a container only, as {there}: {why}"
    if missing := missing_component(variant):
        return missing
    if reason := _why_not_by_its_launcher(variant):
        return reason
    if variant.table.client and variant.launcher != PROCESS:
        return "its process is the client, which fires the schedule on this machine itself"
    if device not in variant.table.devices and not variant.table.is_floor:
        return f"{variant.name} does not run on a {device.upper()}"
    if benchmark.folder.name in variant.table.without:
        return variant.table.without[benchmark.folder.name]
    asked = variant.endpoint is None and not variant.table.reference
    if asked and not benchmark.predictor(variant.table.backend).exists():
        return f"there is no predictor for {variant.table.backend}"
    return None


def _why_not_by_its_launcher(variant: Variant) -> str | None:
    table = variant.table
    if table.launchers and variant.launcher not in table.launchers:
        others = ", ".join(
            subject_name(replace(variant, launcher=name).subject) for name in table.launchers
        )
        return f"{' or '.join(table.launchers)} alone can start it, as {others}"
    if launching.of(variant.launcher).handlers and not (table.function and table.function.handler):
        return f"{variant.launcher} calls handlers, and it names none (`function` in server.toml)"
    return None


def missing_component(variant: Variant) -> str | None:
    """Why a program that the variant starts beside itself can't be used here, or None."""
    if not launching.of(variant.launcher).installs:
        return None
    return next(filter(None, map(components.why_not, variant.table.components)), None)


def absolute(
    benchmark: Benchmark, preset: PresetTable, capacity_per_s: float
) -> tuple[Profile, ...]:
    """The benchmark's profiles that the preset takes, with rates for this host.

    The rates are the same for every variant: shares are of the predictor's capacity in process.
    """
    profiles = []
    for table in benchmark.table.profile:
        if table.name not in taken(benchmark.table, preset):
            continue
        rate, rate_to = table.rates(capacity_per_s)
        profiles.append(
            Profile(
                table.name,
                table.shape,
                table.duration_s * preset.duration_scale,
                rate_per_s=rate,
                rate_to_per_s=rate_to,
                concurrency=table.concurrency,
                think_s=table.think_s,
                popularity=table.popularity,
                exponent=table.exponent,
                unseen_share=table.unseen_share,
            )
        )
    return tuple(profiles)


def of_tracks(benchmark: Benchmark, variants: Sequence[Variant]) -> Benchmark:
    """A benchmark without the profiles that are for tracks of which there is no variant."""
    present = {variant.table.track for variant in variants}
    every = benchmark.table.profile
    kept = tuple(p for p in every if not p.tracks or present.intersection(p.tracks))
    if kept == every:
        return benchmark
    return replace(benchmark, table=benchmark.table.model_copy(update={"profile": kept}))


def taken(table: BenchmarkTable, preset: PresetTable) -> list[str]:
    """Names of the benchmark's profiles that the preset takes."""
    names = [profile.name for profile in table.profile]
    return [name for name in names if not preset.profiles or name in preset.profiles]


def unserved(variant: Variant, shape: str, rpc_users: bool) -> str | None:
    """Why a variant can't have a profile of that shape, or None; `rpc_users` says whether the
    driver's users who think speak gRPC."""
    if shape != USERS or rpc_users or not variant.spoken().rpc:
        return None
    return "the driver's users speak only HTTP, and it speaks gRPC"


def gaps(
    made: Plan,
    variants: Sequence[Variant],
    benchmarks: Sequence[Benchmark],
    preset: PresetTable,
    rpc_users: bool,
) -> Iterator[tuple[str, str]]:
    """Profiles that a pair of the plan goes without, and why."""
    by_name = {variant.name: variant for variant in variants}
    tables = {benchmark.name: benchmark.table for benchmark in benchmarks}
    pairs = dict.fromkeys((c.variant_name, c.benchmark_name) for c in made.cells)
    for variant, benchmark in pairs:
        for profile in tables[benchmark].profile:
            reason = unserved(by_name[variant], profile.shape, rpc_users)
            if reason is not None and profile.name in taken(tables[benchmark], preset):
                yield f"{profile.name} of {variant} on {benchmark}", reason


def served(variant: Variant, profiles: Sequence[Profile], rpc_users: bool) -> tuple[Profile, ...]:
    """The profiles that a variant can have."""
    return tuple(p for p in profiles if unserved(variant, p.shape, rpc_users) is None)


def to_verify(payloads: int, round_number: int, share: float = 1.0) -> NDArray[np.int64]:
    """The payloads that are checked before timing: a seeded share in the first round, then an
    eighth.

    Later rounds start the same environment and artefact again, by content; a sample shows whether
    they came up well, and leaves the time to the measurement.
    """
    if round_number == 1 and share == 1.0:
        return np.arange(payloads, dtype=np.int64)
    wanted = payloads // 8 if round_number > 1 else math.ceil(share * payloads)
    count = min(payloads, max(_LEAST_VERIFIED, wanted))
    chosen = np.random.default_rng(round_number).choice(payloads, count, replace=False)
    return np.sort(chosen).astype(np.int64)
