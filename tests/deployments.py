"""A Deployment that nobody runs: its pods do what a cluster's would, a look at a time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from harness.base.errors import LaunchError
from harness.base.trust import SYSTEM
from harness.measure.cell.deployment_stages import ChangeWindow, Span
from harness.measure.launch.kubernetes import AutoscalerSeen, PodSeen
from harness.setup.changes import ChangingTable
from harness.stored.pods import PodShare
from harness.stored.records import Window
from harness.windows.profiles import Profile
from tests import fakes

QUICK = ChangingTable(step_s=0.3, before_s=0.1, after_s=0.1, within_s=10.0)


@dataclass(kw_only=True)
class Pod:
    """A pod, and how many looks it takes to become ready, or to be gone."""

    name: str
    node: str
    looks: int
    ready: bool = False
    ending: int = 0  # looks until it is gone; 0: it stays
    restarts: int = 0
    frozen: int = 0  # looks until it is started again


@dataclass
class FakeDeployment:
    """Both the Deployment and its control."""

    folder: Path = Path("/nowhere")
    node_names: tuple[str, ...] = ("one",)
    slow: int = 2  # looks until a new pod is ready
    metrics: str = "a shim"
    cpu_percent: Callable[[int], int | None] = lambda _: 10  # by the number of the look
    refuses: dict[str, str] = field(default_factory=dict)  # what is done -> why it is refused
    gone: str = ""  # why it is no longer there
    done: list[str] = field(default_factory=list)
    replicas: int = 1
    scaled: tuple[int, int, int] | None = None
    made: list[Pod] = field(default_factory=list)
    cordoned: set[str] = field(default_factory=set)
    protected: bool = False
    look: int = 0
    last: int = 0

    scheme, host, base, headers, port, started_ns = "http", "h", "", (), 1, 0
    trust = SYSTEM
    container = None

    def __post_init__(self) -> None:
        self.lock = threading.RLock()
        self.ports: dict[str, int] = {}
        self.log = self.folder / "log"
        self.control = self
        self._fill()
        for pod in self.made:
            pod.ready = True

    # of Launched

    def exited(self) -> str | None:
        return self.gone or None

    def calls(self) -> Any: ...
    def sample(self, **_: bool) -> Any: ...
    def exposed(self) -> None: ...
    def stop(self) -> None: ...

    # of DeploymentControl

    def pods(self) -> tuple[PodSeen, ...]:
        with self.lock:
            self.look += 1
            self._step()
            return tuple(
                PodSeen(
                    name=pod.name,
                    uid=pod.name,
                    node=pod.node,
                    phase="Running",
                    ready=pod.ready,
                    ending=pod.ending > 0,
                    restarts=pod.restarts,
                )
                for pod in self.made
            )

    def wanted(self) -> int:
        return self.replicas

    def rescale(self, replicas: int) -> None:
        self._do("rescale", replicas)
        with self.lock:
            self.replicas = replicas
            for pod in self._standing()[replicas:]:
                pod.ending = 2
            self._fill()

    def await_ready(self, replicas: int, within_s: float) -> None:
        end = time.monotonic() + within_s
        while sum(pod.ready and not pod.ending for pod in self.pods()) != replicas:
            if time.monotonic() > end:
                raise LaunchError(f"{replicas} are not ready.")
            time.sleep(0.001)

    def update(self) -> None:
        self._do("update")
        with self.lock:
            for pod in self._standing():
                pod.ending = self.slow + 3
            self._fill()

    def is_updated(self) -> bool:
        return True

    def autoscale(self, least: int, most: int, cpu_percent: int) -> None:
        self._do("autoscale", least, most, cpu_percent)
        self.scaled = (least, most, cpu_percent)

    def autoscaler(self) -> AutoscalerSeen | None:
        if self.scaled is None:
            return None
        return AutoscalerSeen(wanted=self.replicas, cpu_percent=self.cpu_percent(self.look))

    def end_autoscaling(self, replicas: int) -> None:
        self._do("end_autoscaling", replicas)
        self.scaled = None
        self.rescale(replicas)

    def kill(self, pod: str) -> None:
        self._do("kill", pod)
        with self.lock:
            self.made = [each for each in self.made if each.name != pod]
            self._fill()

    def freeze(self, pod: str) -> None:
        self._do("freeze", pod)
        with self.lock:
            next(each for each in self.made if each.name == pod).frozen = 3

    def cordon(self, node: str, *, on: bool) -> None:
        self._do("cordon" if on else "uncordon", node)
        (self.cordoned.add if on else self.cordoned.discard)(node)

    def protect(self, *, on: bool) -> None:
        self._do("protect" if on else "unprotect")
        self.protected = on

    def evict(self, pod: str) -> None:
        end = time.monotonic() + 20
        while self.protected and sum(each.ready for each in self._standing()) < self.replicas:
            if time.monotonic() > end:
                raise LaunchError("A disruption budget is in the way.")
            time.sleep(0.01)
        self._do("evict", pod)
        with self.lock:
            next(each for each in self.made if each.name == pod).ending = 2
            self._fill()

    def shares(self, start_ns: int, end_ns: int) -> tuple[PodShare, ...]:
        self._do("shares")
        assert start_ns <= end_ns
        here = tuple(PodShare(pod=pod.name, calls=3) for pod in self.made)
        return (*here, PodShare(pod="of old", calls=0))

    def metrics_from(self) -> str:
        return self.metrics

    def nodes(self) -> int:
        return len(self.node_names)

    def trainer(self, benchmark: object) -> Any: ...

    # of the test

    def _do(self, what: str, *told: object) -> None:
        if why := self.refuses.get(what):
            raise LaunchError(why)
        self.done.append(" ".join(map(str, (what, *told))))

    def _standing(self) -> list[Pod]:
        return [pod for pod in self.made if not pod.ending]

    def _free(self) -> list[str]:
        return [name for name in self.node_names if name not in self.cordoned]

    def _fill(self) -> None:
        while len(self._standing()) < self.replicas:
            free = self._free()
            if not free:
                return
            self.last += 1
            self.made.append(Pod(name=f"pod-{self.last}", node=free[0], looks=self.slow))

    def _step(self) -> None:
        """What a look finds changed since the one before."""
        gone = []
        for pod in self.made:
            if pod.ending:
                pod.ending -= 1
                gone += [] if pod.ending else [pod]
            elif pod.frozen:
                pod.ready, pod.frozen = False, pod.frozen - 1
                if not pod.frozen:
                    pod.restarts, pod.looks = pod.restarts + 1, self.slow
            elif pod.looks:
                pod.looks -= 1
            else:
                pod.ready = True
        self.made = [pod for pod in self.made if pod not in gone]
        self._fill()


@dataclass(kw_only=True)
class FakeStages:
    """Load that nobody sends: a window is as long as it is asked to be."""

    spans: tuple[Span, ...] = ()
    unanswered: int = 0
    variant: Any = None
    profiles: list[Profile] = field(default_factory=list)
    judged: list[int] = field(default_factory=list)

    def under_change(
        self,
        launched: Any,
        profile: Profile,
        begun: Callable[[Any], None],
        is_over: Callable[[], bool],
        judge_every: int,
    ) -> ChangeWindow:
        del launched
        self.profiles.append(profile)
        self.judged.append(judge_every)
        start_ns = time.monotonic_ns()
        begun(Begun(start_ns))
        end = time.monotonic() + profile.duration_s
        while not is_over() and time.monotonic() < end:
            time.sleep(0.005)
        taken_s = (time.monotonic_ns() - start_ns) / 1e9
        shorter = replace(profile, duration_s=min(taken_s, profile.duration_s))
        end_ns = start_ns + int(taken_s * 1e9)
        return ChangeWindow(
            window_of(shorter),
            Span(profile=profile.name, start_ns=start_ns, end_ns=end_ns),
            self.unanswered,
        )


@dataclass
class Begun:
    """A firing, of which the beginning alone is asked for."""

    start_ns: int


def window_of(profile: Profile) -> Window:
    return fakes.exact_run((profile, fakes.requests([0, 1], [0, 1], [2, 3]))).windows[0]
