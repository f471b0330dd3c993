"""A change's means: the Deployment, what is told of the change, and what was done when."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.base.errors import LaunchError
from harness.measure.cell.deployment_watch import DeploymentWatch, Seen, serving
from harness.measure.launch.kubernetes import DeploymentControl, LaunchedDeployment, PodSeen
from harness.setup.changes import ChangingTable

if TYPE_CHECKING:
    from harness.measure.cell.deployment_stages import DeploymentStages

_SEEN_S = 10.0  # until what is so is seen, at most


@dataclass(kw_only=True)
class Scene:
    """One change of one Deployment. Moments are of this host's CLOCK_MONOTONIC, in ns."""

    stages: DeploymentStages
    launched: LaunchedDeployment
    told: ChangingTable
    capacity_per_s: float  # of one pod
    watch: DeploymentWatch
    over: threading.Event = field(default_factory=threading.Event)  # the load is
    start_ns: int = 0  # of the window
    begun_ns: int | None = None  # the first thing was done
    recovered_ns: int | None = None  # all was as it was

    @property
    def control(self) -> DeploymentControl:
        """What can be done to it."""
        return self.launched.control

    def begin(self, said: str) -> None:
        """The first thing is done now."""
        self.begun_ns = self.watch.say(said)

    def recover(self, met: Callable[[Seen], bool]) -> None:
        """Wait until all is as it was."""
        if self.until(met, self.told.within_s):
            self.recovered_ns = time.monotonic_ns()

    def until(self, met: Callable[[Seen], bool], within_s: float) -> bool:
        """Wait until its pods are so; False where the time or the load is over before."""
        return self.watch.until(met, within_s, self.over)

    def wait(self, seconds: float) -> bool:
        """Wait so long; whether the load goes on."""
        return not self.over.wait(max(seconds, 0.0))

    def wait_until(self, at_s: float) -> bool:
        """Wait until so long after the window's start; whether the load goes on."""
        return self.wait(at_s - (time.monotonic_ns() - self.start_ns) / 1e9)

    def victim(self) -> PodSeen:
        """The pod that has served longest. Raises LaunchError where none serves."""
        found = next((pod for pod in self.watch.now() if pod.ready and not pod.ending), None)
        if found is None:
            raise LaunchError("No pod of it serves, to which anything could be done.")
        return found

    def serve(self, pods: int) -> None:
        """Have exactly so many serve, and see that. Raises LaunchError."""
        self.control.rescale(pods)
        self.control.await_ready(pods, self.told.within_s)
        self.watch.until(lambda seen: serving(seen) == pods == self.watch.wanted(), _SEEN_S)

    def have(self, pods: int, besides: frozenset[str] = frozenset()) -> Callable[[Seen], bool]:
        """Whether so many serve that are not those, of which none serves any more."""

        def met(seen: Seen) -> bool:
            return serving(seen, besides) >= pods and serving(seen) == serving(seen, besides)

        return met
