"""What is done to a Deployment, at one that nobody runs, under load that nobody sends."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from harness.base.errors import LaunchError
from harness.measure.cell import changes, deployment_changes, deployment_watch
from harness.measure.cell.change_scene import Scene
from harness.measure.cell.changes import DeploymentChange
from harness.measure.cell.changes import autoscaling as scaling
from harness.measure.cell.deployment_changes import ChangesOrder
from harness.measure.cell.deployment_stages import Span
from harness.measure.cell.life import Life
from harness.setup import slo
from harness.setup.changes import (
    AUTOSCALING,
    NODE_DRAINED,
    NOT_LIVE,
    POD_KILLED,
    ROLLING_UPDATE,
    ChangeName,
    ChangingTable,
    planned_s,
)
from harness.stored.pods import ClusterChange, PodShare
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile
from tests.deployments import QUICK, FakeDeployment, FakeStages, window_of


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployment_watch, "_EVERY_S", 0.03)


CLOSED = Profile("saturated", "closed", 2.0, concurrency=8)


def undergone(
    deployment: FakeDeployment,
    *names: ChangeName,
    told: ChangingTable = QUICK,
    stages: FakeStages | None = None,
    life: Life | None = None,
    ceiling_per_s: float | None = None,
) -> Life:
    """Its life, after these changes; two requests in two seconds are one pod's capacity."""
    life = life or Life(windows=[window_of(CLOSED)])
    stages = stages or FakeStages()
    stages.variant = SimpleNamespace(table=SimpleNamespace(replicas=1))
    wanted = slo.parse("p99<100ms")
    order = ChangesOrder(changes=names, told=told, slo=wanted, ceiling_per_s=ceiling_per_s)
    deployment_changes.undergo(order, cast(Any, stages), cast(Any, deployment), life)
    return life


def change(deployment: FakeDeployment, name: ChangeName, **options: Any) -> ClusterChange:
    (found,) = undergone(deployment, name, **options).changes
    assert found.name == name
    return found


def said(found: ClusterChange) -> list[str]:
    return [happening.said for happening in found.happenings]


@pytest.mark.parametrize(
    ("name", "done", "happened"),
    [
        (ROLLING_UPDATE, "update", "a rolling update to the same image began"),
        (POD_KILLED, "kill pod-1", "pod pod-1 was killed"),
        (NOT_LIVE, "freeze pod-1", "all processes of pod pod-1 were stopped (SIGSTOP)"),
    ],
)
def test_it_is_done_to_two_pods_in_the_middle_of_a_window(
    name: ChangeName, done: str, happened: str
) -> None:
    deployment, stages = FakeDeployment(), FakeStages()
    life = undergone(deployment, name, stages=stages)
    (found,) = life.changes
    assert deployment.done[0] == "rescale 2"
    assert done in deployment.done
    assert deployment.done[-1] == "rescale 1", "as it was before"
    assert found.failure == ""
    assert found.recovery_s
    assert happened in said(found)
    assert any(each.endswith("is ready") for each in said(found))
    assert [phase.name for phase in found.phases] == ["before", "during", "after"]
    assert {phase.rate_per_s for phase in found.phases} == {0.5}, "half of what one pod bears"
    assert all(a.to_ns == b.from_ns for a, b in zip(found.phases, found.phases[1:], strict=False))
    assert {moment.wanted for moment in found.moments} == {2}
    assert min(moment.ready for moment in found.moments) < 2 or name == ROLLING_UPDATE
    assert found.shares
    assert all(share.calls for share in found.shares), "pods that were gone before do not count"
    (profile,) = stages.profiles
    assert (profile.name, profile.shape, profile.rate_per_s) == (name, "poisson", 0.5)
    assert life.windows[-1].facts.kind is WindowKind.CHANGE
    assert life.windows[-1].facts.profile.duration_s < profile.duration_s, "it ended early"


