"""Overlays of kustomize: what is printed is what kustomize makes of the files."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.version import Version

from harness.base.errors import UsageError
from harness.manifests import overlays, text
from harness.manifests.kinds import ManifestOrder
from tests.manifests.orders import SCALING, order_of
from tests.manifests.validated import validate

NAMES = tuple(overlays.OVERLAYS)


def of(made: list[dict[str, Any]], kind: str) -> dict[str, Any]:
    return next(each for each in made if each["kind"] == kind)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("variant", ["fastapi", "triton-grpc", "precomputed-redis"])
def test_objects_of_an_overlay_are_valid(name: str, variant: str) -> None:
    for scaling in (None, SCALING):
        for made in overlays.merged(name, order_of(variant, scaling=scaling)):
            validate(made)


def test_kind_is_reached_through_a_port_of_the_node() -> None:
    made = overlays.merged("kind", order_of("triton"))
    service = of(made, "Service")["spec"]
    assert service["type"] == "NodePort"
    assert service["ports"][0]["nodePort"] == overlays.NODE_PORT
    assert [port["name"] for port in service["ports"]] == ["serving", "grpc", "metrics"]


def test_gke_pulls_from_its_registry_and_drains() -> None:
    made = overlays.merged("gke", order_of("triton"))
    pod = of(made, "Deployment")["spec"]["template"]["spec"]
    server = pod["containers"][0]
    assert server["image"] == "REGION-docker.pkg.dev/PROJECT/serving/fastapi-onnx-iris:1"
    assert server["lifecycle"]["preStop"]["exec"]["command"] == ["sleep", "15"]
    assert server["command"], "the rest of the container stays"
    assert pod["terminationGracePeriodSeconds"] == 25
    keys = [each["topologyKey"] for each in pod["topologySpreadConstraints"]]
    assert keys == ["topology.kubernetes.io/zone", "kubernetes.io/hostname"]
    assert {"HorizontalPodAutoscaler", "Ingress", "BackendConfig", "PodMonitoring"} <= {
        each["kind"] for each in made
    }


def test_an_autoscaler_is_there_once() -> None:
    made = overlays.merged("gke", order_of("fastapi", scaling=SCALING))
    assert [each["kind"] for each in made].count("HorizontalPodAutoscaler") == 1
    assert "replicas" not in of(made, "Deployment")["spec"]


def test_an_image_by_its_digest_can_not_be_moved() -> None:
    order = order_of("fastapi", image="registry.example/a@sha256:" + "0" * 64)
    with pytest.raises(UsageError, match="name it by a tag"):
        overlays.files(order)


def test_an_overlay_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="overlay 'eks'"):
        overlays.merged("eks", order_of("fastapi"))


def why_not_kustomize() -> str:
    """Why kubectl can't build an overlay here; empty where it can."""
    if shutil.which("kubectl") is None:
        return "kubectl is not installed"
    told = subprocess.run(
        ["kubectl", "version", "--client", "-o", "json"], capture_output=True, check=True
    ).stdout
    release = json.loads(told)["clientVersion"]["gitVersion"].removeprefix("v")
    if Version(release.partition("-")[0]) < Version("1.21"):
        return f"the kustomize of kubectl {release} is too old: 1.21 is needed"
    return ""


@pytest.mark.skipif(bool(why_not_kustomize()), reason=why_not_kustomize())
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("namespace", ["", "serving"])
def test_kustomize_makes_the_same(name: str, namespace: str, tmp_path: Path) -> None:
    order: ManifestOrder = order_of("triton", namespace=namespace)
    for path, made in overlays.files(order).items():
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text.document(made))
    folder = tmp_path / "overlays" / name
    done = subprocess.run(
        ["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=True
    )
    built = list(yaml.safe_load_all(done.stdout))
    printed = yaml.safe_load_all(text.documents(overlays.merged(name, order)))
    by_name = {(each["kind"], each["metadata"]["name"]): each for each in printed}
    assert {(each["kind"], each["metadata"]["name"]): each for each in built} == by_name
