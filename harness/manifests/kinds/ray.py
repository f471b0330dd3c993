"""KubeRay: a RayService, which is a Ray cluster and the Serve application on it.

Fields: https://ray-project.github.io/kuberay/reference/api and, for `serveConfigV2`,
https://docs.ray.io/en/latest/serve/production-guide/config.html.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import yaml

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

PORT = 8000  # of Serve's proxies
_HEAD, _WORKER = "ray-head", "ray-worker"
_DASHBOARD, _STORE, _CLIENT = 8265, 6379, 10001
_AGENT = 52365  # answers whether the node's own process is well
_STORE_MEMORY = {"object-store-memory": "100000000"}  # nothing is kept there
_APPLICATIONS = "applications"  # the module of the server's folder that has them, bound
_ASKED = "import urllib.request; urllib.request.urlopen('http://127.0.0.1:{place}', timeout=2)"
_ALONE = "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"  # our variants forbid clusters of several nodes
_PROBED_S = 5  # each probe starts an interpreter
_HEAD_CPUS, _HEAD_MIB = 1, 2048  # where it holds no replica


@manifest_kind("ray")
class RayService(ManifestKind):
    """The head holds the only replica, or workers hold one each."""

    about = "RayService of KubeRay"
    custom = CustomKind(version="ray.io/v1", kind="RayService", controller="KubeRay")

    def why_not(self, order: ManifestOrder) -> str | None:
        server = order.workload.server
        if server is None or server.package != "ray":
            return "a RayService runs applications of Ray Serve"
        return None

    def manifests(self, order: ManifestOrder) -> list[Manifest]:
        served = yaml.safe_dump(_serve_config(order), sort_keys=False)
        return [
            {
                "apiVersion": "ray.io/v1",
                "kind": "RayService",
                "metadata": order.about(),
                "spec": {"serveConfigV2": served, "rayClusterConfig": _cluster(order)},
            }
        ]

    def notes(self, order: ManifestOrder) -> tuple[str, ...]:  # noqa: ARG002
        return ("Needs KubeRay 1.1 or later; the image has Ray's dashboard, which KubeRay asks.",)

    def container(self, order: ManifestOrder) -> str:
        return _WORKER if _has_workers(order) else _HEAD

    def places(self, order: ManifestOrder) -> tuple[ServicePlace, ...]:
        return (ServicePlace(name=f"{order.name}-serve-svc", port=PORT, pod_port=PORT),)

    def readiness(self, status: Mapping[str, Any]) -> tuple[bool, str]:
        state = str(status.get("serviceStatus", ""))
        active = status.get("activeServiceStatus") or {}
        applications = active.get("applicationStatuses") or {}
        told = [str(each.get("message", "")) for each in applications.values()]
        return state == "Running", ": ".join(filter(None, [state, *told]))


def _has_workers(order: ManifestOrder) -> bool:
    return order.most > 1


def _serve_config(order: ManifestOrder) -> dict[str, Any]:
    name = order.workload.command[-1].rpartition(":")[2]  # `app:Plain`
    deployment: dict[str, Any] = {"name": name}
    if order.scaling:
        deployment["autoscaling_config"] = {
            "min_replicas": order.least,
            "max_replicas": order.most,
            "target_ongoing_requests": order.scaling.at_once(order.workload),
        }
    else:
        deployment["num_replicas"] = _replicas(order)
    table = order.workload.table
    workers = table.workers if table else 1
    deployment["ray_actor_options"] = {"num_cpus": round(order.workload.cpus / workers, 3)}
    application = {
        "name": order.name,
        "route_prefix": "/",
        "import_path": f"{_APPLICATIONS}:{name.lower()}",
        "deployments": [deployment],
    }
    return {
        "proxy_location": "EveryNode",
        "http_options": {"host": "0.0.0.0", "port": PORT},
        "logging_config": {"enable_access_log": False},
        "applications": [application],
    }


def _replicas(order: ManifestOrder) -> int:
    table = order.workload.table
    return order.least * (table.workers if table else 1)


def _cluster(order: ManifestOrder) -> dict[str, Any]:
    workload = order.workload
    cpus = 0 if _has_workers(order) else workload.cpus
    usual = _params(workload)
    small = replace(workload, cpus=_HEAD_CPUS, memory_mib=_HEAD_MIB)
    head = small if _has_workers(order) else workload
    params = {"dashboard-host": "0.0.0.0", "num-cpus": f"{cpus:g}", **usual}
    made: dict[str, Any] = {
        "headGroupSpec": {"rayStartParams": params, "template": _pod(head, _HEAD, order)},
    }
    if _has_workers(order):
        made["enableInTreeAutoscaling"] = order.scaling is not None
        made["workerGroupSpecs"] = [
            {
                "groupName": "replicas",
                "replicas": order.least,
                "minReplicas": order.least,
                "maxReplicas": order.most,
                "rayStartParams": {"num-cpus": f"{workload.cpus:g}", **usual},
                "template": _pod(workload, _WORKER, order),
            }
        ]
    return made


def _params(workload: Workload) -> dict[str, str]:
    """What Ray is started with on every node."""
    metrics = workload.more_ports.get(workload.metrics_port)
    told = {"metrics-export-port": str(metrics)} if metrics else {}
    return {**_STORE_MEMORY, **told}


def _pod(workload: Workload, name: str, order: ManifestOrder) -> dict[str, Any]:
    """A pod of the cluster: KubeRay writes its command, and our probes stand for its own, which
    need wget."""
    alone = replace(workload, command=(), port=PORT, more_ports={})
    spec = pod_template.bare_spec(alone, serves=True)
    spec.pop("topologySpreadConstraints")  # by labels that KubeRay's pods need not have
    if name == _HEAD and order.scaling:
        spec.pop("automountServiceAccountToken")  # the autoscaler beside it asks the API server
    server = spec["containers"][0]
    server["name"] = name
    server["ports"] = [
        {"name": each, "containerPort": port, "protocol": "TCP"}
        for each, port in _ports(workload, name).items()
    ]
    server["env"] = _environment(workload, server["env"])
    alive = f"{_AGENT}/api/local_raylet_healthz"
    # Serve is asked for only when the head is ready, so the head's readiness is not Serve's.
    ready = alive if name == _HEAD else f"{PORT}/-/healthz"
    server["startupProbe"] = {**server["startupProbe"], **_probe(alive)}
    server["readinessProbe"] = {**server["readinessProbe"], **_probe(ready)}
    server["livenessProbe"] = {**server["livenessProbe"], **_probe(alive)}
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        del server[probe]["httpGet"]
    server["readinessProbe"]["periodSeconds"] = _PROBED_S
    return {"metadata": {"labels": pod_template.labels(workload)}, "spec": spec}


def _probe(place: str) -> dict[str, Any]:
    return {"exec": {"command": ["python", "-c", _ASKED.format(place=place)]}}


def _ports(workload: Workload, name: str) -> dict[str, int]:
    own = {"serve": PORT}
    if metrics := workload.more_ports.get(workload.metrics_port):
        own["metrics"] = metrics
    if name == _HEAD:
        own |= {"gcs-server": _STORE, "dashboard": _DASHBOARD, "client": _CLIENT}
    return own


def _environment(workload: Workload, told: list[dict[str, str]]) -> list[dict[str, str]]:
    """What the server is told; workers import its modules by PYTHONPATH, and find `ray` by PATH."""
    found = {each["name"]: each["value"] for each in told if each["name"] != _ALONE}
    found["PYTHONPATH"] = f"{workload.working_dir}:{found.get('PYTHONPATH', '')}".rstrip(":")
    found["HARNESS_HOST"] = "0.0.0.0"
    return [{"name": name, "value": value} for name, value in found.items()]