def test_one_node_takes_pods_again_that_it_was_drained_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changes_of(NODE_DRAINED), "_CORDONED_S", 0.2)
    deployment = FakeDeployment()
    found = change(deployment, NODE_DRAINED)
    assert found.failure == ""
    assert deployment.done.index("cordon one") < deployment.done.index("evict pod-1")
    assert "uncordon one" in deployment.done
    assert deployment.done.index("uncordon one") < deployment.done.index("evict pod-2")
    assert not deployment.protected
    assert "there is no other node" in found.note
    assert found.note.startswith("all pods are on one node")
    assert min(moment.ready for moment in found.moments) == 1, "one at a time"


def changes_of(name: ChangeName) -> Any:
    """The module of a change."""
    import sys

    return sys.modules[changes.registered()[name].__module__]


def test_with_another_node_pods_move_there() -> None:
    deployment = FakeDeployment(node_names=("one", "other"))
    found = change(deployment, NODE_DRAINED)
    assert (found.failure, found.note) == ("", "")
    assert deployment.done.index("uncordon one") > deployment.done.index("evict pod-2")
    assert not deployment.cordoned


def test_what_was_begun_is_undone_where_it_fails() -> None:
    deployment = FakeDeployment(node_names=("one", "other"), refuses={"evict": "No right to."})
    found = change(deployment, NODE_DRAINED)
    assert found.recovery_s is None
    assert found.failure == "No right to"
    assert not deployment.cordoned
    assert not deployment.protected


def test_a_deployment_that_does_not_recover() -> None:
    deployment = FakeDeployment(slow=10**6)
    deployment.replicas = 2
    deployment._fill()
    for pod in deployment.made:
        pod.ready = True
    found = change(deployment, POD_KILLED, told=QUICK.model_copy(update={"within_s": 0.5}))
    assert found.failure.startswith("not all was as before within 0.5 s")
    assert [phase.name for phase in found.phases] == ["before", "during"]


@pytest.mark.parametrize("what", ["rescale", "kill", "shares"])
def test_what_the_cluster_refuses_is_said(what: str) -> None:
    deployment = FakeDeployment(refuses={what: "The API server is gone."})
    life = undergone(deployment, POD_KILLED, ROLLING_UPDATE)
    assert len(life.changes) == 2, "the next one is made all the same"
    assert "The API server is gone" in life.changes[0].failure
    assert not life.changes[0].failure.endswith(".")


def test_a_server_that_is_gone_undergoes_nothing_more() -> None:
    assert undergone(FakeDeployment(gone="it crashed"), POD_KILLED).changes == []


def test_without_a_capacity_no_load_is_known() -> None:
    found = change(FakeDeployment(), POD_KILLED, life=Life())
    assert found.failure == "it is not known what one pod bears"


def test_load_beyond_the_generator_is_not_fired() -> None:
    stages = FakeStages()
    life = undergone(FakeDeployment(), AUTOSCALING, POD_KILLED, stages=stages, ceiling_per_s=1.5)
    assert life.changes[0].failure.startswith("2/s is more than 80% of the 2/s that the generator")
    assert life.changes[1].failure == ""
    assert [profile.name for profile in stages.profiles] == ["pod-killed"]


def test_pods_whose_containers_have_ended_are_not_waited_for() -> None:
    class Listed(FakeDeployment):
        """Pods that have ended stay in the list."""

        def pods(self) -> Any:
            seen = super().pods()
            return (*seen, replace(seen[0], name="old", ready=False, ending=True, runs=False))

    found = change(Listed(), POD_KILLED, told=QUICK.model_copy(update={"within_s": 5.0}))
    assert found.failure == ""
    assert found.phases[-1].to_ns - found.phases[-1].from_ns < 10e9


