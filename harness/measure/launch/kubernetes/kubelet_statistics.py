"""What the kubelets of a cluster's nodes count of a Deployment's pods, through the API server.

Formats: stats/v1alpha1 of k8s.io/kubelet (`Summary`), and the text format of Prometheus as cAdvisor
writes it in `/metrics/cadvisor`.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from harness.base.errors import LaunchError
from harness.measure.launch.kubernetes.cluster import Cluster, answering
from harness.measure.launch.kubernetes.pod_counts import Counts, most_of_a_pod, throttled
from harness.windows.samples import MISSING

_EVERY_NS = 5_000_000_000  # between two looks, but at a window's ends: a kubelet reads all its pods
_LIMIT_S = 10.0
_SUMMARY, _CADVISOR = "stats/summary", "metrics/cadvisor"
_STAMP_NS = 1_000_000_000  # the resolution of its time stamps
_ROW = re.compile(r"^(\w+)\{([^}]*)\} (\S+)", re.MULTILINE)
_LABEL = re.compile(r'(\w+)="([^"]*)"')
_THROTTLED = "container_cpu_cfs_throttled_seconds_total"
_ID = re.compile("[0-9a-f]{64}")
_PEAK = "container_memory_max_usage_bytes"

Known = Mapping[str, tuple[str, str]]  # (pod, name) of containers, by their ids


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerCount:
    """The figures of one container in a summary."""

    place: tuple[str, str]  # its pod, and its name there
    at_ns: int  # of the node's clock of the day
    cpu_ns: int
    memory_bytes: int  # without file cache that the kernel can drop


def of_summary(data: bytes, namespace: str, pods: Collection[str]) -> list[ContainerCount]:
    """The containers of these pods in a node's summary. Raises LaunchError."""
    try:
        every = [(pod["podRef"], pod) for pod in json.loads(data)["pods"]]
        mine = [p for ref, p in every if ref["namespace"] == namespace and ref["name"] in pods]
        return [
            _count((pod["podRef"]["name"], found["name"]), found)
            for pod in mine
            for found in pod.get("containers") or ()
            if "usageCoreNanoSeconds" in found.get("cpu", {})
        ]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        raise LaunchError(f"A kubelet's statistics can't be read: {data[:100]!r}.") from error


def _count(place: tuple[str, str], found: Mapping[str, Any]) -> ContainerCount:
    cpu, memory = found["cpu"], found.get("memory", {})
    stamped = datetime.fromisoformat(cpu["time"].replace("Z", "+00:00"))
    return ContainerCount(
        place=place,
        at_ns=int(stamped.timestamp()) * 1_000_000_000,
        cpu_ns=int(cpu["usageCoreNanoSeconds"]),
        memory_bytes=int(memory.get("workingSetBytes", MISSING)),
    )


def _memory(found: Collection[ContainerCount]) -> int:
    each = [count.memory_bytes for count in found]
    return MISSING if MISSING in each else sum(each)


def of_cadvisor(text: str, known: Known, namespace: str, metric: str) -> Counts:
    """A metric of these containers, and of each of their pods under the name of none.

    Some kubelets name no container, so that its id in the path of its control group must do.
    """
    found: Counts = {}
    pods = {pod for pod, _ in known.values()}
    for row in _ROW.finditer(text):
        if row[1] != metric:
            continue
        labels = dict(_LABEL.findall(row[2]))
        pod, name = labels.get("pod", ""), labels.get("container", "")
        group = labels.get("id", "").rpartition("/")[2]
        told = _ID.search(group)
        if told and told[0] in known:
            found[known[told[0]]] = float(row[3])
        elif labels.get("namespace") == namespace and pod in pods:
            if name not in ("", "POD"):
                found[pod, name] = float(row[3])
            elif "pod" in group:
                found[pod, ""] = float(row[3])
    return found


def moment(stamped_ns: int, asked_ns: int, answered_ns: int) -> int:
    """When a figure was read, by the clock of the three: the middle of the request where its stamp
    does not deny that, else the middle of the second that it was stamped with."""
    if asked_ns - _STAMP_NS < stamped_ns <= answered_ns:
        return (asked_ns + answered_ns) // 2
    return stamped_ns + _STAMP_NS // 2


