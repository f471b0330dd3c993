"""Custom resources as what deploys a workload: what is made, what is waited for, where it is."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from harness.base.errors import LaunchError, UsageError
from harness.manifests.workload import Workload
from harness.measure.launch.kubernetes import custom_deployed, kubeconfig
from harness.measure.launch.kubernetes.api_objects import ApiObjects
from harness.measure.launch.kubernetes.campaign_namespace import OWNER, CampaignNamespace
from harness.measure.launch.kubernetes.custom_deployed import CustomDeployed, Via
from tests.kubernetes_api import FakeApi, api
from tests.manifests.orders import order_of

SPACE = "/namespaces/space"
SERVICES = f"/api/v1{SPACE}/services"
VERSIONS = {
    "serving.kserve.io/v1beta1": ("InferenceService", "inferenceservices"),
    "serving.knative.dev/v1": ("Service", "services"),
    "machinelearning.seldon.io/v1": ("SeldonDeployment", "seldondeployments"),
}
READY = {"conditions": [{"type": "Ready", "status": "True"}]}


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custom_deployed, "_LOOK_S", 0.0)


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeApi]:
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "config"))
    with api(tmp_path) as found:
        for version, (kind, plural) in VERSIONS.items():
            found.objects["/apis"]["groups"].append({"versions": [{"groupVersion": version}]})
            resource = {"name": plural, "kind": kind, "namespaced": True}
            found.objects[f"/apis/{version}"] = {"resources": [resource]}
        yield found


def deployed(name: str, via: str) -> CustomDeployed:
    space = CampaignNamespace(name="space", is_own=True, owner="me")
    workload: Workload = order_of(name).workload
    return CustomDeployed(ApiObjects(kubeconfig.connect()), space, workload, Via(via))


def path_of(name: str, version: str) -> str:
    return f"/apis/{version}{SPACE}/{VERSIONS[version][1]}/{name}"


def test_its_resource_is_made_and_removed(fake: FakeApi) -> None:
    made = deployed("kserve-v1", "kserve")
    made.create()
    path = path_of("kserve-v1", "serving.kserve.io/v1beta1")
    assert fake.objects[path]["kind"] == "InferenceService"
    assert fake.objects[path]["metadata"]["annotations"][OWNER] == "me"
    assert made.container == "kserve-container"
    made.rescale(0)
    assert path not in fake.objects
    made.remove()


def test_it_is_served_when_its_controller_says_so(fake: FakeApi) -> None:
    made = deployed("kserve-v1", "kserve")
    made.create()
    service: dict[str, Any] = {"spec": {"type": "ClusterIP", "clusterIP": "10.0.0.7"}}
    fake.put(f"{SERVICES}/kserve-v1-predictor", service)
    assert made.service() is None
    path = path_of("kserve-v1", "serving.kserve.io/v1beta1")
    lacking = {"type": "Ready", "status": "False", "reason": "NoDomain", "message": "no domain"}
    fake.objects[path]["status"] = {"conditions": [lacking]}
    assert made.service() is None
    assert made.why_not_served() == "NoDomain: no domain"
    fake.objects[path]["status"] = READY
    found = made.service()
    assert found is not None
    assert found["spec"]["clusterIP"] == "10.0.0.7"
    assert found["spec"]["ports"] == [{"name": "serving", "port": 80}]
    assert made.headers == ()


def test_a_service_without_an_address_leads_to_its_pods(fake: FakeApi) -> None:
    made = deployed("kserve-v1", "kserve")
    made.create()
    fake.objects[path_of("kserve-v1", "serving.kserve.io/v1beta1")]["status"] = READY
    fake.put(f"{SERVICES}/kserve-v1-predictor", {"spec": {"clusterIP": "None"}})
    found = made.service()
    assert found is not None
    assert found["spec"]["ports"] == [{"name": "serving", "port": 8080}]


def test_a_gateway_tells_services_by_their_host(fake: FakeApi) -> None:
    made = deployed("fastapi", "knative")
    made.create()
    fake.objects[path_of("fastapi", "serving.knative.dev/v1")]["status"] = READY
    alias = {"type": "ExternalName", "externalName": "kourier.kourier-system.svc.cluster.local"}
    fake.put(f"{SERVICES}/fastapi", {"spec": alias})
    assert made.service() is None, "the gateway is not there yet"
    gateway = "/api/v1/namespaces/kourier-system/services/kourier"
    fake.put(gateway, {"spec": {"type": "ClusterIP", "clusterIP": "10.0.0.9"}})
    found = made.service()
    assert found is not None
    assert found["spec"]["clusterIP"] == "10.0.0.9"
    assert made.headers == (("Host", "fastapi.space.svc.cluster.local"),)


def test_a_mode_goes_with_its_kind(fake: FakeApi) -> None:
    made = deployed("fastapi", "seldon:no-engine")
    made.create()
    found = fake.objects[path_of("fastapi", "machinelearning.seldon.io/v1")]
    (predictor,) = found["spec"]["predictors"]
    assert predictor["annotations"] == {"seldon.io/no-engine": "true"}
    assert made.ready_path == ""
    assert made.via == "Seldon Core 1 (no-engine)"
    assert deployed("seldon", "seldon").ready_path == "/ready"


@pytest.mark.parametrize(
    ("name", "via", "said"),
    [
        ("ray-serve", "ray", "This cluster has no RayService of ray.io/v1: KubeRay is not"),
        ("fastapi", "kserve", "fastapi can't be deployed as kserve"),
        ("kserve-v2-grpc", "kserve", "says at a port of its own that it is ready"),
    ],
)
def test_why_it_can_not_be_deployed(fake: FakeApi, name: str, via: str, said: str) -> None:
    with pytest.raises(LaunchError, match=said):
        deployed(name, via).create()
    assert not [path for method, path in fake.asked if method == "POST"]


@pytest.mark.parametrize("via", ["deployment", "bodywork", "helm", "kserve:raw", "knative:x"])
def test_a_way_that_there_is_not(via: str) -> None:
    with pytest.raises(UsageError):
        Via(via)


def test_nobody_acts_on_it(fake: FakeApi) -> None:
    made = deployed("seldon", "seldon")
    made.create()
    assert made.why_no_pods(5.0) == ""
    assert made.why_no_pods(30.0) == (
        "after 30 s the SeldonDeployment has no status: nothing acts on it, so Seldon Core 1 does "
        "not run there"
    )
    path = path_of("seldon", "machinelearning.seldon.io/v1")
    fake.objects[path]["status"] = {"state": "Failed", "description": "no such image"}
    assert made.why_no_pods(30.0) == "Failed: no such image"


def test_what_is_its_controllers_to_decide(fake: FakeApi) -> None:
    made = deployed("kserve-v1", "kserve")
    made.create()
    for change in (
        made.update,
        made.state,
        lambda: made.rescale(2),
        lambda: made.add({"kind": "HorizontalPodAutoscaler"}),
    ):
        with pytest.raises(LaunchError, match="KServe's to decide"):
            change()
    assert made.endpoints() is None
