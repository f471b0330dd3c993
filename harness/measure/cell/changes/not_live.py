"""A server hangs: all processes of a pod are stopped, and its liveness probe finds out."""

from __future__ import annotations

from harness.measure.cell.change_scene import Scene
from harness.measure.cell.changes import DeploymentChange, change
from harness.measure.cell.deployment_watch import Seen, serving
from harness.setup.changes import NOT_LIVE


@change(NOT_LIVE)
class NotLive(DeploymentChange):
    """Over when the pod's container was started again and serves, or another pod in its place."""

    def act(self, scene: Scene) -> None:
        """Stop the processes of the oldest."""
        victim = scene.victim()
        scene.begin(f"all processes of pod {victim.name} were stopped (SIGSTOP)")
        scene.control.freeze(victim.name)

        def met(seen: Seen) -> bool:
            same = [pod for pod in seen if pod.name == victim.name and not pod.ending]
            hangs = any(pod.restarts <= victim.restarts for pod in same)
            return not hangs and serving(seen) >= scene.told.pods

        scene.recover(met)
