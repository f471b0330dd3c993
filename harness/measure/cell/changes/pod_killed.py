"""A pod is killed without grace, as if its node had lost it."""

from __future__ import annotations

from harness.measure.cell.change_scene import Scene
from harness.measure.cell.changes import DeploymentChange, change
from harness.setup.changes import POD_KILLED


@change(POD_KILLED)
class PodKilled(DeploymentChange):
    """Over when as many serve as before, without it."""

    def act(self, scene: Scene) -> None:
        """Kill the oldest."""
        victim = scene.victim().name
        scene.begin(f"pod {victim} was killed")
        scene.control.kill(victim)
        scene.recover(scene.have(scene.told.pods, frozenset({victim})))
