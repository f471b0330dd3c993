"""What a pod's plain data says of it."""

from __future__ import annotations

from typing import Any

import pytest

from harness.measure.launch.kubernetes import pod_states
from harness.measure.launch.kubernetes.deployments import is_rolled_out, why_no_pods
from harness.measure.launch.kubernetes.pod_states import ContainerEnd

Json = dict[str, Any]


def pod(state: Json, *, last: Json | None = None, restarts: int = 0, **status: Any) -> Json:
    """A pod whose container `server` has that state."""
    told = {
        "name": "server",
        "image": "serving-harness/x:1",
        "state": state,
        "lastState": last or {},
        "restartCount": restarts,
    }
    about = {"name": "p", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    return {
        "metadata": about,
        "spec": {"nodeName": "n"},
        "status": {"phase": "Running", "containerStatuses": [told], **status},
    }


def waits(reason: str, message: str = "") -> Json:
    return {"waiting": {"reason": reason, "message": message}}


def died(code: int, reason: str = "Error") -> Json:
    return {"terminated": {"exitCode": code, "reason": reason}}


def ready(status: str = "True") -> list[Json]:
    return [{"type": "Ready", "status": status}]


RUNS: Json = {"running": {}}


def test_one_that_serves() -> None:
    found = pod_states.seen(pod(RUNS, conditions=ready()))
    assert (found.name, found.node, found.ready, found.ending, found.why) == (
        *("p", "n", True, False, ""),
    )


def test_one_that_ends_takes_no_requests() -> None:
    ending = pod(RUNS, conditions=ready())
    ending["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z"
    found = pod_states.seen(ending)
    assert (found.ready, found.ending) == (False, True)
    assert pod_states.runs(ending)


@pytest.mark.parametrize(
    ("state", "said"),
    [
        (
            waits("ImagePullBackOff", 'Back-off pulling image "x".'),
            'the cluster can\'t get its image serving-harness/x:1: Back-off pulling image "x"',
        ),
        (waits("ErrImagePull", "a moment"), ""),
        (waits("ContainerCreating"), ""),
        (waits("CrashLoopBackOff"), ""),
        (
            waits("CreateContainerConfigError", "no such secret"),
            "its container can't be made: CreateContainerConfigError: no such secret",
        ),
        (RUNS, ""),
    ],
)
def test_which_states_nothing_comes_of(state: Json, said: str) -> None:
    assert pod_states.never(pod(state)) == said


def test_a_pod_that_was_evicted_has_failed() -> None:
    found = pod({}, phase="Failed", reason="Evicted", message="The node was low on memory.")
    assert pod_states.never(found) == "its pod has failed: Evicted: The node was low on memory"


@pytest.mark.parametrize(
    ("found", "end"),
    [
        (pod(RUNS), None),
        (pod(died(3)), ContainerEnd(code=3, reason="Error")),
        (pod(waits("CrashLoopBackOff"), last=died(1)), ContainerEnd(code=1, reason="Error")),
        (pod(RUNS, last=died(137, "OOMKilled")), ContainerEnd(code=137, reason="OOMKilled")),
        (
            pod(died(137, "ContainerStatusUnknown")),
            ContainerEnd(code=None, reason="ContainerStatusUnknown"),
        ),
    ],
)
def test_how_its_container_ended_last(found: Json, end: ContainerEnd | None) -> None:
    assert pod_states.ended(found, "server") == end
    assert pod_states.ended(found, "other") is None


def test_the_end_for_want_of_memory_names_the_limit() -> None:
    said = pod_states.end_words(ContainerEnd(code=137, reason="OOMKilled"), 64)
    assert said.startswith("the kernel's out-of-memory killer ended it: it may use 64 MiB")
    assert pod_states.end_words(ContainerEnd(code=3, reason="Error"), 64) == (
        "its container ended with exit code 3"
    )


def test_one_that_loops_says_why() -> None:
    found = pod(waits("CrashLoopBackOff", "back-off 20s"), last=died(2), restarts=4)
    assert pod_states.loops(found)
    assert pod_states.restarts(found) == 4
    assert pod_states.seen(found).why == "CrashLoopBackOff: back-off 20s; Error (exit code 2)"


def test_one_without_room_says_so() -> None:
    conditions = [{"type": "PodScheduled", "status": "False", "message": "0/1 nodes: no CPU."}]
    found = pod({}, phase="Pending", conditions=conditions)
    assert pod_states.unschedulable(found) == "0/1 nodes: no CPU"


def test_warnings_come_once_the_newest_last() -> None:
    events = [
        {"type": "Warning", "reason": "B", "message": "late.", "lastTimestamp": "2"},
        {"type": "Normal", "reason": "N", "message": "fine", "lastTimestamp": "3"},
        {"type": "Warning", "reason": "A", "message": "early", "lastTimestamp": "1"},
        {"type": "Warning", "reason": "B", "message": "late", "lastTimestamp": "4"},
    ]
    assert pod_states.warnings(events) == ["A: early", "B: late"]


def deployment(wanted: int = 2, generation: int = 3, **status: int) -> Json:
    return {
        "metadata": {"generation": generation},
        "spec": {"replicas": wanted},
        "status": {"observedGeneration": 3, **status},
    }


@pytest.mark.parametrize(
    ("found", "over"),
    [
        (deployment(replicas=2, updatedReplicas=2, availableReplicas=2), True),
        (deployment(replicas=3, updatedReplicas=2, availableReplicas=2), False),
        (deployment(replicas=2, updatedReplicas=1, availableReplicas=2), False),
        (deployment(replicas=2, updatedReplicas=2), False),
        (deployment(generation=4, replicas=2, updatedReplicas=2, availableReplicas=2), False),
    ],
)
def test_when_an_update_is_over(found: Json, over: bool) -> None:
    assert is_rolled_out(found) is over


def test_a_quota_is_why_there_are_no_pods() -> None:
    failed = {"type": "ReplicaFailure", "status": "True", "message": "exceeded quota: small."}
    assert why_no_pods({"status": {"conditions": [failed]}}) == "exceeded quota: small"
    assert why_no_pods({"status": {}}) == ""
