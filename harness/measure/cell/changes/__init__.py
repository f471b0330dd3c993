"""What is done to a Deployment while load goes on. One registered class a file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import TypeVar

from harness.measure.cell.change_scene import Scene
from harness.setup.changes import ChangeName
from harness.stored.pods import ClusterChange, LoadPhase
from harness.stored.records import Window
from harness.windows.profiles import Profile

_LINGERS_S = 20.0  # at most, until pods that are to end have done so


class DeploymentChange:
    """A change in the middle of a window at one rate. What is different of one is overridden."""

    judge_every = 10  # of the answers, one in so many is judged

    def why_not(self, scene: Scene) -> str:
        """Why it can't be done here; empty if it can."""
        del scene
        return ""

    def note(self, scene: Scene) -> str:
        """What a reader of its figures must know; empty: nothing."""
        del scene
        return ""

    def pods(self, scene: Scene) -> int:
        """How many serve when it begins."""
        return scene.told.pods

    def profile(self, scene: Scene, name: ChangeName) -> Profile:
        """The load, for as long as it may take at most."""
        told = scene.told
        longest_s = told.before_s + told.within_s + _LINGERS_S + told.after_s
        rate = told.rate_share * scene.capacity_per_s
        return Profile(name, "poisson", longest_s, rate_per_s=rate)

    def prepare(self, scene: Scene) -> None:
        """Before there is any load. Raises LaunchError."""

    def happen(self, scene: Scene) -> None:
        """All of it, while there is load; the load ends when this returns. Raises LaunchError."""
        if not scene.wait(scene.told.before_s):
            return
        self.act(scene)
        scene.until(lambda seen: not any(pod.ending and pod.runs for pod in seen), _LINGERS_S)
        scene.wait(scene.told.after_s)

    def act(self, scene: Scene) -> None:
        """Do it (`scene.begin`), and wait until all is as it was (`scene.recover`). Raises
        LaunchError."""
        raise NotImplementedError

    def follow(self, scene: Scene) -> None:
        """What is still to be seen when the load has ended."""

    def restore(self, scene: Scene) -> None:
        """Undo what would stay, whatever failed. Raises LaunchError."""

    def phases(self, scene: Scene, profile: Profile, end_ns: int) -> tuple[LoadPhase, ...]:
        """The stretches of the window, which ends there; moments are since its start."""
        rate = profile.rate_per_s or 0.0
        begun_ns = _within(scene.begun_ns, scene.start_ns, end_ns)
        over_ns = _within(scene.recovered_ns, scene.start_ns, end_ns)
        stretches = (
            ("before", 0, begun_ns),
            ("during", begun_ns, over_ns),
            ("after", over_ns, end_ns),
        )
        return tuple(
            LoadPhase(name=name, from_ns=first, to_ns=last, rate_per_s=rate)
            for name, first, last in stretches
            if last > first
        )

    def failure(self, scene: Scene) -> str:
        """Why it is not whole, where nothing was raised; empty if it is."""
        if scene.recovered_ns is not None:
            return ""
        return f"not all was as before within {scene.told.within_s:g} s"

    def window(self, scene: Scene, fired: Window) -> Window:
        """The window, with what this change alone knows of it."""
        del scene
        return fired

    def completed(self, scene: Scene, found: ClusterChange) -> ClusterChange:
        """The record, with what this change alone knows."""
        del scene
        return found


def _within(moment_ns: int | None, start_ns: int, end_ns: int) -> int:
    return end_ns if moment_ns is None else min(moment_ns - start_ns, end_ns)


Kind = TypeVar("Kind", bound=type[DeploymentChange])
_KNOWN: dict[ChangeName, type[DeploymentChange]] = {}


def change(name: ChangeName) -> Callable[[Kind], Kind]:
    """Register a class under the name that `--experiment` takes."""

    def register(kind: Kind) -> Kind:
        _KNOWN[name] = kind
        return kind

    return register


def registered() -> dict[ChangeName, type[DeploymentChange]]:
    """Every change that can be made: the modules of this folder."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return dict(_KNOWN)
