"""Seldon Core 1: a SeldonDeployment whose graph is one node, our container.

Modes: with Seldon's orchestrator before it in the pod, as usual, or without. Fields:
https://docs.seldon.ai/seldon-core-1/reference/seldon-deployment and SeldonIO/seldon-core,
operator/apis/machinelearning.seldon.io/v1/seldondeployment_types.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.manifests import pod_template
from harness.manifests.apis import Manifest
from harness.manifests.kinds import (
    CustomKind,
    ManifestKind,
    ManifestOrder,
    ServicePlace,
    manifest_kind,
)

ORCHESTRATED, BARE = "orchestrator", "no-engine"
_PREDICTOR = "default"
_READY = "/ready"
_REST, _GRPC = 8000, 5001  # of the orchestrator
_SPOKEN = {"seldon": "seldon", "seldon-grpc": "seldon", "v2": "v2", "v2-grpc": "v2"}
_ORCHESTRATOR = {"cpu": "500m", "memory": "256Mi"}


@manifest_kind("seldon")
class SeldonDeployment(ManifestKind):
    """A graph of one model."""

    about = "SeldonDeployment of Seldon Core 1"
    custom = CustomKind(
        version="machinelearning.seldon.io/v1", kind="SeldonDeployment", controller="Seldon Core 1"
    )
    modes = (ORCHESTRATED, BARE)

    def why_not(self, order: ManifestOrder) -> str | None:
        if self.mode_of(order) == ORCHESTRATED and order.speaks not in _SPOKEN:
            return (
                "Seldon's orchestrator speaks Seldon's protocol and the Open Inference Protocol "
                f"(v2) with tensors as JSON, not {order.speaks or 'what an unknown image speaks'}; "
                f"`--mode {BARE}` leaves it out"
            )
        return None

    def manifests(self, order: ManifestOrder) -> list[Manifest]:
        return [
            {
                "apiVersion": "machinelearning.seldon.io/v1",
                "kind": "SeldonDeployment",
                "metadata": order.about(),
                "spec": {
                    "name": order.name,
                    "protocol": _SPOKEN.get(order.speaks, "seldon"),
                    "transport": "grpc" if order.rpc else "rest",
                    "predictors": [self._predictor(order)],
                },
            }
        ]

    def notes(self, order: ManifestOrder) -> tuple[str, ...]:  # noqa: ARG002
        return ("Seldon Core 1.18 and later is under the Business Source License; 1.17.1 is not.",)

    def ready_path(self, order: ManifestOrder) -> str:
        # The orchestrator answers for the whole graph, and leads predictions alone to the model.
        return "" if self.mode_of(order) == BARE else _READY

    def places(self, order: ManifestOrder) -> tuple[ServicePlace, ...]:
        orchestrator = _GRPC if order.rpc else _REST
        port = order.workload.port if self.mode_of(order) == BARE else orchestrator
        return (ServicePlace(name=f"{order.name}-{_PREDICTOR}", port=port, pod_port=port),)

    def readiness(self, status: Mapping[str, Any]) -> tuple[bool, str]:
        state = str(status.get("state", ""))
        told = [each for each in (state, str(status.get("description", ""))) if each]
        return state == "Available", ": ".join(told)

    def _predictor(self, order: ManifestOrder) -> dict[str, Any]:
        bare = self.mode_of(order) == BARE
        made: dict[str, Any] = {
            "name": _PREDICTOR,
            "traffic": 100,
            "replicas": order.least,
            "graph": _graph(order),
            "componentSpecs": [_component(order)],
        }
        if bare:
            made["annotations"] = {"seldon.io/no-engine": "true"}
        else:
            wanted = {"requests": dict(_ORCHESTRATOR), "limits": dict(_ORCHESTRATOR)}
            made["svcOrchSpec"] = {"resources": wanted}
        return made


def _graph(order: ManifestOrder) -> dict[str, Any]:
    port = "grpcPort" if order.rpc else "httpPort"
    return {
        "name": order.name,
        "type": "MODEL",
        "endpoint": {"type": "GRPC" if order.rpc else "REST", port: order.workload.port},
        "children": [],
    }


def _component(order: ManifestOrder) -> dict[str, Any]:
    """The pod; its operator finds the load's port by its name."""
    workload = order.workload
    spec = pod_template.bare_spec(workload, serves=True)
    spec.pop("topologySpreadConstraints")  # by labels that Seldon's pods need not have
    known = {pod_template.SERVING: "grpc" if order.rpc else "http"}
    server = spec["containers"][0]
    taken = known[pod_template.SERVING]
    for port in server["ports"]:
        # Its operator would take another port of that name for the model's.
        other = f"own-{port['name']}" if port["name"] in ("http", "grpc") else port["name"]
        port["name"] = known.get(port["name"], other)
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        asked = dict(server[probe]["httpGet"])
        asked["port"] = workload.more_ports.get(workload.ready_port, taken)
        server[probe] = {**server[probe], "httpGet": asked}
    made: dict[str, Any] = {
        "metadata": {"labels": pod_template.labels(workload)},
        "spec": spec,
        "pdbSpec": {"maxUnavailable": 1},
    }
    if order.scaling:
        target = {"type": "Utilization", "averageUtilization": order.scaling.cpu_percent}
        made["hpaSpec"] = {
            "minReplicas": order.least,
            "maxReplicas": order.most,
            "metricsv2": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        }
    return made
