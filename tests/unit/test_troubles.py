"""Why a Deployment does not come up, or serves no more: no cluster is needed to tell."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import Any

import pytest

from harness.measure.launch.kubernetes.troubles import Troubles
from tests.unit.test_pod_states import RUNS, Json, died, pod, ready, waits


class Fakes:
    """A Deployment and what is seen of it, as a test sets them; and a clock."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.pods: list[Json] = []
        self.no_pods = ""
        self.told: list[Json] = []
        self.failure = ""
        self.now = 1000.0
        monkeypatch.setattr(time, "monotonic", lambda: self.now)
        deployed: Any = SimpleNamespace(
            workload=SimpleNamespace(memory_mib=64),
            container="server",
            why_no_pods=lambda _: self.no_pods,
            events=lambda _: self.told,
        )
        self.troubles = Troubles(deployed, self._observer())

    def _observer(self) -> Any:
        outer = self

        class Observer:
            failure = property(lambda _: outer.failure)

            def pods(self) -> dict[str, Json]:
                return {str(number): each for number, each in enumerate(outer.pods)}

        return Observer()

    def later(self, seconds: float) -> str | None:
        """What is said before it was ready, so much later."""
        self.now += seconds
        return self.troubles.before_ready()


@pytest.fixture
def fakes(monkeypatch: pytest.MonkeyPatch) -> Fakes:
    return Fakes(monkeypatch)


def test_a_pod_on_its_way_is_no_trouble(fakes: Fakes) -> None:
    assert fakes.later(0) is None
    fakes.pods = [pod(waits("ContainerCreating"))]
    assert fakes.later(100) is None
    fakes.pods = [pod(RUNS, conditions=ready())]
    assert fakes.later(1) is None


def test_a_container_that_ended_before_it_was_ready(fakes: Fakes) -> None:
    fakes.pods = [pod(RUNS, last=died(3), restarts=1)]
    assert fakes.later(0) == "its container ended with exit code 3"
    fakes.pods[0]["metadata"]["deletionTimestamp"] = "now"  # an earlier one, which goes
    assert fakes.later(0) is None


def test_an_image_that_is_not_there(fakes: Fakes) -> None:
    fakes.pods = [pod(waits("ImagePullBackOff", "not found"))]
    assert fakes.later(0) == "the cluster can't get its image serving-harness/x:1: not found"


def test_a_quota(fakes: Fakes) -> None:
    fakes.no_pods = "exceeded quota: small"
    assert fakes.later(1) is None  # the cluster is not asked all the time
    assert fakes.later(2) == "the cluster makes no pod of it: exceeded quota: small"


def test_no_room(fakes: Fakes) -> None:
    full = {"type": "PodScheduled", "status": "False", "message": "0/1 nodes: Insufficient cpu."}
    fakes.pods = [pod({}, phase="Pending", conditions=[full])]
    assert fakes.later(30) is None  # one that ended may keep its room for a while
    said = "its pod found no node within 60 s: 0/1 nodes: Insufficient cpu"
    assert fakes.later(60) == said
    fakes.told = [{"reason": "TriggeredScaleUp"}]
    assert fakes.later(60) is None  # a node is being added


def test_a_container_that_ends_again_and_again(fakes: Fakes) -> None:
    fakes.pods = [pod(RUNS, last=died(1), restarts=2, conditions=ready())]
    assert fakes.troubles.after_ready() is None  # the cluster has started it again
    fakes.pods = [pod(waits("CrashLoopBackOff"), last=died(137, "OOMKilled"), restarts=3)]
    said = fakes.troubles.after_ready()
    assert said is not None
    assert "it may use 64 MiB" in said
    assert said.endswith(", 3 times, and is started ever more rarely")


def test_a_cluster_that_is_silent_for_long(fakes: Fakes) -> None:
    fakes.failure = "Connection refused"
    assert fakes.troubles.after_ready() is None
    fakes.now += 10
    assert fakes.troubles.after_ready() is None
    fakes.now += 11
    assert fakes.troubles.after_ready() == (
        "the cluster tells nothing of its pods for 20 s now (Connection refused)"
    )
    fakes.failure = ""
    assert fakes.troubles.after_ready() is None
