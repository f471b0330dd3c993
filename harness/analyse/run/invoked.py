"""What a function's front recorded of a run, reduced to what costs and pictures are made of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analyse.run import invoked_rows
from harness.stored.functions import Lost
from harness.stored.records import Run, Window
from harness.stored.starts import Starts
from harness.windows.invocations import Invocations
from harness.windows.kinds import WindowKind
from harness.windows.samples import MISSING


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """The use that the requests of a window made of the function's instances."""

    requests: int
    cold: int  # that an instance was started for
    billed_s: Any  # of each other answered one, in the order of their arrival
    busy_s: Any  # from its instance being given it to its answer, of the same ones
    start_billed_s: Any  # of each cold answered one
    peak_gib: float | None  # the most memory that an instance held

    @property
    def share_cold(self) -> float | None:
        """Of its requests; None where none came."""
        return self.cold / self.requests if self.requests else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Instances:
    """The instances that had been given a request by a moment of a window."""

    at_s: tuple[float, ...]  # since its start, when one more had; ascending
    lasted_s: float  # the window


@dataclass(frozen=True, slots=True, kw_only=True)
class BurstSeen:
    """Requests that came at once to a function without an instance."""

    rate_per_s: float | None
    most_instances: int | None  # the limit; None: not known
    requests: int
    answered: int  # rightly, in time
    use: Use
    instances: Instances


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoked:
    """A run of a function."""

    memory_mib: int
    concurrency: int  # requests at a time of an instance
    most_instances: int | None  # in the windows of profiles; None: one for each server CPU
    idle_s: float
    windows: dict[str, Use]  # by profile
    burst: BurstSeen | None
    starts: Starts | None
    lost: tuple[Lost, ...]

    @property
    def steady(self) -> Use | None:
        """Of the first window; None where there is none."""
        return next(iter(self.windows.values()), None)


def of_run(run: Run) -> Invoked | None:
    """None where it was no function."""
    told, life = run.facts.server.function, run.facts.lifecycle
    if told is None:
        return None
    bursts = run.of(WindowKind.BURST)
    limit = life.burst.most_instances if life is not None and life.burst is not None else None
    return Invoked(
        memory_mib=told.memory_mib,
        concurrency=told.concurrency,
        most_instances=told.most_instances,
        idle_s=told.idle_s,
        windows={
            each.facts.profile.name: use(each) for each in run.profiles if len(each.invocations)
        },
        burst=_burst(bursts[0], limit) if bursts and len(bursts[0].invocations) else None,
        starts=life.starts if life is not None else None,
        lost=life.lost if life is not None else (),
    )


def use(window: Window) -> Use:
    """The use of instances by a window's requests."""
    rows, answered = window.invocations, invoked_rows.answered(window)
    cold = rows.cold == 1
    warm = answered & ~cold & (rows.dispatched_ns != MISSING)
    held = rows.peak_bytes[rows.peak_bytes > 0]
    return Use(
        requests=len(rows),
        cold=int(cold.sum()),
        billed_s=rows.billed_ms[warm] / 1e3,
        busy_s=(rows.answered_ns[warm] - rows.dispatched_ns[warm]) / 1e9,
        start_billed_s=rows.billed_ms[answered & cold] / 1e3,
        peak_gib=float(held.max()) / (1 << 30) if len(held) else None,
    )


def _burst(window: Window, limit: int | None) -> BurstSeen:
    return BurstSeen(
        rate_per_s=window.facts.profile.rate_per_s,
        most_instances=limit,
        requests=len(window.requests),
        answered=int(window.requests.ok.sum()),
        use=use(window),
        instances=instances(window.invocations, window.facts.elapsed_s),
    )


def instances(rows: Invocations, lasted_s: float) -> Instances:
    """The instances that took the requests of a window, by when each had its first."""
    given = (rows.dispatched_ns != MISSING) & (rows.instance > 0)
    numbers, moments = rows.instance[given], rows.dispatched_ns[given]
    first = [int(moments[numbers == number].min()) for number in np.unique(numbers)]
    return Instances(at_s=tuple(sorted(each / 1e9 for each in first)), lasted_s=lasted_s)
