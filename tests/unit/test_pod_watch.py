"""Pods as they come and go, stamped with this machine's clock."""

from __future__ import annotations

from typing import Any

from harness.measure.launch.kubernetes.pod_watch import PodWatch
from tests.pods import NAMESPACE, SERVER, FakeCluster, Reply, container, event, pod
from tests.system.sandbox import until


def watching(cluster: FakeCluster, seen: list[dict[str, Any]]) -> PodWatch:
    return PodWatch(cluster, NAMESPACE, "app=x", SERVER, seen.append)  # type: ignore[arg-type]


def test_the_start_of_the_first_pod_is_told_in_parts() -> None:
    seen: list[dict[str, Any]] = []
    beside = event("Pulled", place="spec.containers{beside}")
    pulled = event("Pulled", place=f"spec.containers{{{SERVER}}}")
    cluster = FakeCluster(
        events=[Reply(("ADDED", beside), ("ADDED", event("Scheduled")), ("ADDED", pulled))],
        pods=[
            Reply(
                ("ADDED", pod(conditions=(), containers=[])),
                ("MODIFIED", pod(conditions=("PodScheduled",), containers=[])),
                ("MODIFIED", pod(conditions=("PodScheduled",))),
                ("MODIFIED", pod()),
                ("ADDED", pod("p-2", conditions=())),
            )
        ],
    )
    watch = watching(cluster, seen)
    until(lambda: len(seen) == 5 and _whole(watch))
    start = watch.first()
    assert start is not None
    parts = (start.scheduled_s, start.started_s, start.ready_s)
    assert list(parts) == sorted(parts)  # type: ignore[type-var]
    assert start.image_s is not None
    assert min(part for part in parts if part is not None) >= 0
    assert set(watch.pods()) == {"p-1", "p-2"}
    watch.close()


def _whole(watch: PodWatch) -> bool:
    start = watch.first()
    return start is not None and start.image_s is not None


def test_what_was_not_seen_is_not_told() -> None:
    seen: list[dict[str, Any]] = []
    watch = watching(FakeCluster(pods=[Reply(("ADDED", pod(conditions=(), containers=[])))]), seen)
    until(lambda: bool(seen))
    start = watch.first()
    assert start is not None
    assert (start.scheduled_s, start.image_s, start.ready_s) == (None, None, None)
    watch.close()


def test_restarts_and_kills_are_those_of_all_pods_that_ever_were() -> None:
    seen: list[dict[str, Any]] = []
    killed = pod(containers=[container("bb", restarts=1, killed="aa")])
    other = pod("p-2", containers=[container("cc"), container("dd", "beside", restarts=2)])
    told = Reply(("ADDED", pod()), ("MODIFIED", killed), ("MODIFIED", killed), ("ADDED", other))
    watch = watching(FakeCluster(pods=[told]), seen)
    until(lambda: len(seen) >= 4)
    assert watch.restarts() == 3
    assert watch.out_of_memory() == 1
    watch.close()


def test_what_happened_between_two_requests_is_found() -> None:
    seen: list[dict[str, Any]] = []
    cluster = FakeCluster(
        pods=[
            Reply(("ADDED", pod()), ("ADDED", pod("p-2")), ends=True),
            Reply(("ERROR", {"message": "too old resource version"})),
        ]
    )
    cluster.lists["pods"] = [[], [pod("p-2"), pod("p-3")], [pod("p-2")]]
    watch = watching(cluster, seen)
    until(lambda: set(watch.pods()) == {"p-2", "p-3"})
    until(lambda: set(watch.pods()) == {"p-2"})
    until(lambda: "does not answer" in watch.failure)
    watch.close()


def test_no_pod_no_start() -> None:
    watch = watching(FakeCluster(), [])
    assert watch.first() is None
    assert watch.restarts() == 0
    watch.close()
