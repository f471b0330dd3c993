"""Manifests of every variant, of every kind and mode that can deploy it."""

from __future__ import annotations

import pytest
import yaml

from harness.base.errors import UsageError
from harness.manifests import kinds
from harness.manifests.kinds import ManifestOrder
from tests.manifests import documented
from tests.manifests.orders import IMAGE, SCALING, order_of, variants
from tests.manifests.validated import NEWEST, VERSIONS, pods_in, unknown_to_kserve, validate

CASES = [(name, mode) for name, kind in kinds.registered().items() for mode in kind.modes or ("",)]
NAMES = sorted(variants())


def deployed(kind: str, order: ManifestOrder) -> list[dict[str, object]]:
    """The manifests, or none where the kind says that it can't."""
    return [] if kinds.named(kind).why_not(order) else kinds.checked(kind, order)


def the_only(kind: str, name: str, **given: object) -> dict[str, object]:
    (made,) = kinds.checked(kind, order_of(name, **given))
    return made


@pytest.mark.parametrize(("kind", "mode"), CASES)
@pytest.mark.parametrize("name", NAMES)
def test_manifests_of_every_variant_are_valid(name: str, kind: str, mode: str) -> None:
    for scaling in (None, SCALING):
        for made in deployed(kind, order_of(name, mode=mode, scaling=scaling, namespace="ns")):
            if kind == "bodywork":
                documented.Bodywork.model_validate(made)
            else:
                validate(made)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_release_takes_them(version: str) -> None:
    for kind, name in (("deployment", "triton"), ("kserve", "kserve-v2"), ("seldon", "seldon")):
        for made in kinds.checked(kind, order_of(name, scaling=SCALING)):
            validate(made, (version,))


def test_the_schemas_are_recent() -> None:
    assert int(NEWEST.partition(".")[2]) >= 37
    assert len(VERSIONS) >= 13


@pytest.mark.parametrize("kind", [name for name, _ in CASES])
def test_each_kind_deploys_some_variant(kind: str) -> None:
    assert any(kinds.named(kind).why_not(order_of(name)) is None for name in NAMES)


def test_what_is_unknown_is_refused() -> None:
    made = the_only("kserve", "kserve-v1")
    made["spec"]["predictor"] |= {"minReplica": 1, "maxReplicas": "3"}  # type: ignore[index]
    found = list(unknown_to_kserve(made, "V1beta1InferenceService"))
    assert found == [
        "$.spec.predictor.maxReplicas: '3' is no int",
        "$.spec.predictor.minReplica: unknown to V1beta1PredictorSpec",
    ]
    plain = kinds.checked("deployment", order_of("fastapi"))[0]
    plain["spec"]["replica"] = 1
    with pytest.raises(Exception, match="replica"):
        validate(plain)


@pytest.mark.parametrize(
    ("name", "protocol"), [("kserve-v1", "v1"), ("kserve-v2", "v2"), ("triton", "v2")]
)
def test_kserve_is_told_the_protocol(name: str, protocol: str) -> None:
    (pod,) = pods_in(the_only("kserve", name))
    (server,) = pod["spec"]["containers"]
    assert server["name"] == "kserve-container"
    assert {"name": "PROTOCOL", "value": protocol} in server["env"]
    assert server["ports"][0] == {"name": "http1", "containerPort": 8080, "protocol": "TCP"}


@pytest.mark.parametrize(("mode", "port"), [("standard", "grpc-port"), ("knative", "h2c")])
def test_kserve_finds_grpc_by_the_ports_name(mode: str, port: str) -> None:
    (pod,) = pods_in(the_only("kserve", "kserve-v2-grpc", mode=mode))
    (server,) = pod["spec"]["containers"]
    assert server["ports"][0]["name"] == port
    asked = server["readinessProbe"]["httpGet"]["port"]
    assert asked == ("http" if mode == "standard" else 8081)


