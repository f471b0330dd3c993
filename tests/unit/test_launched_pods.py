"""A Deployment as a launched server, where its cluster is a fake: what is left when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.base.errors import LaunchError
from harness.manifests.workload import Workload
from harness.measure.launch.calls import ServerRecords
from harness.measure.launch.kubernetes import kubeconfig
from harness.measure.launch.kubernetes.api_objects import ApiObjects
from harness.measure.launch.kubernetes.campaign_namespace import CampaignNamespace, owner
from harness.measure.launch.kubernetes.deployments import Deployed
from harness.measure.launch.kubernetes.launched_pods import LaunchedPods, PodGround
from harness.measure.launch.kubernetes.pod_reach import PodReach
from harness.stored.pods import PodFacts
from tests.kubernetes_api import FakeApi, api
from tests.unit.test_pod_states import RUNS, Json, died, pod, ready

DEPLOYMENT = "/apis/apps/v1/namespaces/a/deployments/server"
SERVICE = "/api/v1/namespaces/a/services/server"


class Observer:
    """What is seen of pods, as a test sets it."""

    failure = ""

    def __init__(self) -> None:
        self.seen: dict[str, Json] = {}
        self.closed = False

    def pods(self) -> dict[str, Json]:
        return self.seen

    def end(self) -> None:
        """Nothing goes with the pods."""

    def calls(self) -> ServerRecords:
        return ServerRecords()

    def counts(self) -> tuple[int | None, float | None, int | None]:
        return 7, 0.0, None

    def facts(self, **known: Any) -> PodFacts:
        seen: dict[str, Any] = {
            "node": "n",
            "namespace": "a",
            "qos": "Guaranteed",
            "own_cpus": False,
        }
        return PodFacts(**seen, usage_from=None, **known)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with api(tmp_path) as found:
        yield found


@pytest.fixture
def observer() -> Observer:
    return Observer()


@pytest.fixture
def server(fake: FakeApi, observer: Observer, tmp_path: Path) -> Iterator[LaunchedPods]:
    cluster = kubeconfig.connect()
    yield made(cluster, observer, tmp_path)
    cluster.close()


def made(cluster: Any, observer: Observer, folder: Path) -> LaunchedPods:
    """A Deployment that was asked for; its Service's address takes connections."""
    ground = PodGround(
        cluster=cluster,
        reach=PodReach(cluster, [], "service"),
        owner=owner(),
        release="v1.30.0",
        runtime="containerd://1.7.0",
    )
    space = CampaignNamespace(name="a", is_own=True, owner=owner())
    port = int(cluster.server.rpartition(":")[2])
    workload = Workload(name="server", image="x:1", port=port, pre_stop_s=0, grace_s=0)
    deployed = Deployed(ApiObjects(cluster), space, workload, node_port=False)
    seen: Any = observer
    trainer: Any = None
    return LaunchedPods(ground, deployed, seen, trainer, folder / "server.log")


def reached(fake: FakeApi) -> None:
    """Its Service has an address, which is the fake's own."""
    fake.objects[SERVICE]["spec"]["clusterIP"] = "127.0.0.1"


def test_its_address_is_known_when_it_is_ready(
    fake: FakeApi, observer: Observer, server: LaunchedPods
) -> None:
    reached(fake)
    observer.seen = {"p": pod(RUNS)}
    assert server.exited() is None
    assert server.port == 0
    observer.seen = {"p": pod(RUNS, conditions=ready())}
    assert server.exited() is None
    assert f"http://{server.host}:{server.port}" == fake.server
    assert server.exposed() == ()


def test_it_stops_and_nothing_of_it_is_left(
    fake: FakeApi, observer: Observer, server: LaunchedPods
) -> None:
    reached(fake)
    observer.seen = {"p": pod(RUNS, conditions=ready())}
    server.exited()
    observer.seen = {"p": pod(died(137))}  # which it is as soon as it is told to
    stop = server.stop()
    assert (stop.exit_code, stop.killed) == (137, 1)
    assert not {DEPLOYMENT, SERVICE} & fake.objects.keys()
    assert ("DELETE", "/api/v1/namespaces/a/pods/p") in fake.asked
    assert observer.closed
    facts: Any = server.container
    assert (facts.reached, facts.memory_peak_bytes) == ("service", 7)
    assert facts.pod.address == f"127.0.0.1:{server.port}"


def test_what_can_t_be_made_leaves_nothing(
    fake: FakeApi, observer: Observer, tmp_path: Path
) -> None:
    cluster = kubeconfig.connect()
    fake.answers["POST", "/apis/apps/v1/namespaces/a/deployments"] = (403, b"{}")
    with pytest.raises(LaunchError, match="can't be started: a Deployment can't be made"):
        made(cluster, observer, tmp_path)
    assert SERVICE not in fake.objects
    assert observer.closed
    cluster.close()


def test_where_the_cluster_refuses_to_stop_it_the_rest_is_removed(
    fake: FakeApi, observer: Observer, server: LaunchedPods
) -> None:
    observer.seen = {"p": pod(RUNS)}
    fake.answers["PATCH", DEPLOYMENT] = (500, b"oh no")
    with pytest.raises(LaunchError, match="oh no"):
        server.stop()
    assert not {DEPLOYMENT, SERVICE} & fake.objects.keys()
    assert observer.closed


def test_an_address_that_nothing_reaches_is_told_with_what_was_tried(
    fake: FakeApi, observer: Observer, server: LaunchedPods, monkeypatch: pytest.MonkeyPatch
) -> None:
    from harness.measure.launch.kubernetes import launched_pods, pod_reach

    reached(fake)
    monkeypatch.setattr(pod_reach, "_connects", lambda *_: False)
    observer.seen = {"p": pod(RUNS, conditions=ready())}
    assert server.exited() is None
    monkeypatch.setattr(launched_pods, "_UNREACHED_S", -1.0)
    said = server.exited()
    assert said is not None
    assert f"this machine reaches none of 127.0.0.1:{fake.server.rpartition(':')[2]}" in said
