"""What callers saw while something was done to a Deployment, from the window of that change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np

from harness.analyse.run import autoscaled, change_requests, change_series, phase_seen, trained
from harness.analyse.run.autoscaled import Autoscaled
from harness.analyse.run.change_requests import BesideBefore
from harness.analyse.run.change_series import ChangeSeries
from harness.analyse.run.phase_seen import PhaseSeen
from harness.analyse.run.trained import ServedVersion
from harness.setup import slo
from harness.setup.changes import AUTOSCALING, ChangeName
from harness.setup.slo import Slo
from harness.stored.pods import ClusterChange, LoadPhase
from harness.stored.records import Run, Window
from harness.windows import causes
from harness.windows.kinds import WindowKind
from harness.windows.samples import ERRORS, Requests

BEFORE, DURING, AFTER = "before", "during", "after"  # names of phases


@dataclass(frozen=True, slots=True, kw_only=True)
class Changed:
    """A change and its window. What was lost is counted from the moment on at which something was
    done; of autoscaling, from the end of the highest rate on: before, requests fail because there
    are too many of them."""

    change: ClusterChange
    slo: Slo
    requests: int
    lost: int
    told: str  # of what was lost: how many by each error, and why
    errors: dict[str, int]  # of them, by kind
    failed_before: int
    late: int  # answered from then on, but later than the SLO's limit
    gap_s: float | None  # the longest time without a right answer from then on
    gap_before_s: float | None
    held_s: float | None  # from then on, until the SLO held for good; None: it never did, or `few`
    few: bool  # whether too few requests were due from then on to tell
    beside: BesideBefore | None
    steps: Autoscaled | None  # of autoscaling
    versions: tuple[ServedVersion, ...]  # of train and serve
    phases: tuple[PhaseSeen, ...]
    series: ChangeSeries

    @property
    def name(self) -> ChangeName:
        return self.change.name


_KNOWN: WeakKeyDictionary[Run, tuple[Changed, ...]] = WeakKeyDictionary()


def of_run(run: Run) -> tuple[Changed, ...]:
    """Of each change that has a window with requests, in their order."""
    # Metrics, findings and the digest of one run ask for the same.
    if run not in _KNOWN:
        life = run.facts.lifecycle
        windows = {w.facts.profile.name: w for w in run.of(WindowKind.CHANGE)}
        known = [(each, windows.get(each.name)) for each in (life.changes if life else ())]
        _KNOWN[run] = tuple(
            of_window(window, change)
            for change, window in known
            if window is not None and len(window.requests)
        )
    return _KNOWN[run]


def of_name(run: Run, name: ChangeName) -> Changed | None:
    """The change of that name, if the run got that far."""
    return next((each for each in of_run(run) if each.name == name), None)


def of_window(window: Window, change: ClusterChange) -> Changed:
    """One change, from its window."""
    requests, wanted = window.requests, slo.parse(change.slo)
    begun_ns, end_ns = _begun_ns(change), _end_ns(window, change)
    lost = change_requests.lost(requests, begun_ns)
    failed_before = int((change_requests.failed(requests) & ~lost).sum())
    held = change_requests.held_from_ns(requests, begun_ns, end_ns, wanted)
    errors = _kinds(requests, lost)
    return Changed(
        change=change,
        slo=wanted,
        requests=len(requests),
        lost=int(lost.sum()),
        told=causes.told(errors, () if failed_before else window.facts.causes),
        errors=errors,
        failed_before=failed_before,
        late=int((change_requests.late(requests, wanted) & (requests.due_ns >= begun_ns)).sum()),
        gap_s=change_requests.longest_gap_s(requests, begun_ns, end_ns),
        gap_before_s=change_requests.longest_gap_s(requests, 0, begun_ns),
        held_s=None if held is None else (held - begun_ns) / 1e9,
        few=_count(requests, begun_ns, end_ns) < change_requests.fewest(wanted),
        beside=_beside(requests, change, wanted),
        steps=autoscaled.of_window(requests, change, wanted)
        if change.name == AUTOSCALING
        else None,
        versions=trained.of_window(window, change),
        phases=phase_seen.of_change(requests, change, wanted),
        series=change_series.of_window(window, change, wanted),
    )


def phase(change: ClusterChange, name: str) -> LoadPhase | None:
    """The phase of that name."""
    return next((each for each in change.phases if each.name == name), None)


def _count(requests: Requests, from_ns: int, to_ns: int) -> int:
    return int(change_requests.due(requests, from_ns, to_ns).sum())


def _begun_ns(change: ClusterChange) -> int:
    """When something was done; of autoscaling, when the rate began to fall."""
    if change.name == AUTOSCALING:
        down = autoscaled.falling(change.phases)
        return down.from_ns if down is not None else _planned_ns(change)
    during = phase(change, DURING)
    return during.from_ns if during is not None else 0


def _planned_ns(change: ClusterChange) -> int:
    return max((each.to_ns for each in change.phases), default=0)


def _end_ns(window: Window, change: ClusterChange) -> int:
    return _planned_ns(change) or int(window.facts.profile.duration_s * 1e9)


def _steps(requests: Requests, change: ClusterChange, wanted: Slo) -> Autoscaled | None:
    if change.name != AUTOSCALING:
        return None
    return autoscaled.of_window(requests, change, wanted)


def _beside(requests: Requests, change: ClusterChange, wanted: Slo) -> BesideBefore | None:
    before, during = (phase(change, name) for name in (BEFORE, DURING))
    if before is None or during is None:
        return None
    first, then = (
        change_requests.due(requests, each.from_ns, each.to_ns) for each in (before, during)
    )
    return change_requests.beside_before(requests, first, then, wanted)


def _kinds(requests: Requests, rows: Any) -> dict[str, int]:
    codes, counts = np.unique(requests.error[rows], return_counts=True)
    return {ERRORS[code]: int(count) for code, count in zip(codes, counts, strict=True)}
