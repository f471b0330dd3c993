"""The cascade at each threshold: the share answered locally, accuracy, times and CPU time.

    python scripts/bench_cascade.py [--benchmark sentiment] [--rate 30] [--duration 20]
                                    [--thresholds 0,0.6,0.7,0.8,0.9,1] [--target 0.88] [--json]

Each threshold is a fresh start under the same Poisson arrivals of all payloads. Accuracies are of
the held-out payloads; their intervals are Clopper's and Pearson's. The client
shares the server's CPUs, and its own time, with that of firing the schedule, is told apart.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from harness.analyse.statistics import stats, thresholds
from harness.analyse.statistics.thresholds import BothAnswered
from harness.base.errors import HarnessError, UsageError
from harness.measure.campaign import reference, session
from harness.measure.campaign.bench import Bench
from harness.measure.campaign.tools import Tools
from harness.measure.cell.faults import PatientStages
from harness.measure.talk import approximate
from harness.measure.talk.local import is_local
from harness.setup import catalog
from harness.setup.catalog import Variant
from harness.setup.tables import PresetTable
from harness.stored.accuracy import interval
from harness.stored.records import Window
from harness.windows.profiles import Profile

VARIABLE = "CASCADE_THRESHOLD"
PRESET = PresetTable(
    benchmarks=(), profiles=(), rounds=1, duration_scale=1.0, warm_up_s=3.0, proof_s=0.5
)


@dataclass(frozen=True, kw_only=True)
class Point:
    """A threshold, and what was measured at it."""

    threshold: float
    requests: int
    failed: int
    local_share: float  # of the requests of the window
    asked: int  # held-out payloads
    right: int
    p50_ms: float | None
    p99_ms: float | None
    server_cpu_s: float  # of 1000 requests
    client_cpu_s: float


def parsed(text: str) -> tuple[float, ...]:
    """Thresholds as they are given, ascending, with both ends. Raises UsageError."""
    found = {0.0, 1.0}
    for part in text.split(","):
        try:
            value = float(part)
        except ValueError:
            value = -1.0
        if not 0 <= value <= 1:
            raise UsageError(
                f"--thresholds: {part.strip()!r} is no threshold: give numbers from 0 (the small "
                "model answers all) to 1 (the server answers all), such as 0,0.8,1."
            )
        found.add(value)
    return tuple(sorted(found))


def at(variant: Variant, threshold: float) -> Variant:
    """The variant with that threshold."""
    environment = {**variant.table.environment, VARIABLE: f"{threshold:g}"}
    table = variant.table.model_copy(update={"environment": environment})
    return replace(variant, table=table)


def measured(
    variant: Variant, threshold: float, bench: Bench, tools: Tools, profile: Profile
) -> tuple[Point, list[bytes]]:
    """One fresh start: (what it came to, its answer to each payload)."""
    with tools.folder() as scratch:
        stages = reference.stages_of(
            at(variant, threshold), bench, tools, 1, scratch, PatientStages
        )
        launched = stages.launch()
        try:
            stages.ready(launched)
            answers = stages.collect(launched)
            stages.warm_up(launched, profile)
            window = stages.load(launched, profile)
        finally:
            stages.stop(launched)
    if len(answers) != len(bench.payloads):
        raise HarnessError(f"Only {len(answers)} of {len(bench.payloads)} payloads were answered.")
    protocol, labels = variant.spoken(), bench.benchmark.labels()
    rows = sorted(approximate.held_out(bench.artefact))
    right = sum(protocol.decode(answers[row])[0]["label"] == labels[row] for row in rows)
    return point_of(window, threshold, len(rows), right), answers


def point_of(window: Window, threshold: float, asked: int, right: int) -> Point:
    """A window in figures."""
    requests, cpu_ns = window.requests, window.usage.cpu_ns
    count = len(requests)
    client_s = window.facts.generator_cpu_s
    all_s = float(cpu_ns[-1] - cpu_ns[0]) / 1e9
    waits_ms = requests.waits_ns() / 1e6
    return Point(
        threshold=threshold,
        requests=count,
        failed=int((~requests.ok).sum()),
        local_share=float((window.marks.each("local", count) == 1).mean()),
        asked=asked,
        right=right,
        p50_ms=stats.percentile(waits_ms, 0.5),
        p99_ms=stats.percentile(waits_ms, 0.99),
        server_cpu_s=1000 * max(all_s - client_s, 0.0) / count,
        client_cpu_s=1000 * client_s / count,
    )


def both(alone: Sequence[bytes], server: Sequence[bytes], bench: Bench) -> BothAnswered:
    """The answers of both models to the held-out payloads."""
    labels = bench.benchmark.labels()
    rows = sorted(approximate.held_out(bench.artefact))
    ours, theirs = (
        [json.loads(answers[row])["predictions"][0] for row in rows] for answers in (alone, server)
    )
    taken = [is_local(alone[row]) for row in rows]
    return BothAnswered(
        score=np.array([one["score"] if t else -1.0 for one, t in zip(ours, taken, strict=True)]),
        small=np.array([one["label"] == labels[row] for one, row in zip(ours, rows, strict=True)]),
        server=np.array(
            [one["label"] == labels[row] for one, row in zip(theirs, rows, strict=True)]
        ),
    )


def lines(
    points: Sequence[Point], answered: BothAnswered, targets: Sequence[float]
) -> Iterator[str]:
    """The table, and the best threshold for each target."""
    yield "| threshold | local | accuracy | p50 ms | p99 ms | server CPU s per 1000 | client |"
    yield "|---|---|---|---|---|---|---|"
    for p in points:
        p50, p99 = ("-" if v is None else f"{v:.2f}" for v in (p.p50_ms, p.p99_ms))
        failed = f" ({p.failed} failed)" if p.failed else ""
        yield (
            f"| {p.threshold:g} | {p.local_share:.0%}{failed} | {shown(p.right, p.asked)} | {p50} "
            f"| {p99} | {p.server_cpu_s:.2f} | {p.client_cpu_s:.2f} |"
        )
    for target in targets:
        found = thresholds.best(answered, target)
        if found is None:
            alone = shown(answered.right(1.0), len(answered))
            yield f"accuracy {target:.0%}: no threshold: the server alone reaches {alone}"
            continue
        yield (
            f"accuracy {target:.0%}: threshold {found.threshold:.3f} ({found.low:.3f}–"
            f"{found.high:.3f}), {found.local} of {len(answered)} local, accuracy "
            f"{shown(found.right, len(answered))}"
        )


def shown(right: int, asked: int) -> str:
    low, high = interval(right, asked)
    return f"{right / asked:.1%} ({100 * low:.1f}–{100 * high:.1f})"


def swept(options: argparse.Namespace) -> tuple[list[Point], BothAnswered]:
    """Measure every threshold. Raises HarnessError."""
    values = parsed(options.thresholds)
    known, benchmark = catalog.variants(), catalog.benchmark(options.benchmark)
    profile = Profile("steady", "poisson", options.duration, rate_per_s=options.rate)
    points, answers = [], {}
    with session.begin({}, "cpu", on_wait=say) as tools:
        bench = reference.prepare(benchmark, known, tools, PRESET).bench
        if not approximate.held_out(bench.artefact):
            raise UsageError(f"{benchmark.name} has no small model: its build writes none.")
        for value in values:
            point, answers[value] = measured(known["cascade"], value, bench, tools, profile)
            say(f"{value:g}: {asdict(point)}")
            points.append(point)
    return points, both(answers[0.0], answers[1.0], bench)


def say(text: object) -> None:
    print(text, file=sys.stderr, flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--benchmark", default="sentiment")
    parser.add_argument("--thresholds", default="0,0.6,0.7,0.8,0.9,1")
    parser.add_argument("--rate", type=float, default=30.0)
    parser.add_argument("--duration", type=float, default=20.0)
    parser.add_argument("--target", type=float, action="append", default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    try:
        points, answered = swept(options)
    except HarnessError as error:
        sys.exit(f"error: {error}")
    if options.json:
        found: dict[str, Any] = {"points": [asdict(point) for point in points]}
        found["best"] = {
            f"{target:g}": best and asdict(best)
            for target in options.target
            for best in [thresholds.best(answered, target)]
        }
        print(json.dumps(found, indent=1))
        return
    for line in lines(points, answered, options.target):
        print(line)


if __name__ == "__main__":
    main()