def test_a_transformer_has_pods_of_its_own() -> None:
    made = the_only("kserve", "kserve-transformer")
    predictor, transformer = (pod["spec"]["containers"][0] for pod in pods_in(made))
    assert predictor["command"][1] == "app.py"
    assert transformer["command"][1] == "transformer.py"
    command = transformer["command"]
    assert command[command.index("--predictor_host") + 1] == "kserve-transformer-predictor"
    told = {each["name"] for each in transformer["env"]}
    assert "HARNESS_PREDICTOR" in told
    assert not told & {"HARNESS_PREDICTOR_PORT", "HARNESS_PREDICTOR_GRPC_PORT"}
    assert {port["name"] for port in transformer["ports"]} == {"http1", "grpc"}


def test_modes_of_kserve() -> None:
    standard = the_only("kserve", "kserve-v1", scaling=SCALING)
    assert standard["metadata"]["annotations"] == {  # type: ignore[index]
        "serving.kserve.io/deploymentMode": "Standard",
        "serving.kserve.io/autoscalerClass": "hpa",
    }
    predictor = standard["spec"]["predictor"]  # type: ignore[index]
    assert (predictor["scaleMetric"], predictor["scaleTarget"]) == ("cpu", 80)
    assert (predictor["minReplicas"], predictor["maxReplicas"]) == (1, 5)
    serverless = the_only("kserve", "kserve-v1", scaling=SCALING, mode="knative")
    assert serverless["metadata"]["annotations"] == {  # type: ignore[index]
        "serving.kserve.io/deploymentMode": "Knative"
    }
    predictor = serverless["spec"]["predictor"]  # type: ignore[index]
    assert (predictor["scaleMetric"], predictor["scaleTarget"]) == ("concurrency", 2)
    assert predictor["containerConcurrency"] == 0


@pytest.mark.parametrize("name", NAMES)
def test_knative_lets_all_fields_through(name: str) -> None:
    for made in deployed("knative", order_of(name)):
        (pod,) = pods_in(made)
        (server,) = pod["spec"]["containers"]
        assert set(server) <= documented.KNATIVE_CONTAINER
        assert set(server["securityContext"]) <= documented.KNATIVE_RIGHTS
        assert len(server["ports"]) == 1
        assert all(set(each) <= documented.KNATIVE_VOLUMES for each in pod["spec"]["volumes"])


def test_knative_scales_by_what_a_pod_holds() -> None:
    made = the_only("knative", "fastapi", scaling=SCALING)
    found = made["spec"]["template"]["metadata"]["annotations"]  # type: ignore[index]
    assert found == {
        "autoscaling.knative.dev/class": "kpa.autoscaling.knative.dev",
        "autoscaling.knative.dev/metric": "concurrency",
        "autoscaling.knative.dev/target": "2.4",
        "autoscaling.knative.dev/target-utilization-percentage": "100",
        "autoscaling.knative.dev/min-scale": "1",
        "autoscaling.knative.dev/max-scale": "5",
    }


def test_what_a_replica_holds_when_it_is_busy() -> None:
    """Of M/D/1: busy + busy^2 / (2 (1 - busy)), for each that it predicts at once."""
    assert SCALING.at_once(order_of("fastapi").workload) == 2.4
    assert SCALING.at_once(order_of("fastapi-workers").workload) == 4.8
    assert SCALING.at_once(order_of("triton-batched").workload) == 38.4


def test_seldons_orchestrator_finds_the_model() -> None:
    (predictor,) = the_only("seldon", "seldon", scaling=SCALING)["spec"]["predictors"]  # type: ignore[index]
    (part,) = predictor["componentSpecs"]
    server = part["spec"]["containers"][0]
    assert server["name"] == predictor["graph"]["name"] == "seldon"
    assert predictor["graph"]["endpoint"] == {"type": "REST", "httpPort": 8080}
    assert server["ports"][0] == {"name": "http", "containerPort": 8080, "protocol": "TCP"}
    assert part["hpaSpec"]["maxReplicas"] == 5
    assert "annotations" not in predictor


