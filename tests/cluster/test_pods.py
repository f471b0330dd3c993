"""What a server's pods may do, how they are reached, and how they end."""

from __future__ import annotations

import tempfile
from typing import Any

import pytest

from harness.measure.launch.kubernetes.launched_pods import LaunchedPods
from tests.cluster.conftest import namespaces
from tests.cluster.pods import launched, ready
from tests.docker.containers import predict
from tests.docker.test_launcher import HOG
from tests.system.sandbox import SERVER, Sandbox, until, variant

pytestmark = pytest.mark.cluster


@pytest.fixture(autouse=True)
def _settings(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)


def run_in(server: LaunchedPods, command: str) -> str:
    """What a command of the container's own user says in the first pod."""
    pod = server.control.pods()[0].name
    namespace, name = server._deployed.namespace, server._workload.name
    shell = ("sh", "-c", f"{command} 2>&1 || true")
    return server._ground.cluster.execute(namespace, pod, name, shell).decode()


def test_it_serves_and_ends_by_its_signal(sandbox: Sandbox, core: Any) -> None:
    with launched(sandbox) as server:
        assert predict(ready(server)).json()["predictions"]
        (pod,) = server.control.pods()
        found = core.read_namespaced_pod(pod.name, server._deployed.namespace)
        assert found.status.qos_class == "Guaranteed"
        assert not found.spec.automount_service_account_token
        assert server.exposed() == ()
        stop = server.stop()
        assert (stop.exit_code, stop.killed, stop.orphans) == (143, 0, 0)
        assert "fake: listening" in server.log.read_text()
        facts = server.container
        assert facts is not None
        assert facts.reached == "service"
        assert facts.pod is not None
        assert facts.pod.address == f"{server.host}:{server.port}"
        assert len(server.calls().processes) == 1
    assert namespaces(core) == []


def test_it_has_no_rights(sandbox: Sandbox) -> None:
    with launched(sandbox) as server:
        status = run_in(ready(server), "cat /proc/self/status")
        told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert told["Uid"].split()[0] == "10001"
        assert int(told["CapEff"], 16) == int(told["CapBnd"], 16) == 0
        assert (told["NoNewPrivs"], told["Seccomp"]) == ("1", "2")
        for place in ("/app/servers", "/opt/venv", "/etc", "/home"):
            assert "Read-only" in run_in(server, f"touch {place}/x")
        assert run_in(server, "touch /tmp/x && touch /dev/shm/x && echo fine") == "fine\n"
        assert "No such file" in run_in(server, "ls /var/run/secrets")


@pytest.mark.parametrize(("way", "reached"), [("node-port", "node port"), ("pod", "pod")])
def test_load_can_go_another_way(sandbox: Sandbox, way: str, reached: str) -> None:
    with launched(sandbox, reach=way) as server:
        assert predict(ready(server)).json()["predictions"]
        server.stop()
        assert server.container is not None
        assert server.container.reached == reached


def test_one_that_ends_at_its_start_says_how(sandbox: Sandbox) -> None:
    with launched(sandbox, "_fake-dies-at-start") as server:
        assert until(server.exited) == "its container ended with exit code 3"
        server.stop()
        assert "no model to be found, on purpose" in server.log.read_text()


def test_one_that_takes_too_much_memory_is_named_with_its_limit(sandbox: Sandbox) -> None:
    table = variant("_hog", 'command = ["{bin}/python", "hog.py"]', "memory_mib = 64")
    sandbox.add_server("_hog", SERVER + table, hog_py=HOG)
    with launched(sandbox, "_hog") as server:
        said = until(server.exited)
        assert said is not None
        assert said.startswith("the kernel's out-of-memory killer ended it: it may use 64 MiB")
        server.stop()
        assert server.container is not None
        assert (server.container.out_of_memory or 0) >= 1


def test_a_process_that_is_killed_is_started_again(sandbox: Sandbox) -> None:
    with launched(sandbox) as server:
        predict(ready(server))
        (pid,) = server.calls().latest()
        server.kill(pid)
        until(lambda: server.control.pods()[0].restarts == 1)
        until(lambda: server.control.pods()[0].ready)
        assert server.exited() is None
        assert "exit code 137" in server.control.pods()[0].why
        ready(server)
        server.stop()
        assert "-- started again:" in server.log.read_text()


def test_pods_share_what_comes(sandbox: Sandbox) -> None:
    with launched(sandbox, replicas="2", pod_cpus="0.3") as server:
        ready(server)
        assert [pod.ready for pod in server.control.pods()] == [True, True]
        calls = 0

        def shared() -> bool:
            nonlocal calls
            for _ in range(40):  # a connection each, so that one pod hardly gets all
                predict(server)
            calls += 40
            return all(share.calls for share in server.control.shares(0, 2**62))

        until(shared)  # a node's rules learn of a pod a little after it is ready
        assert sum(share.calls for share in server.control.shares(0, 2**62)) == calls


def test_what_can_be_done_while_it_serves(sandbox: Sandbox) -> None:
    with launched(sandbox, pod_cpus="0.3") as server:
        control = ready(server).control
        control.rescale(2)
        control.await_ready(2, 60)
        assert control.wanted() == 2
        before = {pod.name for pod in control.pods()}
        control.update()
        until(control.is_updated)
        control.await_ready(2, 60)
        staying = [pod for pod in control.pods() if not pod.ending]
        assert not before & {pod.name for pod in staying}
        control.kill(staying[0].name)
        until(lambda: staying[0].name not in {pod.name for pod in control.pods()})
        control.await_ready(2, 60)
        control.evict(staying[1].name)
        until(lambda: all(p.ending for p in control.pods() if p.name == staying[1].name))
        control.await_ready(2, 60)
        control.rescale(1)
        control.await_ready(1, 60)
        assert server.exited() is None


def test_an_autoscaler_is_seen_and_goes(sandbox: Sandbox) -> None:
    with launched(sandbox, pod_cpus="0.3") as server:
        control = ready(server).control
        assert control.autoscaler() is None
        assert control.metrics_from()
        assert control.nodes() == 1
        control.autoscale(2, 3, 50)
        until(lambda: (seen := control.autoscaler()) is not None and seen.wanted >= 2)
        until(lambda: (seen := control.autoscaler()) is not None and seen.cpu_percent is not None)
        control.end_autoscaling(1)
        assert control.autoscaler() is None
        control.await_ready(1, 60)


def test_a_pod_that_is_frozen_is_started_again(sandbox: Sandbox) -> None:
    with launched(sandbox) as server:
        control = ready(server).control
        (pod,) = control.pods()
        control.freeze(pod.name)
        until(lambda: not control.pods()[0].ready)
        until(lambda: control.pods()[0].restarts == 1)
        control.await_ready(1, 60)


def test_a_node_is_kept_from_pods_and_taken_again(sandbox: Sandbox, core: Any) -> None:
    with launched(sandbox) as server:
        control = ready(server).control
        (pod,) = control.pods()
        control.cordon(pod.node, on=True)
        try:
            assert core.read_node(pod.node).spec.unschedulable
            control.evict(pod.name)
            until(lambda: any("unschedulable" in each.why for each in control.pods()))
        finally:
            control.cordon(pod.node, on=False)
        assert not core.read_node(pod.node).spec.unschedulable
        control.await_ready(1, 60)
