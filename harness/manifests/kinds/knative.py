"""Knative Serving: a Service that scales with the requests in flight, also to none.

Fields: https://knative.dev/docs/serving/reference/serving-api/ and, for those of a pod that Knative
takes without a feature flag, knative/serving, pkg/apis/serving/fieldmask.go.
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
from harness.manifests.workload import Workload

TIMEOUT_S = 60  # of a request, queueing in the activator included
_AUTOSCALING = "autoscaling.knative.dev"
_GATEWAY_PORT = 80
_NO_RIGHTS = ("runAsNonRoot", "runAsUser", "runAsGroup", "seccompProfile")


@manifest_kind("knative")
class KnativeService(ManifestKind):
    """One container; its activator and queue-proxy stand before it."""

    about = "Service of Knative Serving"
    custom = CustomKind(
        version="serving.knative.dev/v1", kind="Service", controller="Knative Serving"
    )

    def why_not(self, order: ManifestOrder) -> str | None:
        return why_not(order.workload)

    def manifests(self, order: ManifestOrder) -> list[Manifest]:
        workload = order.workload
        about = {"labels": pod_template.labels(workload), "annotations": scaled_by(order)}
        spec = {"containerConcurrency": 0, "timeoutSeconds": TIMEOUT_S, **pod(workload, order.rpc)}
        return [
            {
                "apiVersion": "serving.knative.dev/v1",
                "kind": "Service",
                "metadata": order.about(),
                "spec": {"template": {"metadata": about, "spec": spec}},
            }
        ]

    def notes(self, order: ManifestOrder) -> tuple[str, ...]:  # noqa: ARG002
        return ("Volumes in memory need Knative Serving 1.4 or later.",)

    def places(self, order: ManifestOrder) -> tuple[ServicePlace, ...]:
        # Knative makes it an alias of its gateway, which tells services by their host names.
        port = order.workload.port
        return (ServicePlace(name=order.name, port=_GATEWAY_PORT, pod_port=port),)


def why_not(workload: Workload) -> str | None:
    """Why Knative can't run a workload, or None."""
    if workload.beside:
        others = ", ".join(each.name for each in workload.beside)
        return f"Knative starts another pod when it likes, and {others} beside it keeps what it has"
    if workload.as_it_stands and not workload.port:
        return "Knative must know the port of its container"
    return None


def scaled_by(order: ManifestOrder) -> dict[str, str]:
    """How many pods there are, and what makes them more."""
    bounds = {
        f"{_AUTOSCALING}/min-scale": str(order.least),
        f"{_AUTOSCALING}/max-scale": str(order.most),
    }
    if order.scaling is None:
        return bounds
    return {
        f"{_AUTOSCALING}/class": "kpa.autoscaling.knative.dev",
        f"{_AUTOSCALING}/metric": "concurrency",
        # What a pod holds when it is as busy as it should be, so that all of it is used.
        f"{_AUTOSCALING}/target": f"{order.scaling.at_once(order.workload):g}",
        f"{_AUTOSCALING}/target-utilization-percentage": "100",
        **bounds,
    }


def pod(workload: Workload, rpc: bool, name: str = "") -> dict[str, Any]:
    """The part of a pod that Knative takes: one container with one port, its rights its own."""
    server = pod_template.container(workload, serves=True)
    server.pop("lifecycle", None)  # queue-proxy drains by itself
    server.pop("startupProbe")  # Knative waits for readiness; failing it for long ends a start
    server["name"] = name or server["name"]
    server["ports"] = [{"name": "h2c" if rpc else "http1", "containerPort": workload.port}]
    server["readinessProbe"] = {**_probe(workload), "periodSeconds": 1, "timeoutSeconds": 1}
    server["livenessProbe"] = {**server["livenessProbe"], **_probe(workload)}
    server["livenessProbe"]["initialDelaySeconds"] = max(1, int(workload.ready_timeout_s))
    server["securityContext"] |= _own_rights(workload)
    kept = pod_template.volumes(workload)
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "containers": [server],
        **({"volumes": kept} if kept else {}),
    }


def _own_rights(workload: Workload) -> Mapping[str, Any]:
    rights = pod_template.pod_rights(workload)
    return {name: rights[name] for name in _NO_RIGHTS if name in rights}


def _probe(workload: Workload) -> dict[str, Any]:
    port = workload.more_ports.get(workload.ready_port, workload.port)
    return {"httpGet": {"path": workload.ready_path, "port": port}}
