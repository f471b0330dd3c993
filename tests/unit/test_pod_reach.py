"""Which address of a Deployment the load goes to."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.measure.launch.kubernetes import kubeconfig, nearness, pod_reach
from harness.measure.launch.kubernetes.pod_reach import PodReach, Reach
from tests.kubernetes_api import FakeApi, api

KUBERNETES = "/api/v1/namespaces/default/services/kubernetes"
PORTS = [
    {"name": "serving", "port": 8080, "nodePort": 30080},
    {"name": "grpc", "port": 8081, "nodePort": 30081},
]
PODS = [{"status": {"podIP": "203.0.113.7"}}]
NODE = {
    "status": {
        "addresses": [
            {"type": "InternalIP", "address": "203.0.113.5"},
            {"type": "Hostname", "address": "node-1"},
        ]
    }
}


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with api(tmp_path) as found:
        yield found


def service(kind: str = "ClusterIP", address: str = "203.0.113.9") -> dict[str, Any]:
    return {"spec": {"type": kind, "clusterIP": address, "ports": PORTS}}


def hosts(reach: PodReach, kind: str = "ClusterIP") -> list[tuple[str, str, int]]:
    found = reach.candidates(service(kind), PODS)
    return [(way, host, ports["serving"]) for way, host, ports in found]


def reaching(fake: FakeApi, forced: Reach | None = None, *, services: bool = True) -> PodReach:
    """The ways into a cluster whose Services are reached, or not."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        closed = other.getsockname()[1]
    port = int(fake.server.rpartition(":")[2]) if services else closed
    fake.put(KUBERNETES, {"spec": {"clusterIP": "127.0.0.1", "ports": [{"port": port}]}})
    return PodReach(kubeconfig.connect(), [NODE], forced)


def test_a_service_comes_first_where_services_are_reached(fake: FakeApi) -> None:
    reach = reaching(fake)
    assert not reach.takes_node_port
    assert hosts(reach)[0] == ("service", "203.0.113.9", 8080)


def test_else_a_port_of_a_node(fake: FakeApi) -> None:
    reach = reaching(fake, services=False)
    assert reach.takes_node_port
    assert hosts(reach, "NodePort") == [
        ("node-port", "203.0.113.5", 30080),
        ("pod", "203.0.113.7", 8080),
    ]


def test_loopback_leads_to_a_node_that_is_this_machine(
    fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pod_reach, "is_this_kernel", lambda _: True)
    assert hosts(reaching(fake, "node-port"), "NodePort")[0] == ("node-port", "127.0.0.1", 30080)


@pytest.mark.parametrize("forced", ["service", "node-port", "pod"])
def test_one_way_can_be_forced(fake: FakeApi, forced: Reach) -> None:
    reach = reaching(fake, forced)
    assert reach.takes_node_port is (forced == "node-port")
    assert {way for way, _, _ in hosts(reach, "NodePort")} == {forced}


def test_the_first_that_takes_a_connection_is_taken(
    fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = reaching(fake)
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        ports = [{"name": "serving", "port": port}]
        found = reach.found(
            {"spec": {"clusterIP": "127.0.0.1", "ports": ports}}, PODS, patient=True
        )
    assert found is not None
    assert (found.reached, found.host, found.ports) == ("service", "127.0.0.1", {"serving": port})
    assert not found.is_exposed


def test_another_way_is_tried_when_the_likeliest_had_its_time(
    fake: FakeApi, monkeypatch: pytest.MonkeyPatch
) -> None:
    reach = reaching(fake)
    monkeypatch.setattr(pod_reach, "_connects", lambda host, _: host == "203.0.113.7")
    reach.__dict__["_reaches_services"] = True
    assert reach.found(service(), PODS, patient=True) is None
    found = reach.found(service(), PODS, patient=False)
    assert found is not None
    assert found.reached == "pod"


def test_ports_of_a_node_that_others_reach_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearness, "is_near", lambda host: host == "127.0.0.1")
    monkeypatch.setattr(pod_reach, "is_near", nearness.is_near)
    for host, exposed in (("127.0.0.1", False), ("203.0.113.5", True)):
        found = pod_reach.PodAddress(reached="node port", host=host, ports={"serving": 1})
        assert found.is_exposed is exposed