class KubeletStatistics:
    """Samples of some pods of a namespace; what was counted of one that is gone stays counted."""

    def __init__(self, cluster: Cluster, namespace: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._counted: dict[str, dict[tuple[str, str], tuple[float, float]]] = {}
        self._peaks: Counts = {}
        self._last_ns = self._stamped_ns = 0
        self.answered = False
        self.failure = ""  # why the last look gave nothing

    def sample(
        self, nodes: Collection[str], known: Known, off_s: float, *, at_end: bool
    ) -> dict[str, int] | None:
        """Columns of Usage, with the moment at which the kubelets read them; None where nothing is
        new. `off_s`: the nodes' clock of the day less ours."""
        if not at_end and time.monotonic_ns() - self._last_ns < _EVERY_NS:
            return None
        try:
            pods = {pod for pod, _ in known.values()}
            found, at_ns = self._summaries(nodes, pods, int(off_s * 1e9))
            rare = [self._page(node, _CADVISOR) for node in nodes] if at_end else []
        except LaunchError as error:
            self.failure = str(error)
            return None
        finally:
            self._last_ns = time.monotonic_ns()
        if not found or at_ns <= self._stamped_ns:
            return None
        self.answered, self._stamped_ns = True, at_ns
        for page in rare:
            self._note(page.decode("utf-8", "replace"), known)
        self._add("cpu", {count.place: count.cpu_ns for count in found})
        throttled_s = self._throttled_s()
        return {
            "at_ns": at_ns,
            "cpu_ns": int(sum(self._sums("cpu").values())),
            "memory_bytes": _memory(found),
            "throttled_ns": MISSING if throttled_s is None else int(throttled_s * 1e9),
        }

    def counts(self) -> tuple[int | None, float | None]:
        """(the most memory that one pod held, seconds throttled), as far as they were told."""
        return most_of_a_pod(self._peaks) or None, self._throttled_s()

    def _summaries(
        self, nodes: Collection[str], pods: Collection[str], off_ns: int
    ) -> tuple[list[ContainerCount], int]:
        """The containers on all nodes, and when they were read, by our CLOCK_MONOTONIC."""
        found, moments = [], []
        for node in nodes:
            asked_ns = time.time_ns()
            data = self._page(node, _SUMMARY, only_cpu_and_memory="true")
            answered_ns, now_ns = time.time_ns(), time.monotonic_ns()
            counts = of_summary(data, self._namespace, pods)
            for count in counts:
                read_ns = moment(count.at_ns, asked_ns + off_ns, answered_ns + off_ns)
                moments.append(now_ns - (answered_ns + off_ns - read_ns))
            found += counts
        return found, sum(moments) // max(len(moments), 1)

    def _page(self, node: str, path: str, **query: str) -> bytes:
        """Raises LaunchError."""
        with answering(f"The kubelet of {node} can't be asked"):
            place = f"/api/v1/nodes/{quote(node)}/proxy/{path}"
            return self._cluster.text(place, _LIMIT_S, **query)

    def _note(self, text: str, known: Known) -> None:
        self._add("throttled", of_cadvisor(text, known, self._namespace, _THROTTLED))
        for place, size in of_cadvisor(text, known, self._namespace, _PEAK).items():
            self._peaks[place] = max(size, self._peaks.get(place, 0))

    def _throttled_s(self) -> float | None:
        found = self._sums("throttled")
        return throttled(found) if found else None

    def _add(self, what: str, now: Counts) -> None:
        """Count on: where a container restarts, its own count begins anew."""
        counted = self._counted.setdefault(what, {})
        for place, value in now.items():
            before, last = counted.get(place, (0.0, 0.0))
            counted[place] = (before + (last if value < last else 0.0), value)

    def _sums(self, what: str) -> Counts:
        """What was ever counted."""
        return {place: sum(count) for place, count in self._counted.get(what, {}).items()}
