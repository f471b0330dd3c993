"""A run reduced to what a report needs, so that its million requests need not stay in memory."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from harness.analyse.field import growth, together
from harness.analyse.run import (
    breakdown,
    capacity,
    changed,
    cold_starts,
    context,
    findings,
    function_time,
    held,
    invoked,
    metrics,
    own_latency,
    pod_time,
    seen,
    strain_outcomes,
)
from harness.analyse.run.breakdown import Breakdown
from harness.analyse.run.capacity import Found
from harness.analyse.run.context import RunContext
from harness.analyse.run.digested import Curve, Damaged, Digest, Digested
from harness.analyse.run.function_time import FunctionTime
from harness.analyse.statistics import resampling, stats
from harness.analyse.tune import outcome
from harness.base import reading
from harness.base.errors import HarnessError, ResultError
from harness.setup import slo
from harness.stored import store
from harness.stored.identity import NULL, PREDICTOR, Canaries, Canary, Cell
from harness.stored.records import Campaign, Run, Window
from harness.windows.samples import MISSING

_ORDER = (PREDICTOR, NULL, None)
_BINS = 40
_POINTS = 201


def of_campaign(folder: Path) -> Digested:
    """Read a stored campaign run by run. Raises ResultError where campaign.json is damaged."""
    with reading.made_sense_of(folder):
        return _of_campaign(folder)


def _of_campaign(folder: Path) -> Digested:
    campaign = store.read_campaign(folder)
    places = dict(store.stored(folder, campaign.cells))
    digests: dict[Cell, Digest] = {}
    damaged: list[Damaged] = []
    for group in _by_benchmark_and_round(places, campaign.canaries):
        points: dict[Canary, Run] = {}
        for cell in group:
            role = campaign.canaries.role(cell.subject)
            try:
                with reading.made_sense_of(places[cell]):
                    run = read_cell(places[cell], campaign, cell)
                    if role is not None:
                        points[role] = run
                    digests[cell] = of_run(run, campaign, points.get(PREDICTOR), points.get(NULL))
            except HarnessError as error:
                if role is not None:
                    points.pop(role, None)
                damaged.append(Damaged(cell, str(error)))
    known = [digests[cell] for cell in campaign.cells if cell in digests]
    return Digested(
        folder=folder,
        campaign=campaign,
        digests=together.pooled(known, campaign),
        damaged=tuple(damaged),
        missing=tuple(cell for cell in campaign.cells if cell not in places),
    )


def read_cell(place: Path, campaign: Campaign, cell: Cell) -> Run:
    """The stored run of a cell. Raises ResultError where it can't be trusted."""
    run = store.read_run(place, cell)
    if (run.facts.campaign, run.cell) != (campaign.id, cell):
        was = f"{run.cell}, of campaign {run.facts.campaign}"
        raise ResultError(f"{place} holds another run: {was}.")
    return run


def of_run(run: Run, campaign: Campaign, floor: Run | None, null: Run | None = None) -> Digest:
    """Reduce one run; the others are those of the references, same benchmark and round."""
    beside = context.within(campaign, run, floor, null)
    values = {name: metric.formula(beside) for name, metric in metrics.METRICS.items()}
    known = campaign.benchmarks.get(run.cell.benchmark_name)
    doubts = findings.of_run(beside)
    curves = tuple(_curve(window) for window in run.profiles if window.requests.ok.any())
    found = capacity.of_run(run)
    windows = [w for w in (metrics.steady(run), metrics.saturated(run)) if w is not None]
    borne = strain_outcomes.borne(run)
    return Digest(
        cell=run.cell,
        facts=run.facts,
        values=values,
        findings=tuple(doubts),
        curves=curves,
        found=found,
        replicates=_replicates(run, found),
        response_ms=_response_ms(run),
        breakdown=_breakdown(beside),
        function_time=_function_time(run),
        batches=tuple(
            made for window in windows if (made := breakdown.batches(window)) is not None
        ),
        overload_errors=borne.errors if borne else {},
        held=held.of_run(run, slo.parse(known.slo)) if known else {},
        queue=capacity.queue(run),
        seen=seen.of_run(run),
        swept=_swept(beside),
        tried=outcome.judge(run, campaign) if campaign.tuning else None,
        beyond=metrics.beyond_of(run),
        invoked=invoked.of_run(run),
        own=own_latency.of_windows(windows),
        changed=changed.of_run(run),
        balance=pod_time.balance_of(run.facts),
    )


def _swept(beside: RunContext) -> growth.PointCost | None:
    at = beside.run.cell.point
    if at is None:
        return None
    together = at.value if at.axis == "batch" else 1  # instances of a request
    return growth.point(beside, at.axis, at.value, together)


