"""What kubelets count, with their own time stamps."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime

import pytest

from harness.base.errors import LaunchError
from harness.measure.launch.kubernetes import kubelet_statistics, pod_counts
from harness.measure.launch.kubernetes.kubelet_statistics import KubeletStatistics, moment
from harness.windows.samples import MISSING
from tests.pods import NAMESPACE, FakeCluster

SUMMARY = "/api/v1/nodes/n-1/proxy/stats/summary"
CADVISOR = "/api/v1/nodes/n-1/proxy/metrics/cadvisor"
PODS = {"p-1", "p-2"}
ID, OTHER = "ab" * 32, "cd" * 32
KNOWN = {ID: ("p-1", "server"), OTHER: ("p-2", "server")}
THROTTLED = "container_cpu_cfs_throttled_seconds_total"


def row(value: float, group: str, name: str = "", pod: str = "p-1", space: str = "some") -> str:
    labels = {"container": name, "id": f"/kubepods/{group}", "namespace": space, "pod": pod}
    told = ",".join(f'{key}="{said}"' for key, said in labels.items())
    return f"{THROTTLED}{{{told}}} {value} 1606\n"


PAGE = (
    f"# TYPE {THROTTLED} counter\n"
    + row(0.25, "x", "server")
    + row(0.5, "x", "beside")
    + row(0.25, "pod1")
    + row(9, "x", "POD")
    + row(9, "podx/" + "ef" * 32)  # what keeps the pod's namespaces
    + row(9, "x", "server", space="other")
    + row(9, "x", "server", pod="p-9")
    + 'container_memory_max_usage_bytes{container="server",namespace="some",pod="p-1"} 1e+06 16\n'
)
UNNAMED = row(0.25, f"podx/{ID}", pod="", space="") + row(1.5, "podx")


def summary(cpu_ns: int, at_s: float, pod: str = "p-1", namespace: str = NAMESPACE) -> bytes:
    stamp = datetime.fromtimestamp(int(at_s), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    found = {
        "name": "server",
        "cpu": {"time": stamp, "usageNanoCores": 1, "usageCoreNanoSeconds": cpu_ns},
        "memory": {"time": stamp, "usageBytes": 9_000_000, "workingSetBytes": 7_000_000},
    }
    fresh = {"name": "fresh", "cpu": {"time": stamp}}  # nothing was counted of it yet
    other = {"podRef": {"name": "p-1", "namespace": "other"}, "containers": [found]}
    pods = [{"podRef": {"name": pod, "namespace": namespace}, "containers": [found, fresh]}, other]
    return json.dumps({"pods": pods}).encode()


def sampled(statistics: KubeletStatistics, off_s: float = 0.0) -> dict[str, int] | None:
    return statistics.sample(("n-1",), KNOWN, off_s, at_end=True)


def test_a_sample_is_of_the_moment_that_the_kubelet_read_it() -> None:
    cluster = FakeCluster({CADVISOR: PAGE.encode(), SUMMARY: summary(5_000, time.time())})
    statistics = KubeletStatistics(cluster, NAMESPACE)  # type: ignore[arg-type]
    before = time.monotonic_ns()
    row = sampled(statistics) or {}
    assert before <= row["at_ns"] <= time.monotonic_ns()  # it read it when it was asked
    assert (row["cpu_ns"], row["memory_bytes"]) == (5_000, 7_000_000)
    assert row["throttled_ns"] == 750_000_000
    assert statistics.counts() == (1_000_000, 0.75)
    assert statistics.answered


def test_a_kubelet_that_names_no_container_is_understood() -> None:
    found = kubelet_statistics.of_cadvisor(UNNAMED, KNOWN, NAMESPACE, THROTTLED)
    assert found == {("p-1", "server"): 0.25, ("p-1", ""): 1.5}
    assert pod_counts.throttled(found) == 1.5


def test_an_old_count_keeps_its_own_time_and_is_taken_once() -> None:
    cluster = FakeCluster({CADVISOR: b"", SUMMARY: summary(5_000, time.time() - 8)})
    statistics = KubeletStatistics(cluster, NAMESPACE)  # type: ignore[arg-type]
    row = sampled(statistics) or {}
    assert 7e9 < time.monotonic_ns() - row["at_ns"] < 10e9
    assert row["throttled_ns"] == MISSING
    assert sampled(statistics) is None


def test_the_clock_of_another_node_is_taken_into_account() -> None:
    ahead_s = 3600.0
    cluster = FakeCluster({CADVISOR: b"", SUMMARY: summary(5_000, time.time() + ahead_s)})
    statistics = KubeletStatistics(cluster, NAMESPACE)  # type: ignore[arg-type]
    row = sampled(statistics, ahead_s) or {}
    assert abs(time.monotonic_ns() - row["at_ns"]) < 2e9


def test_between_the_ends_of_a_window_a_kubelet_is_asked_rarely() -> None:
    cluster = FakeCluster({CADVISOR: b"", SUMMARY: summary(5_000, time.time())})
    statistics = KubeletStatistics(cluster, NAMESPACE)  # type: ignore[arg-type]
    assert sampled(statistics) is not None
    assert statistics.sample(("n-1",), KNOWN, 0.0, at_end=False) is None
    assert cluster.asked == [SUMMARY, CADVISOR]


def test_what_restarted_or_is_gone_stays_counted() -> None:
    cluster = FakeCluster({CADVISOR: b""})
    statistics = KubeletStatistics(cluster, NAMESPACE)  # type: ignore[arg-type]
    now, counted = time.time() - 60, []
    for later, (cpu_ns, pod) in enumerate([(500, "p-1"), (200, "p-1"), (30, "p-2")]):
        cluster.pages[SUMMARY] = summary(cpu_ns, now + 10 * later, pod)
        counted.append((sampled(statistics) or {})["cpu_ns"])
    assert counted == [500, 700, 730]


def test_a_kubelet_that_can_t_be_asked_leaves_nothing_and_a_reason() -> None:
    statistics = KubeletStatistics(FakeCluster(), NAMESPACE)  # type: ignore[arg-type]
    assert sampled(statistics) is None
    assert statistics.failure == (
        "The kubelet of n-1 can't be asked: the API server of the context 'c' says: forbidden."
    )
    assert not statistics.answered
    assert statistics.counts() == (None, None)


@pytest.mark.parametrize("data", [b"", b"nonsense", b"[]", b'{"pods": 7}', b'{"pods": [{}]}'])
def test_what_is_no_summary_is_said(data: bytes) -> None:
    with pytest.raises(LaunchError, match="A kubelet's statistics can't be read"):
        kubelet_statistics.of_summary(data, NAMESPACE, PODS)


def test_a_stamp_of_whole_seconds_is_its_middle_unless_the_request_is_nearer() -> None:
    second = 1_000_000_000
    asked, answered = 100 * second + 300_000_000, 100 * second + 500_000_000
    assert moment(100 * second, asked, answered) == 100 * second + 400_000_000
    assert moment(90 * second, asked, answered) == 90 * second + 500_000_000
