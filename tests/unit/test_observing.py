"""What is seen of a Deployment, on this machine and on another."""

from __future__ import annotations

import json
import os
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from harness.base.errors import LaunchError
from harness.measure.launch.containers import cgroup
from harness.measure.launch.kubernetes import observing, pod_groups
from harness.measure.launch.kubernetes.observing import Observed, PodObserver
from harness.stored.pods import PodShare
from tests import groups
from tests.pods import NAMESPACE, SERVER, FakeCluster, LocalPrograms, Reply, container, pod
from tests.system.sandbox import until
from tests.unit.test_kubelet_statistics import CADVISOR, PAGE, SUMMARY, summary


@pytest.fixture
def programs(monkeypatch: pytest.MonkeyPatch) -> LocalPrograms:
    made = LocalPrograms()
    monkeypatch.setattr(observing, "PodPrograms", lambda *_: made)
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "model-7.bin").write_bytes(np.array([100, 5, 1, 3], np.int64).tobytes())
    return tmp_path


def observed(cluster: FakeCluster, folder: Path) -> PodObserver:
    made = PodObserver(
        Observed(
            cluster=cluster,  # type: ignore[arg-type]
            namespace=NAMESPACE,
            selector="app=x",
            container=SERVER,
            interpreter=sys.executable,
            records=str(folder),
            cpus=(0,),
            holds=True,
        )
    )
    until(lambda: bool(made.pods()))
    return made


def test_pods_of_another_machine_are_seen_through_the_cluster(
    programs: LocalPrograms, folder: Path
) -> None:
    two = [container(), container("bb", "beside")]
    cluster = FakeCluster(
        {SUMMARY: summary(5_000, time.time()), CADVISOR: PAGE.encode()},
        pods=[Reply(("ADDED", pod(containers=two)))],
    )
    seen = observed(cluster, folder)
    assert (seen.sample(pss=True) or {})["cpu_ns"] == 5_000
    assert len(seen.calls().between(0, 1000).start_ns) == 1
    assert seen.shares(0, 1000) == (PodShare(pod="p-1", calls=1),)
    cluster.pages[SUMMARY] = summary(9_000, time.time())
    seen.end()
    assert seen.counts() == (1_000_000, 0.75, 0)
    facts = seen.facts(cluster="v1", replicas=1, cpus=0.5, address="10.0.0.1:80")
    assert (facts.usage_from, facts.own_cpus, facts.node) == ("kubelet", False, "n-1")
    assert (facts.qos, facts.clock_off_s, facts.restarts) == ("Guaranteed", 0.0, 0)
    seen.close()
    programs.gone.add("p-1")
    assert len(seen.calls().between(0, 1000).start_ns) == 1  # as it was known last
    assert seen.sample(pss=False) is None


def test_pods_on_this_machine_are_seen_by_its_kernel(
    programs: LocalPrograms, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[tuple[int, tuple[int, ...]]] = []
    group = groups.of_version_2(folder, 4)
    (group.memory / "cgroup.procs").write_text(f"{os.getpid()}\n")
    monkeypatch.setattr(cgroup, "of_process", lambda _: group)
    monkeypatch.setattr(pod_groups, "process_of", lambda _: os.getpid())

    def hold(pid: int, cpus: tuple[int, ...]) -> bool:
        held.append((pid, cpus))
        return True

    monkeypatch.setattr(pod_groups, "hold", hold)
    cluster = FakeCluster(pods=[Reply(("ADDED", pod()))])
    seen = observed(cluster, folder)
    until(lambda: (seen.sample(pss=False) or {}).get("cpu_ns") == 4_000_000)
    assert held == [(os.getpid(), (0,))]
    assert len(seen.calls().between(0, 1000).start_ns) == 1
    assert (programs.begun, cluster.asked) == (0, [])
    seen.end()
    facts = seen.facts(cluster="v1", replicas=1, cpus=0.5, address="")
    assert (facts.usage_from, facts.own_cpus, facts.clock_off_s) == ("control group", True, 0.0)
    seen.close()


def test_a_pod_that_ends_is_read_at_once_and_one_that_is_silent_is_an_error(
    programs: LocalPrograms, folder: Path
) -> None:
    cluster = FakeCluster(pods=[Reply(("ADDED", pod()), ("MODIFIED", pod(ending=True)))])
    seen = observed(cluster, folder)
    until(lambda: seen.shares(0, 1000) == (PodShare(pod="p-1", calls=1),))
    seen.close()
    programs.gone.add("p-1")
    other = observed(FakeCluster(pods=[Reply(("ADDED", pod()))]), folder)
    with pytest.raises(LaunchError, match="No program can be run in the pod p-1"):
        until(lambda: bool(other.calls().processes))
    other.end()
    other.close()


def test_without_a_running_container_nothing_is_seen(programs: LocalPrograms, folder: Path) -> None:
    cluster = FakeCluster(pods=[Reply(("ADDED", pod(containers=[])))])
    seen = observed(cluster, folder)
    assert seen.sample(pss=True) is None
    assert seen.calls().processes == ()
    facts = seen.facts(cluster="v1", replicas=1, cpus=0.5, address="")
    assert (facts.usage_from, facts.node, facts.clock_off_s) == (None, "", None)
    assert json.dumps(seen.pods()["p-1"]["metadata"])
    seen.close()
