"""How much room for pods a cluster has."""

from __future__ import annotations

from typing import Any

import pytest

from harness.base.errors import LaunchError
from harness.measure.launch.kubernetes import rooms
from harness.measure.launch.kubernetes.cluster import ApiError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *(("2", 2), ("1930m", 1.93), ("250000n", 0.00025), ("4Ki", 4096), ("1.5Gi", 1.5 * 2**30)),
        *(("2k", 2000), ("1e3", 1000), ("", 0), ("none", 0), ("3Xi", 0)),
    ],
)
def test_quantities(text: str, value: float) -> None:
    assert rooms.quantity(text) == pytest.approx(value)


def node(name: str, **spec: Any) -> dict[str, Any]:
    status = {
        "allocatable": {"cpu": "2", "memory": "8Gi"},
        "conditions": [{"type": "Ready", "status": "True"}],
        "nodeInfo": {"bootID": "other"},
    }
    return {"metadata": {"name": name}, "spec": spec, "status": status}


def pod(on: str, *containers: tuple[str, str], before: str = "0") -> dict[str, Any]:
    made = [
        {"resources": {"requests": {"cpu": cpu, "memory": memory}}} for cpu, memory in containers
    ]
    first = [{"resources": {"requests": {"cpu": before}}}, {}]
    spec = {"nodeName": on, "containers": made, "initContainers": first}
    return {"metadata": {}, "spec": spec}


class Told:
    """A cluster that has these objects."""

    def __init__(self, nodes: list[Any], pods: list[Any] | ApiError) -> None:
        self.nodes, self.pods = nodes, pods

    def get(self, path: str, **query: str) -> dict[str, Any]:
        if path.endswith("nodes"):
            return {"items": self.nodes}
        assert "Succeeded" in query["fieldSelector"]
        if isinstance(self.pods, ApiError):
            raise self.pods
        return {"items": self.pods}


def test_what_pods_request_is_taken() -> None:
    pods = [
        pod("a", ("100m", "1Gi"), ("200m", "1Gi")),
        pod("a", ("100m", "0"), before="500m"),
        pod("b", ("3", "1Gi")),
        pod("b", ("1", "1Gi")) | {"metadata": {"deletionTimestamp": "2026-01-02T03:04:05Z"}},
    ]
    cluster: Any = Told([node("a"), node("b"), node("c", unschedulable=True)], pods)
    found = {each.name: (each.cpu_millis, each.memory_mib) for each in rooms.of(cluster)}
    assert found == {"a": (1200, 6144), "b": (0, 7168)}


def test_nodes_that_take_no_pods() -> None:
    tainted = node("t", taints=[{"effect": "NoSchedule", "key": "k"}])
    broken = node("x")
    broken["status"]["conditions"] = [{"type": "Ready", "status": "Unknown"}]
    cluster: Any = Told([tainted, broken, node("ok", taints=None)], [])
    assert [each.name for each in rooms.of(cluster)] == ["ok"]


def test_others_pods_may_not_be_seen() -> None:
    cluster: Any = Told([node("a")], ApiError("no", status=403))
    assert rooms.of(cluster)[0].cpu_millis == 2000
    gone: Any = Told([node("a")], ApiError("it does not answer"))
    with pytest.raises(LaunchError, match="does not tell how much room it has: it does not"):
        rooms.of(gone)
