"""A node is drained, as `kubectl drain` does: cordoned, and its pods evicted."""

from __future__ import annotations

from harness.measure.cell.change_scene import Scene
from harness.measure.cell.changes import DeploymentChange, change
from harness.setup.changes import NODE_DRAINED

_CORDONED_S = 5.0  # where there is no other node: then it takes pods again


@change(NODE_DRAINED)
class NodeDrained(DeploymentChange):
    """Over when as many serve as before, none of them evicted. A disruption budget lets one pod go
    at a time."""

    def __init__(self) -> None:
        self._cordoned = ""
        self._protected = False

    def note(self, scene: Scene) -> str:
        """Whether there is a node to move to."""
        if scene.control.nodes() > 1:
            return ""
        return (
            f"there is no other node, so that this one takes pods again {_CORDONED_S:g} s after "
            "the first eviction: with another one, new pods would be up sooner"
        )

    def prepare(self, scene: Scene) -> None:
        """As who runs it for others would."""
        scene.control.protect(on=True)
        self._protected = True

    def act(self, scene: Scene) -> None:
        """Drain the node of the oldest pod."""
        node, alone = scene.victim().node, scene.control.nodes() == 1
        gone = [pod.name for pod in scene.watch.now() if pod.node == node]
        scene.begin(f"node {node} was cordoned")
        self._cordoned = node
        scene.control.cordon(node, on=True)
        for name in gone:
            scene.control.evict(name)
            scene.watch.say(f"pod {name} was evicted")
            if alone and self._cordoned:
                scene.wait(_CORDONED_S)
                self._uncordon(scene)
        scene.recover(scene.have(scene.told.pods, frozenset(gone)))

    def restore(self, scene: Scene) -> None:
        """Have it take pods again."""
        if self._cordoned:
            self._uncordon(scene)
        if self._protected:
            scene.control.protect(on=False)

    def _uncordon(self, scene: Scene) -> None:
        node = self._cordoned
        scene.control.cordon(node, on=False)
        self._cordoned = ""
        scene.watch.say(f"node {node} takes pods again")
