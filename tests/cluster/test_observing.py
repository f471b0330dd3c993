"""What is seen of a Deployment's pods: by the kernel of this machine, and through the cluster."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from harness.measure.launch.containers import cgroup
from harness.measure.launch.containers.cgroup import Cgroup
from harness.measure.launch.kubernetes import pod_groups
from harness.measure.launch.kubernetes.launched_pods import LaunchedPods
from harness.measure.launch.launchers.kubernetes import KubernetesLauncher
from harness.stored.clocks import SAME_CLOCK
from harness.stored.container import ContainerFacts
from harness.stored.pods import PodFacts
from tests.docker.containers import CPU, answers, launched_by, predict
from tests.system.sandbox import Sandbox, until

pytestmark = pytest.mark.cluster


@pytest.fixture(autouse=True)
def _settings(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)


@contextmanager
def serving(sandbox: Sandbox, cpus: str = "") -> Iterator[LaunchedPods]:
    """A Deployment that answers."""
    launcher = KubernetesLauncher(pod_cpus=cpus)
    with launched_by(launcher, "kubernetes", sandbox, "_fake") as server:
        assert isinstance(server, LaunchedPods)

        def is_up() -> bool:
            assert server.exited() is None
            return server.port != 0 and answers(server)

        until(is_up)
        yield server


def facts_of(server: LaunchedPods) -> tuple[ContainerFacts, PodFacts]:
    assert server.container is not None
    assert server.container.pod is not None
    return server.container, server.container.pod


def test_on_a_node_of_this_machine_the_kernel_tells(sandbox: Sandbox) -> None:
    with serving(sandbox) as server:
        assert predict(server).json()["predictions"]
        records = server.calls()
        assert [len(process.rows) for process in records.processes] == [1]
        assert records.clock == SAME_CLOCK
        seen = server.sample(pss=True) or {}
        assert seen["cpu_ns"] > 0
        assert 5e6 < seen["pss_bytes"] < 1.1 * seen["rss_bytes"]
        assert 1e6 < seen["memory_bytes"] < 4096 << 20
        before = seen["cpu_ns"]

        def grown() -> bool:
            predict(server)
            return (server.sample(pss=False) or {})["cpu_ns"] > before

        until(grown)
        status = _run_in(server, "cat /proc/self/status")
        told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert told["Cpus_allowed_list"] == str(CPU), "those that are kept for servers"
    counted = sum(len(process.rows) for process in server.calls().processes)
    assert counted >= 2, "the pods are gone, what they recorded is not"
    container, pod = facts_of(server)
    assert (pod.usage_from, pod.own_cpus, pod.qos) == ("control group", True, "Guaranteed")
    assert (pod.restarts, pod.clock_off_s, pod.replicas) == (0, 0.0, 1)
    assert (container.memory_peak_bytes or 0) > 1e6
    assert container.throttled_s is not None
    assert container.out_of_memory == 0
    start = pod.start
    assert start is not None
    parts = [start.scheduled_s, start.image_s, start.started_s, start.ready_s]
    known = [part for part in parts if part is not None]
    assert len(known) == 4
    assert 0 < known[0] <= known[2] <= known[3]


def _run_in(server: LaunchedPods, command: str) -> str:
    ground, deployed = server._ground, server._deployed
    (pod,) = server.control.pods()
    done = ground.cluster.execute(
        deployed.namespace, pod.name, deployed.workload.name, ("sh", "-c", command)
    )
    return done.decode()


def test_elsewhere_the_kubelet_tells_and_a_program_in_the_pod(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[int] = []
    look = pod_groups.process_of

    def hidden(container: str) -> None:
        found.append(look(container) or 0)

    monkeypatch.setattr(pod_groups, "process_of", hidden)
    with serving(sandbox, cpus="0.2") as server:
        for _ in range(3):
            predict(server)
        records = server.calls()
        assert [len(process.rows) for process in records.processes] == [3]
        assert records.clock == SAME_CLOCK, "another way to the same kernel"
        group = cgroup.of_process(found[0])
        assert group is not None
        _counts_as_the_kernel_does(server, group)
        predict(server)
        assert [len(process.rows) for process in server.calls().processes] == [4]
    assert [len(process.rows) for process in server.calls().processes] == [4]
    container, pod = facts_of(server)
    assert (pod.usage_from, pod.own_cpus, pod.clock_off_s) == ("kubelet", False, 0.0)
    assert container.throttled_s is not None
    assert container.memory_peak_bytes is None or container.memory_peak_bytes > 1e6, "it may be 0"


def _counts_as_the_kernel_does(server: LaunchedPods, group: Cgroup) -> None:
    """What the kubelet says it read at a moment was not more than the kernel's count later."""
    rows: list[dict[str, int]] = []

    def told() -> bool:
        row = server.sample(pss=True)
        if row is not None:
            rows.append(row)
        return len(rows) > 1

    until(told)
    assert 0 < rows[0]["cpu_ns"] <= rows[1]["cpu_ns"] <= group.cpu_ns()
    assert rows[0]["at_ns"] < rows[1]["at_ns"]
    assert rows[1]["memory_bytes"] > 1e6
