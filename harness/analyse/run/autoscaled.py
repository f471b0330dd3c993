"""Autoscaling as callers saw it: pure functions of a window whose rate goes in steps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from harness.analyse.run import change_requests, pod_time
from harness.analyse.run.pod_time import PodSeconds
from harness.setup.slo import Slo
from harness.stored.pods import ClusterChange, LoadPhase
from harness.windows.samples import Requests


@dataclass(frozen=True, slots=True, kw_only=True)
class StepUp:
    """A phase whose rate is higher than that of the one before; times are since it began."""

    name: str
    before: str  # name of the phase before
    rate_per_s: float
    lasts_s: float
    held_s: float | None  # until the SLO held for the rest of the phase; None: it did not, or `few`
    few: bool  # whether it has too few requests to tell
    late: int  # until then, or in the whole phase: answered later than the SLO's limit
    failed: int
    requests: int  # of which
    asked_s: float | None  # until more replicas were asked for; None: they were not
    ready_s: float | None  # until more were ready, in a later phase too; None: never


@dataclass(frozen=True, slots=True, kw_only=True)
class Autoscaled:
    """All steps of a window."""

    ups: tuple[StepUp, ...]
    down_s: float | None  # from the last step down until no more were ready than at first
    pods: PodSeconds | None

    @property
    def late(self) -> int:
        """Requests of all steps up."""
        return sum(up.late for up in self.ups)

    @property
    def failed(self) -> int:
        """Requests of all steps up."""
        return sum(up.failed for up in self.ups)

    @property
    def held_s(self) -> float | None:
        """The longest time until the SLO held again; None where it did not after some step."""
        times = [up.held_s for up in self.ups if up.held_s is not None]
        return max(times) if times and len(times) == len(self.ups) else None


def of_window(requests: Requests, change: ClusterChange, wanted: Slo) -> Autoscaled:
    """The steps of a window, and what its pods came to."""
    ups = [(low, high) for low, high in pairwise(change.phases) if high.rate_per_s > low.rate_per_s]
    return Autoscaled(
        ups=tuple(_up(requests, change, before, each, wanted) for before, each in ups),
        down_s=_down_s(change),
        pods=pod_time.seconds(change),
    )


def last_down(phases: Sequence[LoadPhase]) -> LoadPhase | None:
    """The last phase whose rate is lower than that of the one before."""
    downs = [after for before, after in pairwise(phases) if after.rate_per_s < before.rate_per_s]
    return downs[-1] if downs else None


def falling(phases: Sequence[LoadPhase]) -> LoadPhase | None:
    """The first of the phases at the end of which each has a lower rate than the one before."""
    found = None
    for before, after in reversed(list(pairwise(phases))):
        if after.rate_per_s >= before.rate_per_s:
            break
        found = after
    return found


def _up(
    requests: Requests, change: ClusterChange, before: LoadPhase, phase: LoadPhase, wanted: Slo
) -> StepUp:
    held = change_requests.held_from_ns(requests, phase.from_ns, phase.to_ns, wanted)
    meanwhile = change_requests.due(requests, phase.from_ns, phase.to_ns if held is None else held)
    late = meanwhile & change_requests.late(requests, wanted)
    asked, ready = _more(change, phase)
    count = int(change_requests.due(requests, phase.from_ns, phase.to_ns).sum())
    return StepUp(
        name=phase.name,
        before=before.name,
        rate_per_s=phase.rate_per_s,
        lasts_s=(phase.to_ns - phase.from_ns) / 1e9,
        held_s=None if held is None else (held - phase.from_ns) / 1e9,
        few=count < change_requests.fewest(wanted),
        late=int(late.sum()),
        failed=int((meanwhile & change_requests.failed(requests)).sum()),
        requests=count,
        asked_s=asked,
        ready_s=ready,
    )


def _more(change: ClusterChange, phase: LoadPhase) -> tuple[float | None, float | None]:
    """Until more replicas than when the phase began were asked for in it, and until more were ready
    then."""
    first = pod_time.at(change.moments, phase.from_ns)
    if first is None:
        return None, None
    asked = pod_time.first_ns(
        change.moments, phase.from_ns, phase.to_ns, lambda m: (m.wanted or 0) > (first.wanted or 0)
    )
    if asked is None:
        return None, None
    ready = pod_time.first_ns(
        change.moments, asked, change.phases[-1].to_ns, lambda m: m.ready > first.ready
    )
    found = (None if each is None else (each - phase.from_ns) / 1e9 for each in (asked, ready))
    return next(found), next(found)


def _down_s(change: ClusterChange) -> float | None:
    down, first = last_down(change.phases), pod_time.at(change.moments, 0)
    if down is None or first is None:
        return None
    # Pods may be looked at for longer than the load lasts.
    end_ns = max(down.to_ns, change.moments[-1].at_ns + 1)
    fewer = pod_time.first_ns(
        change.moments, down.from_ns, end_ns, lambda moment: moment.ready <= first.ready
    )
    return None if fewer is None else (fewer - down.from_ns) / 1e9
