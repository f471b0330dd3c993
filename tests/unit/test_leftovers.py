"""`clean` removes what commands left in a cluster, and says what it leaves alone."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.base.errors import HarnessError, ProvisionError
from harness.measure.launch.kubernetes import (
    cluster_images,
    cordons,
    kubeconfig,
    leftovers,
    nearness,
    node_runtime,
)
from harness.measure.launch.kubernetes.campaign_namespace import owner
from harness.measure.launch.kubernetes.node_runtime import NodeRuntime
from tests.kubernetes_api import FakeApi, api
from tests.unit.test_campaign_namespaces import ELSEWHERE, GONE, NAMESPACES, ours

LISTED = """\
REF                                              TYPE  LABELS
docker.io/serving-harness/fastapi-onnx-iris:a1   x     io.cri-containerd.image=managed
docker.io/serving-harness/half-imported:b2       x     -
docker.io/library/redis:7                        x     io.cri-containerd.image=managed
"""


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    """A cluster on this machine, with images."""
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    monkeypatch.setattr(cluster_images, "is_this_kernel", lambda _: True)
    runtime = NodeRuntime(socket="/run/x.sock", client="ctr")
    monkeypatch.setattr(node_runtime, "found", lambda: runtime)
    with api(tmp_path) as found:
        yield found


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What the runtime's client was told."""
    told: list[list[str]] = []

    def run(command: list[str], **_: Any) -> subprocess.CompletedProcess[str]:
        told.append(command[5:])
        return subprocess.CompletedProcess(command, 0, LISTED, "")

    monkeypatch.setattr(subprocess, "run", run)
    return told


def test_what_is_abandoned_goes_and_images_with_it(
    fake: FakeApi, commands: list[list[str]]
) -> None:
    fake.put(f"{NAMESPACES}/gone", ours(GONE))
    fake.put(f"{NAMESPACES}/elsewhere", ours(ELSEWHERE))
    cluster = leftovers.found()
    assert cluster is not None
    cordons.put(cluster, "node-1", GONE, on=True)
    del fake.objects[f"{NAMESPACES}/elsewhere"]
    wanted = [
        "namespace gone of the context fake",
        "what kept pods from the node node-1 of the context fake",
        "image docker.io/serving-harness/fastapi-onnx-iris:a1 of the context fake",
    ]
    assert list(leftovers.clean(cluster, dry_run=True)) == wanted
    assert list(leftovers.clean(cluster, dry_run=False)) == wanted
    assert ["images", "rm", "docker.io/serving-harness/fastapi-onnx-iris:a1"] in commands
    assert f"{NAMESPACES}/gone" not in fake.objects
    cluster.close()


def test_images_stay_while_a_command_goes_on(fake: FakeApi, commands: list[list[str]]) -> None:
    fake.put(f"{NAMESPACES}/alive", ours(owner()))
    cluster = leftovers.found()
    assert cluster is not None
    assert list(leftovers.clean(cluster, dry_run=False)) == []
    assert commands == []
    assert f"{NAMESPACES}/alive" in fake.objects
    cluster.close()


def test_what_stays_is_said(fake: FakeApi) -> None:
    fake.put(f"{NAMESPACES}/elsewhere", ours(ELSEWHERE))
    cluster = leftovers.found()
    assert cluster is not None
    (line,) = leftovers.staying(cluster)
    assert "the namespace elsewhere: it is of another machine" in line
    assert "kubectl delete namespace elsewhere" in line
    cluster.close()


def test_a_far_cluster_is_left_alone(fake: FakeApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nearness, "is_near", lambda _: False)
    assert leftovers.found() is None
    assert fake.asked == []


def test_a_cluster_that_goes_away_meanwhile_is_a_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with api(tmp_path):
        cluster = kubeconfig.connect()
    with pytest.raises(HarnessError, match="can't be removed: the API server"):
        list(leftovers.clean(cluster, dry_run=False))
    assert leftovers.found() is None


class Engine:
    """A Docker engine that pushes, or does not."""

    def __init__(self, *events: dict[str, str]) -> None:
        self.images = self
        self.events = events
        self.told: list[tuple[str, ...]] = []

    def get(self, _: str) -> Engine:
        return self

    def tag(self, place: str, version: str) -> None:
        self.told.append((place, version))

    def push(self, name: str, **_: object) -> tuple[dict[str, str], ...]:
        self.told.append((name,))
        return self.events


@pytest.mark.parametrize(
    ("tag", "name", "version"),
    [
        ("serving-harness/x:1", "serving-harness/x", "1"),
        ("mine", "mine", "latest"),
        ("host:5000/mine", "host:5000/mine", "latest"),
    ],
)
def test_an_image_is_pushed_under_the_registry_s_name(tag: str, name: str, version: str) -> None:
    engine: Any = Engine({"status": "Pushed"})
    place = f"localhost:5000/team/{name}"
    assert cluster_images.pushed(engine, tag, "localhost:5000/team/") == f"{place}:{version}"
    assert engine.told == [(place, version), (f"{place}:{version}",)]


def test_a_push_that_fails_is_a_sentence() -> None:
    engine: Any = Engine({"status": "Preparing"}, {"error": "denied: no such project"})
    with pytest.raises(ProvisionError, match=r"pushed to r: denied: no such project"):
        cluster_images.pushed(engine, "serving-harness/x:1", "r")
