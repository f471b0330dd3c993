"""KServe: an InferenceService whose predictor, and transformer, are our containers.

Modes: Standard, which KServe called RawDeployment before 0.16, and Knative, once Serverless.
Fields: https://kserve.github.io/website/docs/reference/crd-api; the protocol of a container of
one's own is told by its variable PROTOCOL (kserve/kserve, pkg/constants/constants.go).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from harness.manifests import pod_template
from harness.manifests.apis import Manifest
from harness.manifests.kinds import (
    CustomKind,
    ManifestKind,
    ManifestOrder,
    ServicePlace,
    knative,
    manifest_kind,
)
from harness.manifests.workload import Workload

STANDARD, KNATIVE = "standard", "knative"
CONTAINER = "kserve-container"  # the name by which its controller knows the server's
_PORT = 80  # of its Services
_MODES = {STANDARD: "Standard", KNATIVE: "Knative"}
# Over gRPC too, which the port's name tells: older releases refuse other names of protocols.
_SPOKEN = {"kserve-v1": "v1", "v2": "v2", "v2-binary": "v2", "v2-grpc": "v2"}
_PREDICTOR_HOST = "--predictor_host"


@manifest_kind("kserve")
class InferenceService(ManifestKind):
    """A server that speaks KServe's first protocol, or the Open Inference Protocol."""

    about = "InferenceService of KServe"
    custom = CustomKind(
        version="serving.kserve.io/v1beta1", kind="InferenceService", controller="KServe"
    )
    modes = (STANDARD, KNATIVE)

    def why_not(self, order: ManifestOrder) -> str | None:
        if order.speaks and order.speaks not in _SPOKEN:
            return (
                "an InferenceService answers KServe's v1 protocol or the Open Inference Protocol "
                f"(v2), and it speaks {order.speaks}"
            )
        return knative.why_not(order.workload) if self.mode_of(order) == KNATIVE else None

    def manifests(self, order: ManifestOrder) -> list[Manifest]:
        mode, workload = self.mode_of(order), order.workload
        spec = {"predictor": _component(order, workload, mode)}
        if workload.behind is not None:
            predictor = _component(order, workload.behind, mode)
            spec = {"predictor": predictor, "transformer": _transformer(order, mode)}
        annotations = {"serving.kserve.io/deploymentMode": _MODES[mode]}
        if mode == STANDARD:
            by = "hpa" if order.scaling else "none"
            annotations["serving.kserve.io/autoscalerClass"] = by
        return [
            {
                "apiVersion": "serving.kserve.io/v1beta1",
                "kind": "InferenceService",
                "metadata": order.about(annotations),
                "spec": spec,
            }
        ]

    def notes(self, order: ManifestOrder) -> tuple[str, ...]:
        if self.mode_of(order) == STANDARD:
            return ("KServe before 0.16 calls this deployment mode RawDeployment.",)
        return ("KServe before 0.16 calls this deployment mode Serverless.",)

    def container(self, order: ManifestOrder) -> str:  # noqa: ARG002
        return CONTAINER

    def places(self, order: ManifestOrder) -> tuple[ServicePlace, ...]:
        part = "transformer" if order.workload.behind is not None else "predictor"
        port = order.workload.port
        return (ServicePlace(name=f"{order.name}-{part}", port=_PORT, pod_port=port),)


def _component(order: ManifestOrder, workload: Workload, mode: str) -> dict[str, Any]:
    """A predictor or a transformer: a pod, and how many of it."""
    rpc = bool(workload.table and workload.table.protocol.endswith("-grpc"))
    made: dict[str, Any] = {
        "minReplicas": order.least,
        "maxReplicas": order.most,
        "timeout": knative.TIMEOUT_S,
    }
    if order.scaling:
        made |= _scaled(order, workload, mode)
    if mode == KNATIVE:
        made |= {"containerConcurrency": 0, **knative.pod(workload, rpc, CONTAINER)}
    else:
        made |= _raw(workload, rpc)
    _tell_protocol(made["containers"][0], order)
    return made


def _scaled(order: ManifestOrder, workload: Workload, mode: str) -> dict[str, Any]:
    assert order.scaling is not None
    if mode == STANDARD:
        return {"scaleMetric": "cpu", "scaleTarget": order.scaling.cpu_percent}
    at_once = max(1, round(order.scaling.at_once(workload)))
    return {"scaleMetric": "concurrency", "scaleTarget": at_once}


def _raw(workload: Workload, rpc: bool) -> dict[str, Any]:
    """A pod as in a plain Deployment, updated as there; the load's port is the first."""
    spec = pod_template.bare_spec(workload, serves=True)
    spec.pop("topologySpreadConstraints")  # by labels that KServe's pods need not have
    server = spec["containers"][0]
    server["name"] = CONTAINER
    known = {pod_template.SERVING: "grpc-port" if rpc else "http1"}
    for port in server["ports"]:
        port["name"] = known.get(port["name"], port["name"])
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = dict(server[probe]["httpGet"])
        asked["port"] = known.get(asked["port"], asked["port"])
        server[probe] = {**server[probe], "httpGet": asked}
    update = {"maxSurge": 1, "maxUnavailable": 0}
    return {**spec, "deploymentStrategy": {"type": "RollingUpdate", "rollingUpdate": update}}


def _tell_protocol(server: dict[str, Any], order: ManifestOrder) -> None:
    if spoken := _SPOKEN.get(order.speaks):
        told = [each for each in server.get("env", ()) if each["name"] != "PROTOCOL"]
        server["env"] = [*told, {"name": "PROTOCOL", "value": spoken}]


def _transformer(order: ManifestOrder, mode: str) -> dict[str, Any]:
    """The transformer alone: in its own pods it starts no predictor, and is told where that is."""
    workload = order.workload
    command = list(workload.command)
    if _PREDICTOR_HOST in command:
        command[command.index(_PREDICTOR_HOST) + 1] = f"{order.name}-predictor"
    ours = {name: p for name, p in workload.more_ports.items() if not _is_predictors(name)}
    others = {f"HARNESS_{n.upper()}_PORT" for n in workload.more_ports if _is_predictors(n)}
    alone = replace(
        workload,
        command=tuple(command),
        more_ports=ours,
        environment={
            name: value for name, value in workload.environment.items() if name not in others
        },
    )
    return _component(order, alone, mode)


def _is_predictors(port: str) -> bool:
    return port.startswith("predictor")
