"""The stages of a Deployment: spans of its windows, and windows that end when a change is over."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from harness.measure.cell.stages import Stages
from harness.measure.launch.launchers import Launched
from harness.measure.load.drivers import Firing
from harness.measure.load.generator.job import Job
from harness.measure.watch.watching import Meter
from harness.stored.records import Window
from harness.windows.profiles import Profile
from harness.windows.samples import Ints

_SAMPLE_S = 0.5
# A Service chooses a pod for each new connection: one client that keeps its own for long would meet
# one pod alone, and no new one.
_RENEW_S = 2.0
_CONNECTIONS = 128  # at most: more that are renewed all the time would use up this host's ports


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A window, by this host's CLOCK_MONOTONIC."""

    profile: str
    start_ns: int
    end_ns: int


@dataclass(frozen=True, slots=True)
class ChangeWindow:
    """A window in which something was done."""

    window: Window
    span: Span
    unanswered: int  # requests that were under way when it was ended, and are not counted


class DeploymentStages(Stages):
    """The stages of a variant whose launcher starts as many copies of it as it is told."""

    spans: tuple[Span, ...] = ()  # of its windows, in their order
    _is_over: Callable[[], bool] | None = None
    _pending: Firing | None = None

    def under_change(
        self,
        launched: Launched,
        profile: Profile,
        begun: Callable[[Firing], None],
        is_over: Callable[[], bool],
        judge_every: int,
    ) -> ChangeWindow:
        """Fire a profile until that is so, or to its end. Nothing is sent twice: what is lost is to
        be seen."""
        self._is_over = is_over
        try:
            window = self.load(launched, profile, begun, resends=False, judge_every=judge_every)
        finally:
            self._is_over = None
        assert self._pending is not None  # it has just been fired
        fired = self._pending.result()
        shorter = replace(profile, duration_s=fired.cut_s or profile.duration_s)
        window = replace(window, facts=replace(window.facts, profile=shorter))
        return ChangeWindow(window, self.spans[-1], fired.unanswered)

    def _window(
        self,
        launched: Launched,
        profile: Profile,
        job: Job,
        meanwhile: Callable[[Firing], None] | None = None,
    ) -> Window:
        firings: list[Firing] = []

        def noted(firing: Firing) -> None:
            firings.append(firing)
            if meanwhile is not None:
                meanwhile(firing)

        window = super()._window(launched, profile, job, noted)
        start_ns = firings[0].start_ns
        end_ns = start_ns + int(window.facts.elapsed_s * 1e9)
        span = Span(profile=profile.name, start_ns=start_ns, end_ns=end_ns)
        self._pending, self.spans = firings[0], (*self.spans, span)
        return window

    def _job(self, launched: Launched, profile: Profile, order: Ints, due: Ints | None) -> Job:
        job = super()._job(launched, profile, order, due)
        several = self.variant.point is not None or self.variant.table.replicas > 1
        if not several:
            return job
        return replace(job, renew_ns=int(_RENEW_S * 1e9), max_connections=_CONNECTIONS)

    def _fire(
        self,
        launched: Launched,
        job: Job,
        meter: Meter | None = None,
        meanwhile: Callable[[Firing], None] | None = None,
    ) -> Firing:
        if self._is_over is None:
            return super()._fire(launched, job, meter, meanwhile)
        pending = self._generator.start(job)
        if meanwhile is not None:
            meanwhile(pending)
        while not pending.wait(_SAMPLE_S):
            if meter is not None:
                meter.sample()
            if self._is_over():
                self._generator.cut()
        return pending
