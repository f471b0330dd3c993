"""A rolling update to the same image: each pod is replaced by a new one."""

from __future__ import annotations

from harness.measure.cell.change_scene import Scene
from harness.measure.cell.changes import DeploymentChange, change
from harness.setup.changes import ROLLING_UPDATE


@change(ROLLING_UPDATE)
class RollingUpdate(DeploymentChange):
    """Begun under load, and over when every pod that serves is a new one."""

    def act(self, scene: Scene) -> None:
        """Update it."""
        old = frozenset(pod.name for pod in scene.watch.now())
        scene.begin("a rolling update to the same image began")
        scene.control.update()
        scene.recover(scene.have(scene.told.pods, old))
