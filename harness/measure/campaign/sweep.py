"""A variant along one axis: each point is a copy of it, or of the benchmark, with its own name.

So a sweep is a campaign like others: a fresh start for each point, the same checks, stored runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.base.errors import UsageError
from harness.setup.answering import REFUSED
from harness.setup.catalog import Benchmark, Variant
from harness.setup.functions import LEAST_MIB, MOST_MIB, FunctionTable
from harness.setup.tables import ProfileTable
from harness.stored.identity import BENCHMARK, VARIANT, Cell, Point, benchmark_name

OF_FUNCTIONS = ("memory", "gap")  # axes
IDLE_S = 2.0  # that an instance is kept along the axis `gap`: minutes are enough for it then
_ARRIVALS = 12  # along that axis at least
_CALLERS = 8  # where the benchmark has no closed loop of its own
_ALL = 100  # percent
_PER_WORKER = 2  # callers at least, so that each of them has something to do

Change = Callable[[Variant, Benchmark, int], tuple[Variant, Benchmark]]


@dataclass(frozen=True, slots=True)
class SweepPoint:
    """One value of the axis."""

    value: int
    variant: Variant
    benchmark: Benchmark

    @property
    def cell(self) -> Cell:
        """The cell of its run."""
        point = self.variant.point or self.benchmark.point
        return Cell(
            subject=self.variant.subject, benchmark=self.benchmark.folder.name, point=point, round=1
        )


AXES: dict[str, Change] = {}


def axis(change: Change) -> Change:
    """Register what a value changes, under the function's name."""
    AXES[getattr(change, "__name__", "")] = change
    return change


@axis
def concurrency(variant: Variant, benchmark: Benchmark, value: int) -> tuple[Variant, Benchmark]:
    """Callers of the closed loop."""
    window = benchmark.table.profile[0].model_copy(update={"concurrency": value})
    table = benchmark.table.model_copy(update={"profile": (window,)})
    return variant, replace(benchmark, table=table)


@axis
def payload(variant: Variant, benchmark: Benchmark, value: int) -> tuple[Variant, Benchmark]:
    """How many times itself each text is."""
    changed = replace(benchmark, length=value)
    changed.payloads()
    return variant, changed


@axis
def batch(variant: Variant, benchmark: Benchmark, value: int) -> tuple[Variant, Benchmark]:
    """Instances of a request."""
    protocol = variant.spoken()
    protocol.encode(benchmark.payloads()[:1] * value)
    return variant, replace(benchmark, together=value)


@axis
def workers(variant: Variant, benchmark: Benchmark, value: int) -> tuple[Variant, Benchmark]:
    """Processes that hold the model."""
    table = variant.table.model_copy(update={"workers": value})
    return replace(variant, table=table), benchmark


@axis
def threads(variant: Variant, benchmark: Benchmark, value: int) -> tuple[Variant, Benchmark]:
    """Threads that share a prediction."""
    if variant.table.threads is not None:
        raise UsageError("its server.toml says how many it has.")
    table = benchmark.table.model_copy(update={"threads": value})
    return variant, replace(benchmark, table=table)


@axis
def misses(variant: Variant, benchmark: Benchmark, value: int) -> tuple[Variant, Benchmark]:
    """Percent of the requests whose payload the server has never seen."""
    if variant.table.misses == REFUSED:
        raise UsageError("it refuses what is not stored.")
    if value > _ALL:
        raise UsageError(f"{value} is more than {_ALL} percent.")
    share = {"unseen_share": value / _ALL}
    profiles = tuple(profile.model_copy(update=share) for profile in benchmark.table.profile)
    table = benchmark.table.model_copy(update={"profile": profiles})
    return variant, replace(benchmark, table=table)


@axis
def memory(variant: Variant, benchmark: Benchmark, value: int) -> tuple[Variant, Benchmark]:
    """MiB of an instance of a function, which its share of a CPU follows from."""
    told = _function(variant)
    if not LEAST_MIB <= value <= MOST_MIB:
        raise UsageError(f"{value} MiB is not between {LEAST_MIB} and {MOST_MIB}.")
    changed = told.model_copy(update={"memory_mib": value})
    return _as_function(variant, changed), benchmark


@axis
def gap(variant: Variant, benchmark: Benchmark, value: int) -> tuple[Variant, Benchmark]:
    """Milliseconds from one request to a function to the next."""
    _function(variant)
    gap_s = value / 1000
    window = ProfileTable(
        name="steady",
        shape="constant",
        duration_s=max(benchmark.table.profile[0].duration_s, _ARRIVALS * gap_s),
        rate_per_s=1 / gap_s,
    )
    table = benchmark.table.model_copy(update={"profile": (window,)})
    return variant, replace(benchmark, table=table)


def _function(variant: Variant) -> FunctionTable:
    if variant.table.function is None:
        raise UsageError("it is no function.")
    return variant.table.function


def _as_function(variant: Variant, told: FunctionTable) -> Variant:
    return replace(variant, table=variant.table.model_copy(update={"function": told}))


def points(
    name: str, variant: Variant, benchmark: Benchmark, values: tuple[int, ...], duration_s: float
) -> list[SweepPoint]:
    """A variant at each value. Raises UsageError where it can't be varied along that axis."""
    window = closed(benchmark, duration_s)
    if name == "workers":  # the same load for few of them and for many
        callers = max(window.concurrency or _CALLERS, _PER_WORKER * max(values))
        window = window.model_copy(update={"concurrency": callers})
    if name == "memory":  # the duration of a request alone is billed
        window = window.model_copy(update={"concurrency": 1})
    if name == "gap" and variant.table.function is not None:
        variant = _as_function(
            variant, variant.table.function.model_copy(update={"idle_s": IDLE_S})
        )
    alone = benchmark.table.model_copy(update={"profile": (window,)})
    base, found = replace(benchmark, table=alone), []
    for value in values:
        try:
            changed, bench = AXES[name](variant, base, value)
        except UsageError as error:
            raise UsageError(
                f"{variant.name} on {benchmark.name} has no axis {name!r}: {error}"
            ) from error
        varies = BENCHMARK if changed is variant else VARIANT
        at = Point(name, value, varies)
        if varies == VARIANT:
            changed = replace(changed, point=at)
        else:
            bench = replace(bench, point=at)
        found.append(
            SweepPoint(value, changed, replace(bench, name=benchmark_name(bench.folder.name, at)))
        )
    return found


def closed(benchmark: Benchmark, duration_s: float) -> ProfileTable:
    """A closed loop with as many callers as the benchmark's own has."""
    own = (p for p in benchmark.table.profile if p.shape == "closed")
    callers = next((p.concurrency for p in own if p.concurrency), _CALLERS)
    return ProfileTable(
        name="saturated", shape="closed", duration_s=duration_s, concurrency=callers
    )