def test_the_autoscaler_meets_steps_and_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scaling, "_FOLLOWED_S", 5.0)
    deployment, stages = FakeDeployment(), FakeStages()

    def used(look: int) -> int | None:
        if len(stages.profiles):  # under load
            deployment.replicas = 3 if deployment.replicas == 1 and look % 2 else 1
            deployment._fill()
        return None if look < 2 else 95

    deployment.cpu_percent = used
    life = undergone(deployment, AUTOSCALING, stages=stages)
    (found,) = life.changes
    assert found.failure == ""
    assert "autoscale 1 5 80" in deployment.done
    assert "end_autoscaling 1" in deployment.done
    assert deployment.scaled is None
    assert found.metrics_from == "a shim"
    assert [phase.name for phase in found.phases] == ["0.5x", "1x", "1.5x", "2x", "1x", "0.5x"]
    (profile,) = stages.profiles
    assert (profile.shape, profile.rate_per_s, profile.rate_to_per_s) == ("steps", 0.5, 2.0)
    assert profile.duration_s == pytest.approx(6 * QUICK.step_s)
    assert "the load fell to its first rate" in said(found)
    assert 95 in {moment.cpu_percent for moment in found.moments}
    assert any("replicas are wanted instead of" in each for each in said(found))


def test_without_figures_there_is_no_autoscaling(monkeypatch: pytest.MonkeyPatch) -> None:
    assert change(FakeDeployment(metrics=""), AUTOSCALING).failure == (
        "nothing in the cluster serves the resource metrics that the autoscaler reads"
    )
    monkeypatch.setattr(scaling, "_FIGURES_S", 0.1)
    deployment = FakeDeployment(cpu_percent=lambda _: None)
    assert "no figures" in change(deployment, AUTOSCALING).failure
    assert deployment.scaled is None


def test_how_pods_shared_the_requests_of_profiles() -> None:
    deployment = FakeDeployment()
    spans = (
        Span(profile="saturated", start_ns=10, end_ns=20),
        Span(profile="probe-1", start_ns=30, end_ns=40),
    )
    life = undergone(deployment, stages=FakeStages(spans=spans))
    assert life.shares[0] == PodShare(pod="pod-1", calls=3)
    assert life.changes == []
    assert undergone(FakeDeployment(refuses={"shares": "no"})).shares == ()


def test_requests_that_the_end_cut_off_are_told_of() -> None:
    found = change(FakeDeployment(), POD_KILLED, stages=FakeStages(unanswered=2))
    assert found.note.endswith("2 requests were under way when the load ended, and do not count")


def test_an_interruption_leaves_nothing_behind() -> None:
    class Interrupted(FakeStages):
        def under_change(self, *told: Any) -> Any:
            super().under_change(*told)
            raise KeyboardInterrupt

    deployment = FakeDeployment(node_names=("one", "other"))
    with pytest.raises(KeyboardInterrupt):
        change(deployment, NODE_DRAINED, stages=Interrupted())
    assert not deployment.cordoned
    assert deployment.done[-1] == "rescale 1"


def test_a_change_is_one_class_with_what_is_different_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Own(DeploymentChange):
        judge_every = 1

        def act(self, scene: Scene) -> None:
            scene.begin("nothing")
            scene.recover(lambda _: True)

        def note(self, scene: Scene) -> str:
            return f"{scene.capacity_per_s:g}/s"

        def completed(self, scene: Scene, found: ClusterChange) -> ClusterChange:
            del scene
            return replace(found, metrics_from="own")

    monkeypatch.setattr(changes, "registered", lambda: {ROLLING_UPDATE: Own})
    stages = FakeStages()
    found = change(FakeDeployment(), ROLLING_UPDATE, stages=stages)
    assert (found.metrics_from, found.note) == ("own", "all pods are on one node; 1/s")
    assert stages.judged == [1]

    class Broken(Own):
        def act(self, scene: Scene) -> None:
            del scene
            raise LaunchError("It broke.")

    monkeypatch.setattr(changes, "registered", lambda: {ROLLING_UPDATE: Broken})
    assert change(FakeDeployment(), ROLLING_UPDATE).failure == "It broke"


def test_how_long_they_are_likely_to_take() -> None:
    assert planned_s((), QUICK) == 0
    assert planned_s((AUTOSCALING,), ChangingTable(step_s=20)) > 120
    assert planned_s((POD_KILLED, NOT_LIVE), QUICK) > 2 * planned_s((POD_KILLED,), QUICK) - 1
