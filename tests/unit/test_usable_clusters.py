"""Why a cluster can't be used is said before anything is made there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from harness.base.errors import UsageError
from harness.measure.launch import launchers
from harness.measure.launch.kubernetes import cluster_images, nearness, node_runtime, usable
from harness.measure.launch.kubernetes.node_runtime import NodeRuntime
from harness.measure.launch.kubernetes.usable import NotUsable, WantedCluster
from tests.kubernetes_api import FakeApi, api, write_config


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """A cluster on this machine, whose containerd was found."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    runtime = NodeRuntime(socket="/run/containerd.sock", client="ctr")
    monkeypatch.setattr(node_runtime, "found", lambda: runtime)
    with api(tmp_path) as found:
        yield found


def why_not(wanted: WantedCluster, device: str = "cpu") -> str:
    with pytest.raises(NotUsable) as caught:
        usable.checked(wanted, device)
    return str(caught.value)


def test_one_on_this_machine_can_be_used(fake: FakeApi) -> None:
    found = usable.checked(WantedCluster())
    assert found.is_here is bool(nearness.boot_id())
    assert found.about == (
        "context fake, Kubernetes v1.30.0, 1 node on this machine, images imported into containerd"
    )
    assert {method for method, path in fake.asked if "reviews" not in path} == {"GET"}


def test_a_far_one_must_be_meant(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearness, "is_near", lambda _: False)
    assert "--yes-remote" in why_not(WantedCluster())
    assert fake.asked == []  # it was not even asked its version
    assert usable.checked(WantedCluster(remote=True)).release == "v1.30.0"


def test_rights_that_are_missing_are_named(fake: FakeApi) -> None:
    fake.forbidden = {("create", "deployments"), ("create", "pods/exec"), ("create", "namespaces")}
    assert why_not(WantedCluster()) == (
        "the context 'fake' lacks rights that are needed in the namespace 'serving-harness': "
        "create namespaces, create deployments.apps, create pods/exec; give them to its user by a "
        "Role or a ClusterRole"
    )


def test_in_a_namespace_that_is_there_none_need_be_made(fake: FakeApi) -> None:
    fake.put("/api/v1/namespaces/mine", {})
    fake.forbidden = {("create", "namespaces"), ("delete", "namespaces")}
    assert usable.checked(WantedCluster(namespace="mine"))
    assert "create namespaces" in why_not(WantedCluster(namespace="other"))


def test_nodes_need_not_be_seen(fake: FakeApi) -> None:
    fake.answers["GET", "/api/v1/nodes"] = (403, b"{}")
    assert "--registry HOST/PREFIX" in why_not(WantedCluster())
    found = usable.checked(WantedCluster(registry="localhost:5000/x"))
    assert (found.nodes, found.is_here) == ((), False)


def test_a_gpu_must_be_offered(fake: FakeApi) -> None:
    assert "nvidia.com/gpu" in why_not(WantedCluster(), "gpu")
    node = fake.objects["/api/v1/nodes/node-1"]
    node["status"]["allocatable"] = {"nvidia.com/gpu": "1"}
    assert usable.checked(WantedCluster(), "gpu")


def test_kind_needs_its_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    found = cluster_images.chosen("kind-a", [], "")
    assert isinstance(found, str)
    assert "install kind" in found


def test_no_cluster_is_a_reason(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    assert "there is no kubeconfig" in why_not(WantedCluster())
    write_config(tmp_path / "config", "http://127.0.0.1:9")
    assert "does not answer" in why_not(WantedCluster())


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [
        ("replicas", "0", "--replicas takes a whole number above 0"),
        ("replicas", "two", "--replicas takes a whole number above 0"),
        ("pod_cpus", "-1", "--pod-cpus takes a number above 0"),
        ("reach", "ingress", "--reach takes service, node-port, pod"),
    ],
)
def test_options_that_make_no_sense_are_refused(option: str, value: str, said: str) -> None:
    launcher = launchers.registered()["kubernetes"]
    with pytest.raises(UsageError, match=said):
        launcher.made({option: value})


def test_one_pod_takes_no_load_for_others() -> None:
    launcher = launchers.registered()["kubernetes"]
    with pytest.raises(UsageError, match="--reach pod goes with one pod"):
        launcher.made({"reach": "pod", "replicas": "2"})
    again = launcher.configured({"replicas": "2", "yes_remote": "yes"}).again
    assert again == ("--replicas", "2", "--yes-remote")
    assert replace(launcher.launching, replicates=False) != launcher.launching


def test_the_runtime_of_a_kubelet_is_read_from_its_command() -> None:
    flag = "--container-runtime-endpoint"
    assert node_runtime.endpoint(["kubelet", f"{flag}=unix:///run/a.sock"]) == "unix:///run/a.sock"
    assert node_runtime.endpoint(["kubelet", flag, "unix:///b.sock", "--x"]) == "unix:///b.sock"
    assert node_runtime.endpoint(["kubelet", "--config", "x"]) == ""
    assert node_runtime.endpoint(["kubelet", flag]) == ""
