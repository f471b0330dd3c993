"""How much room for pods the nodes of a cluster have."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from harness.measure.launch.kubernetes import NodeRoom
from harness.measure.launch.kubernetes.cluster import ApiError, Cluster, Json, answering
from harness.measure.launch.kubernetes.nearness import is_this_kernel

_QUANTITY = re.compile(r"([0-9.]+(?:[eE][0-9]+)?)([A-Za-z]*)")
_UNITS: Mapping[str, float] = {
    **{"": 1.0, "n": 1e-9, "u": 1e-6, "m": 1e-3},
    **{unit: 1000.0**power for power, unit in enumerate(("k", "M", "G", "T"), 1)},
    **{unit: 1024.0**power for power, unit in enumerate(("Ki", "Mi", "Gi", "Ti"), 1)},
}
_MIB = 1024**2
_FORBIDDEN = 403


def of(cluster: Cluster) -> tuple[NodeRoom, ...]:
    """The room of each node that takes pods. Raises LaunchError.

    Where others' pods may not be seen, it is as if there were none.
    """
    with answering("The cluster does not tell how much room it has"):
        nodes = cluster.get("/api/v1/nodes").get("items", ())
        taken = _requested(cluster)
    return tuple(_room(node, taken) for node in nodes if _takes_pods(node))


def quantity(text: str) -> float:
    """A number as Kubernetes writes it: 500m, 2, 4096Mi. 0 where it is none."""
    match = _QUANTITY.fullmatch(str(text))
    return float(match[1]) * _UNITS.get(match[2], 0.0) if match else 0.0


def _room(node: Json, taken: Mapping[str, tuple[float, float]]) -> NodeRoom:
    name, gives = str(node["metadata"]["name"]), node["status"].get("allocatable", {})
    cpus, memory = taken.get(name, (0.0, 0.0))
    return NodeRoom(
        name=name,
        cpu_millis=max(0, int(1000 * (quantity(gives.get("cpu", "0")) - cpus) + 1e-6)),
        memory_mib=max(0, int((quantity(gives.get("memory", "0")) - memory) / _MIB)),
        is_here=is_this_kernel(node),
    )


def _takes_pods(node: Json) -> bool:
    spec, conditions = node.get("spec", {}), node["status"].get("conditions", ())
    barred = any(t.get("effect") in ("NoSchedule", "NoExecute") for t in spec.get("taints") or ())
    ready = any(c["type"] == "Ready" and c["status"] == "True" for c in conditions)
    return ready and not barred and not spec.get("unschedulable")


def _requested(cluster: Cluster) -> dict[str, tuple[float, float]]:
    """(CPUs, bytes) that the pods of each node request."""
    alive = "status.phase!=Succeeded,status.phase!=Failed"
    try:
        pods = cluster.get("/api/v1/pods", fieldSelector=alive).get("items", ())
    except ApiError as error:
        if error.status == _FORBIDDEN:
            return {}
        raise
    found: dict[str, tuple[float, float]] = defaultdict(lambda: (0.0, 0.0))
    for pod in pods:
        if pod["metadata"].get("deletionTimestamp"):  # what it has is free in a moment
            continue
        node = pod["spec"].get("nodeName", "")
        cpus, memory = found[node]
        found[node] = cpus + _of_pod(pod, "cpu"), memory + _of_pod(pod, "memory")
    return found


def _of_pod(pod: Json, resource: str) -> float:
    """The scheduler's rule: what its containers need together, or the largest that runs before."""
    spec = pod["spec"]
    at_once = sum(_of_container(each, resource) for each in spec["containers"])
    before = (_of_container(each, resource) for each in spec.get("initContainers") or ())
    return max(at_once, *before, 0.0)


def _of_container(container: Mapping[str, Any], resource: str) -> float:
    requests = container.get("resources", {}).get("requests") or {}
    return quantity(requests.get(resource, "0"))
