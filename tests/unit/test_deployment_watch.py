"""A Deployment over time, and what is said of its pods."""

from __future__ import annotations

import time
from typing import Any, cast

from harness.measure.cell.deployment_watch import DeploymentWatch, _differences, serving
from harness.measure.launch.kubernetes import PodSeen
from tests.deployments import FakeDeployment


def pod(name: str = "a", **seen: Any) -> PodSeen:
    known = {"uid": name, "node": "n", "phase": "Running", "ready": True, "ending": False}
    return PodSeen(name=name, **{**known, "restarts": 0, **seen})


def said(before: list[PodSeen], after: list[PodSeen]) -> list[str]:
    return _differences({p.name: p for p in before}, {p.name: p for p in after})


def test_what_became_of_pods() -> None:
    assert said([pod()], [pod()]) == []
    assert said([], [pod(ready=False)]) == ["pod a is there"]
    assert said([], [pod()]) == ["pod a is there", "pod a is ready"]
    assert said([pod()], []) == ["pod a is gone"]
    assert said([pod()], [pod(ending=True)]) == ["pod a is to end"]
    assert said([pod(ending=True)], [pod(ending=True, ready=False)]) == []
    assert said([pod()], [pod(ready=False, why="it hangs")]) == [
        "pod a is not ready any more: it hangs"
    ]
    assert said([pod()], [pod(ready=False, restarts=1, why="out of memory")]) == [
        "pod a: its container was started again: out of memory",
        "pod a is not ready any more: out of memory",
    ]


def test_a_pod_that_is_to_end_takes_no_requests() -> None:
    pods = (pod("a"), pod("b", ending=True), pod("c", ready=False), pod("d"))
    assert serving(pods) == 2
    assert serving(pods, frozenset("d")) == 1


def test_moments_and_happenings_are_since_a_windows_start() -> None:
    deployment = FakeDeployment()
    with DeploymentWatch(cast(Any, deployment)) as watch:
        watch.say("before")
        assert watch.until(lambda pods: len(pods) == 1, 10)
        start_ns = time.monotonic_ns()
        watch.say("after")
        deployment.rescale(2)
        assert watch.until(lambda pods: serving(pods) == 2 == watch.wanted(), 30)
        assert not watch.until(lambda pods: serving(pods) == 3, 0.05)
    moments = watch.moments(start_ns)
    assert moments[0].at_ns >= 0
    assert (moments[-1].wanted, moments[-1].ready, moments[-1].present) == (2, 2, 2)
    found = [each.said for each in watch.happenings(start_ns)]
    assert found[0] == "after"
    assert {"pod pod-2 is ready", "2 replicas are wanted instead of 1"} <= set(found)


def test_a_cluster_that_is_not_seen_for_a_while() -> None:
    class Silent(FakeDeployment):
        silent = False

        def pods(self) -> Any:
            if self.silent:
                from harness.base.errors import LaunchError

                raise LaunchError("no answer")
            return super().pods()

    deployment = Silent()
    with DeploymentWatch(cast(Any, deployment)) as watch:
        watch.now()
        deployment.silent = True
        assert not watch.until(lambda pods: not pods, 1.2)
        deployment.silent = False
        looks = deployment.look
        assert watch.until(lambda _: deployment.look > looks, 10)
    found = [each.said for each in watch.happenings(0)]
    assert found == ["the cluster was not seen: no answer"], "once"
