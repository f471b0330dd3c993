"""A cluster through its API server: what is sent, and what its errors become."""

from __future__ import annotations

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.base import paths
from harness.base.errors import LaunchError
from harness.measure.launch.kubernetes import kubeconfig
from harness.measure.launch.kubernetes.api_objects import ApiObjects
from harness.measure.launch.kubernetes.cluster import ApiError, Cluster, answering
from tests.kubernetes_api import FakeApi, api, write_config

PODS = "/api/v1/namespaces/a/pods"
SAID = 'pods is forbidden: User "me" cannot list resource "pods" in the namespace a.'
FORBIDDEN = json.dumps({"message": SAID, "reason": "Forbidden", "code": 403}).encode()


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with api(tmp_path) as found:
        yield found


@pytest.fixture
def cluster(fake: FakeApi) -> Iterator[Cluster]:
    found = kubeconfig.connect()
    yield found
    found.close()


def test_it_asks_with_the_context_s_token(fake: FakeApi, cluster: Cluster) -> None:
    assert cluster.get("/version")["gitVersion"] == "v1.30.0"
    assert fake.headers[-1]["authorization"] == "Bearer secret-token"
    assert (cluster.context, cluster.server) == ("fake", fake.server)


def test_objects_are_made_changed_and_removed(fake: FakeApi, cluster: Cluster) -> None:
    made = {"metadata": {"name": "x"}, "spec": {"a": 1, "b": 2}}
    cluster.post(PODS, made)
    changed = cluster.patch(f"{PODS}/x", {"spec": {"a": None, "b": 3}})
    assert changed["spec"] == {"b": 3}
    cluster.delete(f"{PODS}/x")
    cluster.delete(f"{PODS}/x")  # which is no error
    assert f"{PODS}/x" not in fake.objects


def test_a_refusal_says_what_the_server_says(fake: FakeApi, cluster: Cluster) -> None:
    fake.answers["GET", PODS] = (403, FORBIDDEN)
    with pytest.raises(ApiError) as caught:
        cluster.get(PODS)
    assert (caught.value.status, caught.value.reason) == (403, "Forbidden")
    with pytest.raises(LaunchError) as told, answering("Pods can't be seen"):
        cluster.get(PODS)
    assert str(told.value) == (
        f"Pods can't be seen: the API server of the context 'fake' says: {SAID}"
    )


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (500, b"<html>oh\n no</html>", "says: <html>oh no</html>"),
        (502, b"", "says: HTTP 502"),
        (400, b"[1]", "says: [1]"),
        (200, b"garbage", "answers what is no JSON"),
    ],
)
def test_garbage_is_a_sentence(
    fake: FakeApi, cluster: Cluster, status: int, body: bytes, said: str
) -> None:
    fake.answers["GET", PODS] = (status, body)
    with pytest.raises(ApiError, match=said.replace("[", r"\[")):
        cluster.get(PODS)


def test_a_server_that_is_gone_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with api(tmp_path):
        cluster = kubeconfig.connect()
    with pytest.raises(ApiError, match=r"'fake' does not answer \(Connection refused\)"):
        cluster.get(PODS)
    with pytest.raises(ApiError, match="does not answer"):
        cluster.execute("a", "p", "c", ["true"])


def test_an_unknown_context_names_the_known_ones(fake: FakeApi) -> None:
    with pytest.raises(kubeconfig.NoCluster, match=r"no context 'other'; it has: fake"):
        kubeconfig.connect("other")


@pytest.mark.parametrize("text", ["{", "", "- 1", "apiVersion: v1\nclusters: 7"])
def test_a_kubeconfig_that_is_none_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    path = tmp_path / "config"
    path.write_text(text)
    monkeypatch.setenv("KUBECONFIG", str(path))
    with pytest.raises(kubeconfig.NoCluster, match="kubeconfig"):
        kubeconfig.connect()


def test_without_a_kubeconfig_it_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "none"))
    with pytest.raises(kubeconfig.NoCluster, match="there is no kubeconfig"):
        kubeconfig.connect()


def test_without_the_client_it_says_how_to_install_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_config(tmp_path / "config", "http://127.0.0.1:1")
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(kubeconfig, "find_spec", lambda _: None)
    with pytest.raises(kubeconfig.NoCluster, match=r"pip install 'serving-harness\[kubernetes\]'"):
        kubeconfig.connect()
    assert importlib.util.find_spec("kubernetes") is not None


def test_it_knows_where_objects_are(cluster: Cluster) -> None:
    objects = ApiObjects(cluster)
    assert objects.path("apps/v1", "Deployment", "a", "b") == (
        "/apis/apps/v1/namespaces/a/deployments/b"
    )
    assert objects.path("v1", "Node", "a") == "/api/v1/nodes"
    assert objects.eviction == "policy/v1"
    assert objects.has("policy/v1", "PodDisruptionBudget")
    assert not objects.has("serving.kserve.io/v1beta1", "InferenceService")
    with pytest.raises(LaunchError, match="offers no CronJob of batch/v1"):
        objects.path("batch/v1", "CronJob", "a")


def test_an_object_is_made_in_the_version_that_there_is(cluster: Cluster) -> None:
    objects = ApiObjects(cluster)
    cpu = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}}
    made = {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "x"},
        "spec": {"minReplicas": 1, "metrics": [{"type": "Resource", "resource": cpu}]},
    }
    fitted = objects.fitted(made)
    assert fitted["apiVersion"] == "autoscaling/v1"
    assert fitted["spec"]["targetCPUUtilizationPercentage"] == 80


def test_the_client_is_imported_only_where_it_is_used() -> None:
    """It is an extra, and takes its time."""
    modules = [*(paths.PROJECT / "harness").rglob("*.py")]
    found = [
        path.name
        for path in modules
        for node in ast.parse(path.read_text(encoding="utf-8")).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        and re.match(r"(import|from) kubernetes\b", ast.unparse(node))
    ]
    assert found == []