def test_seldon_over_grpc_leaves_no_other_port_that_name() -> None:
    (predictor,) = the_only("seldon", "seldon-grpc")["spec"]["predictors"]  # type: ignore[index]
    server = predictor["componentSpecs"][0]["spec"]["containers"][0]
    names = {port["name"]: port["containerPort"] for port in server["ports"]}
    assert names == {"grpc": 8080, "own-http": 8081, "metrics": 8082}
    assert server["readinessProbe"]["httpGet"]["port"] == 8081


def test_seldon_without_its_orchestrator_serves_anything() -> None:
    order = order_of("fastapi")
    assert "speaks" in str(kinds.named("seldon").why_not(order))
    (predictor,) = the_only("seldon", "fastapi", mode="no-engine")["spec"]["predictors"]  # type: ignore[index]
    assert predictor["annotations"] == {"seldon.io/no-engine": "true"}
    bare = order_of("fastapi", mode="no-engine")
    assert kinds.named("seldon").places(bare)[0].port == 8080
    assert kinds.named("seldon").places(order_of("seldon"))[0].port == 8000
    assert kinds.named("seldon").places(order_of("seldon-grpc"))[0].port == 5001


def test_ray_serves_what_the_folder_has() -> None:
    from harness.base import paths

    applications = (paths.PROJECT / "servers" / "ray-serve" / "applications.py").read_text()
    for name in ("ray-serve", "ray-serve-fastapi", "ray-serve-batched"):
        served = yaml.safe_load(the_only("ray", name)["spec"]["serveConfigV2"])  # type: ignore[index]
        (application,) = served["applications"]
        deployment = application["deployments"][0]["name"]
        module, _, bound = application["import_path"].partition(":")
        assert module == "applications"
        assert f"{bound} = {deployment}.bind()" in applications


def test_ray_has_workers_where_it_may_scale() -> None:
    alone = the_only("ray", "ray-serve")["spec"]["rayClusterConfig"]  # type: ignore[index]
    assert "workerGroupSpecs" not in alone
    assert alone["headGroupSpec"]["rayStartParams"]["num-cpus"] == "1"
    scaled = the_only("ray", "ray-serve", scaling=SCALING)["spec"]["rayClusterConfig"]  # type: ignore[index]
    assert scaled["enableInTreeAutoscaling"] is True
    assert scaled["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    assert scaled["workerGroupSpecs"][0]["maxReplicas"] == 5


@pytest.mark.parametrize(("kind", "name"), [("ray", "fastapi"), ("bento", "fastapi")])
def test_a_framework_runs_its_own_alone(kind: str, name: str) -> None:
    with pytest.raises(UsageError, match=f"{name} can't be deployed as {kind}: a \\w+ runs"):
        kinds.checked(kind, order_of(name))


def test_a_mode_that_there_is_not() -> None:
    with pytest.raises(UsageError, match="mode 'serverless'"):
        kinds.checked("kserve", order_of("kserve-v1", mode="serverless"))
    with pytest.raises(UsageError, match="one mode of it alone"):
        kinds.checked("deployment", order_of("fastapi", mode="raw"))


def test_bodywork_stages_are_files_of_the_project() -> None:
    from harness.base import paths

    made = the_only("bodywork", "flask-gunicorn")
    for stage in made["stages"].values():  # type: ignore[attr-defined]
        assert (paths.PROJECT / stage["executable_module_path"]).is_file()
    serve = made["stages"]["serve"]  # type: ignore[index]
    assert serve["args"][:2] == ["serve", "flask"]
    assert serve["args"][serve["args"].index("--") + 1] == "gunicorn"
    assert any(each.startswith("flask==") for each in serve["requirements"])
    assert any(each.startswith("scikit-learn==") for each in serve["requirements"])


def test_pods_of_every_kind_are_found_by_our_label() -> None:
    for kind, name in (("kserve", "kserve-v1"), ("knative", "fastapi"), ("seldon", "seldon")):
        text = yaml.safe_dump(the_only(kind, name))
        assert f"app.kubernetes.io/name: {name}" in text
        assert IMAGE in text
