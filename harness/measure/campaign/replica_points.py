"""A variant with several numbers of pods: each is a point of the campaign, with a start of its
own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from harness.measure.campaign.pod_sizes import PodSize
from harness.measure.campaign.sweep import SweepPoint, closed
from harness.setup.catalog import Benchmark, Variant
from harness.setup.changes import REPLICAS
from harness.stored.identity import VARIANT, Point, benchmark_name

_CALLERS_PER_POD = 8  # of the closed loop; the same for all points


def points(
    variant: Variant,
    benchmark: Benchmark,
    counts: Sequence[int],
    duration_s: float,
    size: PodSize | None,
) -> list[SweepPoint]:
    """A variant at each number of pods of that size; None: as large as a server is."""
    window = closed(benchmark, duration_s)
    callers = max(window.concurrency or 0, _CALLERS_PER_POD * max(counts))
    window = window.model_copy(update={"concurrency": callers})
    table = benchmark.table.model_copy(update={"profile": (window,)})
    sized = {} if size is None else {"cpus": size.cpus, "memory_mib": size.memory_mib}
    found = []
    for count in counts:
        at = Point(REPLICAS, count, VARIANT)
        own = variant.table.model_copy(update={**sized, "replicas": count})
        bench = replace(benchmark, table=table, name=benchmark_name(benchmark.folder.name, at))
        found.append(SweepPoint(count, replace(variant, table=own, point=at), bench))
    return found
