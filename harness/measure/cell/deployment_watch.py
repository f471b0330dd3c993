"""A Deployment over time: what its pods and its autoscaler did, looked at four times a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from types import TracebackType

from harness.base.errors import LaunchError
from harness.measure.launch.kubernetes import AutoscalerSeen, DeploymentControl, PodSeen
from harness.stored.pods import Happening, PodMoment

_EVERY_S = 0.25
_WANTED_EVERY = 4  # looks: how many are wanted changes more rarely
_ENDS_S = 60.0  # a request to a cluster has a time-out of its own

Seen = tuple[PodSeen, ...]
Moment = int  # of CLOCK_MONOTONIC, in ns


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    """What was seen; a moment of this host's CLOCK_MONOTONIC."""

    at_ns: Moment
    wanted: int | None
    ready: int
    present: int
    cpu_percent: int | None


def serving(pods: Seen, besides: frozenset[str] = frozenset()) -> int:
    """Pods that take requests, but for those."""
    return sum(pod.ready and not pod.ending and pod.name not in besides for pod in pods)


class DeploymentWatch:
    """A thread that looks. It costs little: one list of pods a look."""

    def __init__(self, control: DeploymentControl) -> None:
        self._control = control
        self._seen: Seen = ()
        self._rows: list[_Row] = []
        self._said: list[tuple[Moment, str]] = []
        self._trouble = ""
        self._looked = threading.Condition()
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._look, name="deployment watch", daemon=True)

    def __enter__(self) -> DeploymentWatch:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end.set()
        self._thread.join(_ENDS_S)

    def say(self, said: str) -> Moment:
        """Something happened now."""
        at_ns = time.monotonic_ns()
        with self._looked:
            self._said.append((at_ns, said))
        return at_ns

    def now(self) -> Seen:
        """The pods at the last look, or at the first one, which is waited for."""
        with self._looked:
            self._looked.wait_for(lambda: bool(self._rows), _ENDS_S)
            return self._seen

    def until(
        self, met: Callable[[Seen], bool], within_s: float, over: threading.Event | None = None
    ) -> bool:
        """Wait until that is so, as far as it is seen; False where the time or the load is over."""
        end = time.monotonic() + within_s
        with self._looked:
            while not (self._rows and met(self._seen)):
                left_s = end - time.monotonic()
                if left_s <= 0 or (over is not None and over.is_set()):
                    return False
                self._looked.wait(min(left_s, _EVERY_S))
        return True

    def wanted(self) -> int | None:
        """Replicas that were asked for when it looked last."""
        with self._looked:
            return self._rows[-1].wanted if self._rows else None

    def moments(self, start_ns: Moment) -> tuple[PodMoment, ...]:
        """What it saw from a moment on."""
        with self._looked:
            rows = tuple(row for row in self._rows if row.at_ns >= start_ns)
        return tuple(
            PodMoment(
                at_ns=row.at_ns - start_ns,
                wanted=row.wanted,
                ready=row.ready,
                present=row.present,
                cpu_percent=row.cpu_percent,
            )
            for row in rows
        )

    def happenings(self, start_ns: Moment) -> tuple[Happening, ...]:
        """What happened from a moment on, in order."""
        with self._looked:
            said = sorted(self._said, key=lambda each: each[0])
        return tuple(
            Happening(at_ns=at - start_ns, said=what) for at, what in said if at >= start_ns
        )

    def _look(self) -> None:
        wanted: int | None = None
        scaled: AutoscalerSeen | None = None
        looks, next_s = 0, time.monotonic()
        while not self._end.is_set():
            try:
                if looks % _WANTED_EVERY == 0:
                    scaled = self._control.autoscaler()
                    wanted = scaled.wanted if scaled else self._control.wanted()
                self._note(self._control.pods(), wanted, scaled.cpu_percent if scaled else None)
            except LaunchError as error:
                self._not_seen(str(error))
            looks += 1
            next_s = max(next_s + _EVERY_S, time.monotonic())
            self._end.wait(next_s - time.monotonic())

    def _not_seen(self, trouble: str) -> None:
        with self._looked:
            if trouble != self._trouble:
                self._said.append((time.monotonic_ns(), f"the cluster was not seen: {trouble}"))
            self._trouble = trouble

    def _note(self, pods: Seen, wanted: int | None, cpu_percent: int | None) -> None:
        at_ns = time.monotonic_ns()
        row = _Row(
            at_ns=at_ns,
            wanted=wanted,
            ready=serving(pods),
            present=len(pods),
            cpu_percent=cpu_percent,
        )
        with self._looked:
            if self._rows:
                before = {pod.name: pod for pod in self._seen}
                said = _differences(before, {pod.name: pod for pod in pods})
                asked = self._rows[-1].wanted
                if wanted != asked and wanted is not None and asked is not None:
                    said.append(f"{wanted} replicas are wanted instead of {asked}")
                self._said += [(at_ns, each) for each in said]
            self._trouble = ""
            self._seen = pods
            self._rows.append(row)
            self._looked.notify_all()


def _differences(before: Mapping[str, PodSeen], after: Mapping[str, PodSeen]) -> list[str]:
    """What became of pods from one look to the next."""
    said = []
    for name, pod in after.items():
        was = before.get(name)
        if was is None:
            said.append(f"pod {name} is there")
            was = replace(pod, ready=False, ending=False)
        why = f": {pod.why}" if pod.why else ""
        if pod.restarts > was.restarts:
            said.append(f"pod {name}: its container was started again{why}")
        if pod.ending and not was.ending:
            said.append(f"pod {name} is to end")
        elif pod.ready and not was.ready:
            said.append(f"pod {name} is ready")
        elif was.ready and not pod.ready and not pod.ending:
            said.append(f"pod {name} is not ready any more{why}")
    return said + [f"pod {name} is gone" for name in before if name not in after]
