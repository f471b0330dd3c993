"""From the options of `scale` to a campaign, checked in full before anything starts."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from harness.base.errors import UsageError
from harness.cli import _patterns, _say, _select, _startable, _tune_order
from harness.measure.campaign import pod_sizes, replica_points
from harness.measure.campaign.campaign import CampaignOrder, new_id
from harness.measure.campaign.pod_sizes import PodSize, WantedSize
from harness.measure.cell import changes
from harness.measure.launch.kubernetes import HasRoom
from harness.measure.launch.launchers import Launcher
from harness.measure.watch import host
from harness.setup import catalog, launching, slo
from harness.setup.catalog import Benchmark, Variant
from harness.setup.changes import AUTOSCALING, CHANGES, REPLICAS, ChangeName, ChangingTable
from harness.setup.launching import KUBERNETES
from harness.setup.tables import PresetTable
from harness.stored import plan
from harness.stored.records import SCALE

_MIB = 1024**2
_MOST_PODS = 1000
_SURGE = 1  # pods beyond the wanted ones in a rolling update


def of(options: dict[str, Any]) -> CampaignOrder:
    """The campaign. Raises UsageError, NothingRan, and LaunchError where a cluster does not tell
    how much room it has."""
    if options.get("reach") == "pod":
        raise UsageError("--reach pod does not go with `scale`: pods come and go.")
    wanted = experiments(options["experiments"])
    preset = _preset(options, wanted)
    benchmark = _benchmark(options, preset)
    variants = _variants(options, benchmark)
    counts = _counts(options["counts"], wanted)
    name = options["name"] or new_id()
    folder = _select.new_campaign(name)
    if folder.exists():
        raise UsageError(f"{folder} exists already: choose another --campaign.")
    launchers = _select.launchers_of(variants, options["device"], options)
    pods = _pods(counts, preset)
    sizes = {v.name: _size(launchers[v.launcher], v, pods, options) for v in variants}
    points = [
        point
        for variant in variants
        for point in replica_points.points(
            variant, benchmark, counts, options["duration"], sizes[variant.name]
        )
    ]
    return CampaignOrder(
        id=name,
        folder=folder,
        variants=tuple(point.variant for point in points),
        benchmarks=tuple({point.benchmark.name: point.benchmark for point in points}.values()),
        preset_name=SCALE,
        preset=preset,
        rounds=options["rounds"],
        launchers=launchers,
        device=options["device"],
        argv=tuple(sys.argv[1:]),
        kind=SCALE,
    )


def experiments(names: Sequence[str]) -> tuple[str, ...]:
    """Those that are named, else all, in the order in which they are made. Raises UsageError."""
    known = {name: name for name in (REPLICAS, *CHANGES) if name in _known()}
    for name in names:
        catalog.pick("experiment", name, known)
    return tuple(name for name in known if not names or name in names)


def _known() -> tuple[str, ...]:
    return (REPLICAS, *changes.registered())


def _preset(options: Mapping[str, Any], wanted: Iterable[str]) -> PresetTable:
    first, peak = shares(options["shares"])
    made: tuple[ChangeName, ...] = tuple(name for name in CHANGES if name in wanted)
    return PresetTable(
        benchmarks=(),
        profiles=(),
        rounds=options["rounds"],
        duration_scale=1.0,
        warm_up_s=1.0,
        verify_share=0.25,
        capacity_s=_seconds(options["search"]),
        changes=made,
        changing=ChangingTable(
            rate_share=first,
            peak_share=peak,
            step_s=_seconds(options["step"]),
            most_pods=options["most_pods"],
            cpu_percent=options["cpu_percent"],
            pods=options["pods"],
            within_s=_seconds(options["within"]),
        ),
    )


def _seconds(text: str) -> float:
    """A time that was given, or that is the default. Raises UsageError."""
    found = _select.seconds(text)
    assert found is not None  # only without a text
    return found


def shares(text: str) -> tuple[float, float]:
    """The numbers in `0.5,2`. Raises UsageError."""
    match = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*,\s*(\d+(?:\.\d+)?)\s*", text)
    first, peak = (float(match[1]), float(match[2])) if match else (0.0, 0.0)
    if not 0 < first < peak:
        raise UsageError(
            f"--load: {text!r} is not a share of one pod's capacity and a higher one, such as "
            "0.5,2."
        )
    return first, peak


def _counts(text: str, wanted: Sequence[str]) -> tuple[int, ...]:
    """The numbers of pods, ascending: changes are made with one. Raises UsageError."""
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and 0 < int(part) <= _MOST_PODS for part in parts):
        raise UsageError(f"--replicas: {text!r} is not a list of numbers of pods, such as 1,2,3.")
    many = map(int, parts) if REPLICAS in wanted else ()
    one = (1,) if set(wanted) - {REPLICAS} else ()
    return tuple(sorted({*many, *one}))


def _pods(counts: Sequence[int], preset: PresetTable) -> int:
    """How many there are at once, at most."""
    told, made = preset.changing, preset.changes
    changed = told.pods + _SURGE if set(made) - {AUTOSCALING} else 0
    return max(*counts, changed, told.most_pods if AUTOSCALING in made else 0)


def _benchmark(options: Mapping[str, Any], preset: PresetTable) -> Benchmark:
    chosen = (options["benchmark"],)
    (benchmark,) = _select.benchmarks(chosen, preset, options["synthetic_weights"])
    if options["slo_text"]:
        return _select.with_slo(benchmark, str(slo.parse(options["slo_text"])))
    return benchmark


def _variants(options: dict[str, Any], benchmark: Benchmark) -> list[Variant]:
    known = catalog.variants()
    ways = options["launchers"] or (KUBERNETES,)
    found = []
    for asked in _patterns.variants(options["variants"], known):
        (variant,) = _startable.launched(asked, known, ways[:1])
        reason = plan.why_not(variant, benchmark, options["device"])
        if variant.table.is_floor:
            reason = "it is a reference point, which is not replicated"
        elif not launching.of(variant.launcher).replicates:
            reason = f"{variant.launcher} does not start several of it: give --launcher kubernetes"
        if reason is not None:
            raise UsageError(f"{variant.name} on {benchmark.name}: {reason}.")
        found.append(variant)
    return found


def _size(
    launcher: Launcher, variant: Variant, pods: int, options: Mapping[str, Any]
) -> PodSize | None:
    """What its pods have; None where it is not known how much room there is, nor is it told."""
    server_cpus, _ = host.split_cpus()
    here = 1000 * len(server_cpus)
    own = variant.table
    given = _tune_order.size(options["size_memory"], "--pod-memory")
    cpu_millis = round(1000 * options["size_cpus"]) if options["size_cpus"] else None
    memory_mib = max(1, given // _MIB) if given else None
    usual = PodSize(round(1000 * own.cpus) if own.cpus else here, own.memory_mib)
    if not isinstance(launcher, HasRoom):
        if cpu_millis is None and memory_mib is None:
            return None
        return PodSize(cpu_millis or usual.cpu_millis, memory_mib or usual.memory_mib)
    wanted = WantedSize(most=usual, cpu_millis=cpu_millis, memory_mib=memory_mib)
    size = pod_sizes.fitting(launcher.room(), pods, wanted, here)
    smaller = f", less than the usual {usual}" if size != usual else ""
    _say.line(
        f"pods: {variant.name} has {size} in each, so that {pods} fit into the cluster{smaller}",
        err=True,
    )
    return size
