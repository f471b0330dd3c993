"""The autoscaler decides how many pods there are, while the load goes up in steps and back."""

from __future__ import annotations

import time
from dataclasses import replace

from harness.base.errors import LaunchError
from harness.measure.cell.change_scene import Scene
from harness.measure.cell.changes import DeploymentChange, change
from harness.measure.cell.deployment_watch import serving
from harness.setup.changes import AUTOSCALING, ChangeName
from harness.stored.pods import ClusterChange, LoadPhase
from harness.windows.profiles import STEPS, Profile, levels

_FIGURES_S = 90.0  # until the autoscaler has figures of a Deployment that it has just met
_LEVEL_S = 60.0  # until it wants one pod: what the server's start used may count at first
_FOLLOWED_S = 60.0  # after the load's end, until it has taken away what it added
_ASK_AGAIN_S = 0.5


@change(AUTOSCALING)
class Autoscaling(DeploymentChange):
    """From one pod; what was done is that the load fell back to its first rate."""

    def why_not(self, scene: Scene) -> str:
        """Without figures it does nothing."""
        if scene.control.metrics_from():
            return ""
        return "nothing in the cluster serves the resource metrics that the autoscaler reads"

    def pods(self, scene: Scene) -> int:
        """One, so that the load is that of one pod's capacity."""
        del scene
        return 1

    def profile(self, scene: Scene, name: ChangeName) -> Profile:
        """Six steps."""
        told = scene.told
        first, peak = (s * scene.capacity_per_s for s in (told.rate_share, told.peak_share))
        return Profile(name, STEPS, 6 * told.step_s, rate_per_s=first, rate_to_per_s=peak)

    def prepare(self, scene: Scene) -> None:
        """Make the autoscaler, and wait until it sees what it is to decide by."""
        scene.control.autoscale(1, scene.told.most_pods, scene.told.cpu_percent)
        end = time.monotonic() + _FIGURES_S
        while (seen := scene.control.autoscaler()) is None or seen.cpu_percent is None:
            if time.monotonic() > end:
                raise LaunchError(f"The autoscaler had no figures after {_FIGURES_S:.0f} s.")
            time.sleep(_ASK_AGAIN_S)
        scene.watch.until(lambda pods: serving(pods) == 1 == scene.watch.wanted(), _LEVEL_S)

    def happen(self, scene: Scene) -> None:
        """The load is all that happens."""
        if scene.wait_until(5 * scene.told.step_s):
            scene.begin("the load fell to its first rate")
            scene.recover(lambda pods: serving(pods) == 1)
        scene.over.wait()

    def follow(self, scene: Scene) -> None:
        """See pods go, where they were still there."""
        if scene.recovered_ns is not None:
            return
        if scene.watch.until(lambda pods: serving(pods) == 1, _FOLLOWED_S):
            scene.recovered_ns = time.monotonic_ns()

    def restore(self, scene: Scene) -> None:
        """Remove the autoscaler."""
        scene.control.end_autoscaling(1)

    def phases(self, scene: Scene, profile: Profile, end_ns: int) -> tuple[LoadPhase, ...]:
        """The steps."""
        return tuple(
            LoadPhase(
                name=f"{level.rate_per_s / scene.capacity_per_s:.2g}x",
                from_ns=int(level.from_s * 1e9),
                to_ns=min(int(level.to_s * 1e9), end_ns),
                rate_per_s=level.rate_per_s,
            )
            for level in levels(profile)
            if int(level.from_s * 1e9) < end_ns
        )

    def failure(self, scene: Scene) -> str:
        """Clusters wait for minutes until they take pods away, so that may be left to see."""
        del scene
        return ""

    def completed(self, scene: Scene, found: ClusterChange) -> ClusterChange:
        """With what its figures come from."""
        return replace(found, metrics_from=scene.control.metrics_from())
