"""How cost grows along an axis: what each point measured, and the exponent of a power law."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analyse.field import function_points
from harness.analyse.field.function_points import GAP, MEMORY
from harness.analyse.run import findings, metrics, used
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Verdict
from harness.analyse.statistics import stats
from harness.stored.records import Run, RunFacts, Window

COSTS = ("throughput_per_s", "p50_ms", "p99_ms", "cpu_per_1000_s")
_LEAST_CPU_S = 0.2  # of a process it is counted in ticks of 10 ms: below, they show
_FIT = 3  # points: two always lie on a line, and say nothing of how well they do


@dataclass(frozen=True, slots=True, kw_only=True)
class PointCost:
    """The cost at one value of the axis; numbers are None if the run failed or had too few
    answers."""

    value: int
    numbers: dict[str, float | None]
    taken: int | None  # the value that the server took, as its model saw it; None: not seen
    invalid: str  # why its numbers must not be quoted, or that it failed; else empty


@dataclass(frozen=True, slots=True)
class Growth:
    """cost ~ value ** exponent."""

    exponent: float
    error: float  # standard error of the exponent, of the points' distance from the line
    points: int


def point(context: RunContext, axis: str, value: int, together: int) -> PointCost:
    """The cost that one run of a sweep measured; each request carried `together` instances."""
    run = context.run
    window, failure = _window(run, axis), run.facts.failure
    doubts = findings.of_run(context)
    invalid = [doubt.message for doubt in doubts if doubt.verdict is Verdict.INVALID]
    reason = failure.message if failure else "; ".join(invalid)
    if window is None or not window.requests.ok.any():
        return PointCost(
            value=value,
            numbers=dict.fromkeys(costs(axis)),
            taken=None,
            invalid=reason or "no answer came",
        )
    known = _numbers(run.facts, window, together)
    if axis in function_points.COSTS:
        known |= function_points.numbers(window, run.facts.server.function)
    numbers = {cost: known.get(cost) for cost in costs(axis)}
    return PointCost(value=value, numbers=numbers, taken=_taken(run, axis), invalid=reason)


def costs(axis: str) -> tuple[str, ...]:
    """The names of what is measured along an axis."""
    return function_points.COSTS.get(axis, COSTS)


def _window(run: Run, axis: str) -> Window | None:
    return metrics.steady(run) if axis == GAP else metrics.saturated(run)


def _numbers(facts: RunFacts, window: Window, together: int) -> dict[str, float | None]:
    answered = together * int(window.requests.ok.sum())
    service_ms, used_s = window.requests.services_ns() / 1e6, used.cpu_s(facts, window) or 0.0
    return {
        "throughput_per_s": together * window.requests.throughput(window.facts.elapsed_s),
        "p50_ms": stats.percentile(service_ms, 0.50),
        "p99_ms": stats.percentile(service_ms, 0.99),
        "cpu_per_1000_s": 1000 * used_s / answered if used_s >= _LEAST_CPU_S else None,
    }


def _taken(run: Run, axis: str) -> int | None:
    """The value of the axis that the model saw; only workers and threads are visible to it."""
    window = metrics.saturated(run)
    if axis == "workers" and window is not None and len(window.calls.process):
        return len(np.unique(window.calls.process))
    if axis == "threads" and run.facts.model_threads:
        return max(run.facts.model_threads)
    return None


def growth(points: Sequence[PointCost], cost: str) -> Growth | None:
    """The slope of log cost over log value, by least squares; None where too few points count."""
    pairs = [
        (math.log(p.value), math.log(number))
        for p in points
        if not p.invalid and (number := p.numbers[cost]) is not None and number > 0
    ]
    if len({at for at, _ in pairs}) < _FIT:
        return None
    at, height = np.array(pairs).T
    centred = at - at.mean()
    spread = float(centred @ centred)
    exponent = float(centred @ height) / spread
    rest = height - height.mean() - exponent * centred
    error = math.sqrt(float(rest @ rest) / (len(pairs) - 2) / spread)
    return Growth(exponent, error, len(pairs))


def note(points: Sequence[PointCost], axis: str) -> str:
    """A remark on these points for the reader; empty if there is none."""
    ignored = [p for p in points if p.taken is not None and p.taken != p.value]
    if ignored:
        asked = ", ".join(f"{p.value} (it took {p.taken})" for p in ignored)
        return f"it does not take the axis {axis}: asked for {asked}; any difference is chance"
    if axis == MEMORY:
        return function_points.unfit(points)
    sound = [p for p in points if not p.invalid]
    if len(sound) < len(points):
        bad = ", ".join(str(p.value) for p in points if p.invalid)
        return f"the points {bad} do not count: {next(p.invalid for p in points if p.invalid)}"
    if len(sound) < _FIT and axis != GAP:
        return f"{len(sound)} points cannot show how cost grows: {_FIT} are needed"
    return ""


def by_cost(points: Sequence[PointCost], axis: str) -> dict[str, Growth | None]:
    """How each cost grows; nothing is said of an axis that the variant does not take, nor of one
    that no power law fits."""
    ignored = any(point.taken is not None and point.taken != point.value for point in points)
    if ignored or axis == GAP:
        return dict.fromkeys(costs(axis))
    return {cost: growth(points, cost) for cost in costs(axis)}


def summary(points: Sequence[PointCost], axis: str) -> dict[str, Any]:
    """One variant of `sweep --json`."""
    return {
        "points": [
            {"value": p.value, **p.numbers, "taken": p.taken, "invalid": p.invalid or None}
            for p in points
        ],
        "growth": {
            cost: found
            and {"exponent": found.exponent, "error": found.error, "points": found.points}
            for cost, found in by_cost(points, axis).items()
        },
        "note": note(points, axis) or None,
    }
