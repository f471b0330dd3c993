"""The course of a change over time, as pictures need it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analyse.run import change_requests
from harness.analyse.statistics import stats
from harness.setup.slo import Slo
from harness.stored.pods import ClusterChange
from harness.stored.records import Window
from harness.windows.samples import MISSING, Requests

_BINS, _LEAST_S = 80, 0.5  # of a rate at most; a shorter one would show the chance of arrivals
_GROUPS = 80  # of requests that share a percentile, at most


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeSeries:
    """By seconds since the window's start; a rate holds between two edges."""

    edges_s: Any
    offered_per_s: Any
    in_time_per_s: Any  # of those that were due then, answered within the SLO's limit
    failed: Any  # requests that were due then
    tail_at_s: Any  # the middle of requests that were due one after another
    tail_ms: Any  # the SLO's percentile of their response time; infinite: it falls among failed
    cpu_at_s: Any  # empty where it is not known
    cpu: Any  # percent of what pods request, as the autoscaler saw it; else CPUs kept busy
    cpu_is_percent: bool


def of_window(window: Window, change: ClusterChange, wanted: Slo) -> ChangeSeries:
    """The series of a window with requests."""
    requests, end_ns = window.requests, _end_ns(window, change)
    edges = np.linspace(0, end_ns, _bins(end_ns) + 1)
    width_s = (edges[1] - edges[0]) / 1e9
    late = change_requests.late(requests, wanted)
    tail_at, tail_ms = _tail(requests, wanted)
    cpu_at, cpu, is_percent = _cpu(window, change)
    inside = cpu_at <= end_ns / 1e9  # pods may be looked at for longer than the load lasts
    return ChangeSeries(
        edges_s=edges / 1e9,
        offered_per_s=_counts(requests.due_ns, edges) / width_s,
        in_time_per_s=_counts(requests.due_ns[requests.ok & ~late], edges) / width_s,
        failed=_counts(requests.due_ns[change_requests.failed(requests)], edges),
        tail_at_s=tail_at,
        tail_ms=tail_ms,
        cpu_at_s=cpu_at[inside],
        cpu=cpu[inside],
        cpu_is_percent=is_percent,
    )


def _end_ns(window: Window, change: ClusterChange) -> float:
    planned = max((phase.to_ns for phase in change.phases), default=0)
    return float(max(planned, int(window.requests.due_ns.max()) + 1, 1))


def _bins(end_ns: float) -> int:
    return int(np.clip(end_ns / 1e9 / _LEAST_S, 1, _BINS))


def _counts(moments: Any, edges: Any) -> Any:
    return np.histogram(moments, edges)[0]


def _tail(requests: Requests, wanted: Slo) -> tuple[Any, Any]:
    """The percentile of as many requests as it needs, or of more where there are very many."""
    planned = np.flatnonzero(requests.due_ns != MISSING)
    order = planned[np.argsort(requests.due_ns[planned], kind="stable")]
    size = max(stats.needed(wanted.share), -(-len(order) // _GROUPS))
    groups = [order[start : start + size] for start in range(0, len(order) - size + 1, size)]
    if not groups:
        return np.empty(0), np.empty(0)
    taken = np.where(requests.ok, requests.done_ns - requests.due_ns, np.inf) / 1e6
    found = [stats.percentile(taken[rows], wanted.share) for rows in groups]
    middles = [float(np.median(requests.due_ns[rows])) / 1e9 for rows in groups]
    return np.array(middles), np.array([np.inf if each is None else each for each in found])


def _cpu(window: Window, change: ClusterChange) -> tuple[Any, Any, bool]:
    """(moments, values, whether they are what the autoscaler saw)."""
    told = [(m.at_ns / 1e9, m.cpu_percent) for m in change.moments if m.cpu_percent is not None]
    if told:
        at, percent = zip(*told, strict=True)
        return np.array(at), np.array(percent, float), True
    seen = window.usage.cpu_ns != MISSING
    at_ns, cpu_ns = window.usage.at_ns[seen], window.usage.cpu_ns[seen]
    if len(at_ns) < 2 or (np.diff(at_ns) <= 0).any():
        return np.empty(0), np.empty(0), False
    # What an ended pod has used is no longer counted.
    busy = np.maximum(np.diff(cpu_ns), 0) / np.diff(at_ns)
    return (at_ns[:-1] + at_ns[1:]) / 2e9, busy, False
