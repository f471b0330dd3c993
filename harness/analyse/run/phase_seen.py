"""The phases of a change as callers saw them: numbers beside the drawing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.analyse.run import change_requests, pod_time
from harness.analyse.statistics import stats
from harness.setup.slo import Slo
from harness.stored.pods import ClusterChange, LoadPhase
from harness.windows.samples import Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseSeen:
    """A stretch of a change's window."""

    name: str
    from_s: float
    to_s: float
    rate_per_s: float  # as planned
    requests: int  # that were due in it
    late: int  # answered, but later than the SLO's limit
    failed: int
    p50_ms: float | None
    tail_ms: float | None  # the SLO's percentile; None: too few, or it falls among failed ones
    ready: tuple[int, int] | None  # fewest and most pods ready; None: nothing was seen
    cpu_percent: tuple[int, int] | None  # as the autoscaler saw it


def of_change(requests: Requests, change: ClusterChange, wanted: Slo) -> tuple[PhaseSeen, ...]:
    """In their order."""
    return tuple(_seen(requests, change, phase, wanted) for phase in change.phases)


def _seen(requests: Requests, change: ClusterChange, phase: LoadPhase, wanted: Slo) -> PhaseSeen:
    rows = change_requests.due(requests, phase.from_ns, phase.to_ns)
    taken = np.where(requests.ok, requests.done_ns - requests.due_ns, np.inf)[rows] / 1e6
    first = pod_time.at(change.moments, phase.from_ns)
    moments = [m for m in change.moments if phase.from_ns < m.at_ns < phase.to_ns]
    moments = [first, *moments] if first is not None else moments
    cpu = [m.cpu_percent for m in moments if m.cpu_percent is not None]
    ready = [m.ready for m in moments]
    return PhaseSeen(
        name=phase.name,
        from_s=phase.from_ns / 1e9,
        to_s=phase.to_ns / 1e9,
        rate_per_s=phase.rate_per_s,
        requests=int(rows.sum()),
        late=int((rows & change_requests.late(requests, wanted)).sum()),
        failed=int((rows & change_requests.failed(requests)).sum()),
        p50_ms=stats.percentile(taken, 0.5),
        tail_ms=stats.percentile(taken, wanted.share),
        ready=(min(ready), max(ready)) if ready else None,
        cpu_percent=(min(cpu), max(cpu)) if cpu else None,
    )