def _replicates(run: Run, found: Found | None) -> dict[str, Any]:
    """How well each headline number is known from this run alone."""
    drawn: dict[str, Any] = {}
    steady, saturated = metrics.steady(run), metrics.saturated(run)
    if steady is not None and steady.requests.ok.any():
        names = ("latency_p50", "latency_p95", "latency_p99")
        # Unanswered requests waited longer than all others; by how much does not matter here.
        waits_ms = steady.requests.waits_ns() / 1e6
        longest_ms = waits_ms[np.isfinite(waits_ms)].max()
        values = resampling.percentiles(np.minimum(waits_ms, longest_ms), (0.5, 0.95, 0.99))
        drawn |= dict(zip(names, values, strict=True))
    if saturated is not None and saturated.requests.ok.any():
        drawn["throughput"] = resampling.rates(saturated.requests, saturated.facts.elapsed_s)
    if found is not None:
        drawn |= resampling.of_estimate(found.estimate)
    return drawn | cold_starts.replicates(run.facts)


def _response_ms(run: Run) -> Any:
    window = metrics.steady(run)
    if window is None:
        return None
    requests = window.requests
    taken = (requests.done_ns - requests.due_ns) / 1e6
    return np.where(requests.ok, taken, np.nan).astype(np.float32)


def _breakdown(beside: RunContext) -> Breakdown | None:
    window, null = metrics.steady(beside.run), beside.null
    if window is None:
        return None
    # The in-process reference fires at itself: nothing is transported.
    inside = not window.facts.generator_cpus
    idle = None if null is None or inside else metrics.steady(null)
    return breakdown.of_window(window, breakdown.transport_ns(idle))


def _function_time(run: Run) -> FunctionTime | None:
    window = metrics.steady(run)
    return None if window is None else function_time.of_window(window)


def _by_benchmark_and_round(places: dict[Cell, Path], canaries: Canaries) -> Iterator[list[Cell]]:
    """Cells that share their references, those first: the null server has an overhead too."""
    groups: dict[tuple[str, int], list[Cell]] = {}
    for cell in places:
        groups.setdefault((cell.benchmark_name, cell.round), []).append(cell)
    for group in groups.values():
        yield sorted(group, key=lambda cell: _ORDER.index(canaries.role(cell.subject)))


def _curve(window: Window) -> Curve:
    requests, profile = window.requests, window.facts.profile
    planned = requests.due_ns if profile.is_open else requests.sent_ns
    every_ms = np.where(requests.ok, (requests.done_ns - planned) / 1e6, np.inf)
    known = planned != MISSING
    began, taken_ms = planned[known], every_ms[requests.ok]
    shares = 1 - np.concatenate((np.geomspace(1, 1e-4, _POINTS - 1), [0.0]))
    edges = np.linspace(0, max(float(began.max()), 1.0), _BINS + 1)
    place = np.clip(np.searchsorted(edges, began, side="right") - 1, 0, _BINS - 1)
    bins = [every_ms[known][place == number] for number in range(_BINS)]
    return Curve(
        profile=profile.name,
        is_open=profile.is_open,
        answers=len(taken_ms),
        shares=shares,
        quantiles_ms=_quantiles(taken_ms, len(requests), shares),
        at_s=(edges[:-1] + edges[1:]) / 2e9,
        median_ms=np.array([_along(values, 0.5) for values in bins]),
        p95_ms=np.array([_along(values, 0.95) for values in bins]),
    )


def _along(values_ms: Any, share: float) -> float:
    """A percentile of a time bin; NaN where it has none, or falls among those never answered."""
    known = len(values_ms) > 0 and stats.reached(values_ms, share)
    return stats.finite_quantile(values_ms, share) if known else math.nan


def _quantiles(taken_ms: Any, count: int, shares: Any) -> Any:
    """Quantiles of `count` requests, of which those missing from `taken_ms` were never answered."""
    at = shares * (count - 1)
    # Between the last that was answered and the first that was not, nothing is known.
    known = np.interp(at, np.arange(len(taken_ms)), np.sort(taken_ms))
    return np.where(np.ceil(at - 1e-9) < len(taken_ms), known, np.inf)


def tuned(digested: Digested) -> list[outcome.TunedVariant]:
    """The results of a tune, one for each variant; empty if the campaign is no tune."""
    outcomes = {digest.cell: digest.tried for digest in digested.digests}
    damaged = {each.cell: each.message for each in digested.damaged}
    return outcome.of_campaign(digested.campaign, outcomes, damaged)
