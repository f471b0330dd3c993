"""A variant along one axis: each point is a copy of it, or of the benchmark, with its own name.

So a sweep is a campaign like others: a fresh start for each point, the same checks, stored runs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.base.errors import UsageError
from harness.setup.answering import REFUSED
from harness.setup.catalog import Benchmark, Variant
from harness.setup.tables import ProfileTable
from harness.stored.identity import BENCHMARK, VARIANT, Cell, Point, benchmark_name

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


def points(
    name: str, variant: Variant, benchmark: Benchmark, values: tuple[int, ...], duration_s: float
) -> list[SweepPoint]:
    """A variant at each value. Raises UsageError where it can't be varied along that axis."""
    window = closed(benchmark, duration_s)
    if name == "workers":  # the same load for few of them and for many
        callers = max(window.concurrency or _CALLERS, _PER_WORKER * max(values))
        window = window.model_copy(update={"concurrency": callers})
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
