"""What a Deployment is put through after its windows: changes while load goes on, one by one."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from harness.base.errors import HarnessError
from harness.measure.cell import changes, straining
from harness.measure.cell.change_scene import Scene
from harness.measure.cell.changes import DeploymentChange
from harness.measure.cell.deployment_stages import ChangeWindow, DeploymentStages
from harness.measure.cell.deployment_watch import DeploymentWatch
from harness.measure.cell.life import Life, capacity_per_s
from harness.measure.launch.kubernetes import LaunchedDeployment
from harness.measure.launch.launchers import Launched
from harness.measure.load.drivers import Firing
from harness.setup.changes import ChangeName, ChangingTable
from harness.setup.slo import Slo
from harness.stored.pods import ClusterChange, PodShare
from harness.stored.records import of_kind
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile

_JOINS_S = 90.0  # at most, for what is done to end when the load has


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangesOrder:
    """The planned changes of a Deployment."""

    changes: tuple[ChangeName, ...]
    told: ChangingTable
    slo: Slo
    ceiling_per_s: float | None = None  # of the generator


def undergo(order: ChangesOrder, stages: DeploymentStages, launched: Launched, life: Life) -> None:
    """Make the changes; what is learnt is kept in `life` even where something fails."""
    if not isinstance(launched, LaunchedDeployment):
        return
    names = {w.facts.profile.name for w in of_kind(life.windows, WindowKind.PROFILE)}
    ours = [span for span in stages.spans if span.profile in names]
    if ours:
        with suppress(HarnessError):  # what has no records is told of elsewhere
            shares = launched.control.shares(ours[0].start_ns, ours[-1].end_ns)
            life.shares = tuple(shares)
    try:
        for name in order.changes:
            if launched.exited() is not None:
                return
            life.show(name)
            life.changes.append(_change(name, order, stages, launched, life))
    finally:
        if order.changes and launched.exited() is None:
            with suppress(HarnessError):  # of one that does not come back, the next change has told
                launched.control.rescale(stages.variant.table.replicas)


def _change(
    name: ChangeName,
    order: ChangesOrder,
    stages: DeploymentStages,
    launched: LaunchedDeployment,
    life: Life,
) -> ClusterChange:
    capacity = capacity_per_s(life)
    found = ClusterChange(name=name, slo=str(order.slo), rate_per_s=capacity or 0.0)
    if capacity is None:
        return replace(found, failure="it is not known what one pod bears")
    with DeploymentWatch(launched.control) as watch:
        scene = Scene(
            stages=stages,
            launched=launched,
            told=order.told,
            capacity_per_s=capacity,
            watch=watch,
        )
        return _made(scene, found, life, order.ceiling_per_s)


def _made(
    scene: Scene, found: ClusterChange, life: Life, ceiling_per_s: float | None
) -> ClusterChange:
    """One change, with its window, if it came to that."""
    made, troubles = changes.registered()[found.name](), list[str]()
    profile = made.profile(scene, found.name)
    fastest = max(profile.rate_per_s or 0.0, profile.rate_to_per_s or 0.0)
    try:
        if why := made.why_not(scene) or straining.beyond(ceiling_per_s, fastest):
            return replace(found, failure=why)
        scene.serve(made.pods(scene))
        with _restored(made, scene, troubles):
            made.prepare(scene)
            fired = _fired(made, scene, profile, troubles)
            window = made.window(scene, fired.window)
            life.windows.append(window.of_kind(WindowKind.CHANGE))
            made.follow(scene)
            found = _seen(made, scene, fired, found)
            troubles += filter(None, [] if troubles else [made.failure(scene)])
    except HarnessError as error:
        troubles.append(str(error))
    return replace(found, failure="; ".join(each.rstrip(".") for each in troubles))


@contextmanager
def _restored(made: DeploymentChange, scene: Scene, troubles: list[str]) -> Iterator[None]:
    """Whatever happens, nothing of the change stays; with what went wrong with that."""
    try:
        yield
    finally:
        try:
            made.restore(scene)
        except HarnessError as error:
            troubles.append(str(error))


def _fired(
    made: DeploymentChange, scene: Scene, profile: Profile, troubles: list[str]
) -> ChangeWindow:
    """The window in which it happens, with what goes wrong with it. It happens in a thread of its
    own: meanwhile the server is watched as ever."""
    done = threading.Event()

    def happen() -> None:
        try:
            made.happen(scene)
        except HarnessError as error:
            troubles.append(str(error))
        finally:
            done.set()

    actor = threading.Thread(target=happen, name=profile.name, daemon=True)

    def begun(firing: Firing) -> None:
        scene.start_ns = firing.start_ns
        actor.start()

    try:
        every = made.judge_every
        fired = scene.stages.under_change(scene.launched, profile, begun, done.is_set, every)
    finally:
        scene.over.set()
        if actor.ident is not None:
            actor.join(_JOINS_S)
    if actor.is_alive():
        troubles.append(f"what was done had not ended {_JOINS_S:.0f} s after the load")
    return fired


def _seen(
    made: DeploymentChange, scene: Scene, fired: ChangeWindow, found: ClusterChange
) -> ClusterChange:
    """What there was to see of it."""
    start_ns, end_ns = fired.span.start_ns, fired.span.end_ns
    load_ns = int(fired.window.facts.profile.duration_s * 1e9)
    recovery_s = None
    if scene.begun_ns is not None and scene.recovered_ns is not None:
        recovery_s = (scene.recovered_ns - scene.begun_ns) / 1e9
    cut = ""
    if fired.unanswered:
        cut = f"{fired.unanswered} requests were under way when the load ended, and do not count"
    seen = replace(
        found,
        phases=made.phases(scene, fired.window.facts.profile, load_ns),
        moments=scene.watch.moments(start_ns),
        happenings=scene.watch.happenings(start_ns),
        shares=_shares(scene, start_ns, end_ns),
        recovery_s=recovery_s,
        note="; ".join(filter(None, (_one_node(scene), made.note(scene), cut))),
    )
    return made.completed(scene, seen)


def _one_node(scene: Scene) -> str:
    if scene.control.nodes() > 1:
        return ""
    return "all pods are on one node"


def _shares(scene: Scene, start_ns: int, end_ns: int) -> tuple[PodShare, ...]:
    """Of the pods that are there, and of those that were called and are gone."""
    here = {pod.name for pod in scene.watch.now()}
    shares = scene.control.shares(start_ns, end_ns)
    return tuple(share for share in shares if share.calls or share.pod in here)
