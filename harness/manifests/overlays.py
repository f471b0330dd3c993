"""Overlays of kustomize on a plain Deployment: for a cluster of kind, and for GKE.

What is printed is the base with an overlay's patches merged in, as kustomize would make it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.base.errors import UsageError, unknown
from harness.manifests import objects, pod_template
from harness.manifests.apis import Manifest
from harness.manifests.kinds import PLAIN, ManifestOrder, checked

NODE_PORT = 30080  # of kind's node, and a port of this machine leads there
HOST_PORT = 8080
_GKE_IMAGE = "REGION-docker.pkg.dev/PROJECT/serving"
# The load balancer goes on sending for some seconds after a pod is told to end.
_GKE_PRE_STOP_S = 15
_KUSTOMIZATION = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
# By which strategic merge tells the elements of a list.
_KEYS = {
    "containers": "name",
    "ports": "port",
    "topologySpreadConstraints": "topologyKey",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """What differs in one environment."""

    patches: tuple[Manifest, ...] = ()
    added: tuple[Manifest, ...] = ()
    registry: str = ""  # that takes the place of an image's own; empty: it stays
    beside: Mapping[str, Manifest] | None = None  # files that kustomize does not read, by name


def _kind(order: ManifestOrder) -> Overlay:
    port = {"port": order.workload.port, "protocol": "TCP", "nodePort": NODE_PORT}
    forwarded = {"containerPort": NODE_PORT, "hostPort": HOST_PORT, "listenAddress": "127.0.0.1"}
    cluster = {
        "kind": "Cluster",
        "apiVersion": "kind.x-k8s.io/v1alpha4",
        "nodes": [{"role": "control-plane", "extraPortMappings": [forwarded]}],
    }
    return Overlay(
        patches=(_patch("v1", "Service", order, {"type": "NodePort", "ports": [port]}),),
        beside={"kind-cluster.yaml": cluster},
    )


def _gke(order: ManifestOrder) -> Overlay:
    workload, name = order.workload, order.name
    rules = {
        "cloud.google.com/neg": '{"ingress": true}',
        "cloud.google.com/backend-config": f'{{"default": "{name}"}}',
    }
    service = {**_patch("v1", "Service", order, {})}
    service["metadata"] = {**service["metadata"], "annotations": rules}
    del service["spec"]
    added: list[Manifest] = [_backend(order), _ingress(order)]
    if order.scaling is None:
        added.append(objects.autoscaler(workload))
    if workload.metrics_path:
        added.append(_monitored(order))
    return Overlay(
        patches=(_patch("apps/v1", "Deployment", order, _spread(order)), service),
        added=tuple(added),
        registry=_GKE_IMAGE,
    )


OVERLAYS: Mapping[str, Callable[[ManifestOrder], Overlay]] = {"kind": _kind, "gke": _gke}


def named(name: str, order: ManifestOrder) -> Overlay:
    """The overlay of that name. Raises UsageError."""
    if name not in OVERLAYS:
        raise unknown("overlay", name, OVERLAYS)
    return OVERLAYS[name](order)


def merged(name: str, order: ManifestOrder) -> list[Manifest]:
    """All objects in one environment. Raises UsageError."""
    overlay = named(name, order)
    found = checked(PLAIN, order)
    for patch in overlay.patches:
        place = next(n for n, each in enumerate(found) if _same(each, patch))
        found[place] = _merged(found[place], patch)
    found += overlay.added
    if overlay.registry:
        image = _moved(order.workload.image, overlay.registry)
        server = next(each for each in found if each["kind"] == "Deployment")["spec"]["template"]
        server["spec"]["containers"][0]["image"] = image
    return found


def files(order: ManifestOrder) -> dict[str, Any]:
    """The files of a base and of all overlays, by their place. Raises UsageError."""
    base = checked(PLAIN, order)
    found: dict[str, Any] = {f"base/{_file(each)}": each for each in base}
    found["base/kustomization.yaml"] = {**_KUSTOMIZATION, "resources": [_file(e) for e in base]}
    for name in OVERLAYS:
        found |= {f"overlays/{name}/{path}": made for path, made in _overlaid(name, order).items()}
    return found


def _overlaid(name: str, order: ManifestOrder) -> dict[str, Any]:
    overlay = named(name, order)
    patches = {f"patch-{_file(each)}": each for each in overlay.patches}
    added = {_file(each): each for each in overlay.added}
    listed: Manifest = {
        **_KUSTOMIZATION,
        "resources": ["../../base", *added],
        "patches": [{"path": path} for path in patches],
    }
    if overlay.registry:
        old, tag = _image_parts(order.workload.image)
        new = _image_parts(_moved(order.workload.image, overlay.registry))[0]
        listed["images"] = [{"name": old, "newName": new, **({"newTag": tag} if tag else {})}]
    return {"kustomization.yaml": listed, **patches, **added, **(overlay.beside or {})}


def _patch(version: str, kind: str, order: ManifestOrder, spec: Manifest) -> Manifest:
    about: Manifest = {"name": order.name}
    if order.namespace:
        about["namespace"] = order.namespace
    return {"apiVersion": version, "kind": kind, "metadata": about, "spec": spec}


def _spread(order: ManifestOrder) -> Manifest:
    """Pods in several zones, which serve on until the load balancer knows that they end."""
    zones = {
        "maxSkew": 1,
        "topologyKey": "topology.kubernetes.io/zone",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": pod_template.selector(order.workload)},
    }
    slept = {"preStop": {"exec": {"command": ["sleep", str(_GKE_PRE_STOP_S)]}}}
    pod = {
        "terminationGracePeriodSeconds": _GKE_PRE_STOP_S + order.workload.grace_s,
        "topologySpreadConstraints": [zones],
        "containers": [{"name": order.name, "lifecycle": slept}],
    }
    return {"template": {"spec": pod}}


def _backend(order: ManifestOrder) -> Manifest:
    """How the load balancer asks whether a pod is well, and how long it lets it drain."""
    workload = order.workload
    asked = workload.more_ports.get(workload.ready_port, workload.port)
    health = {"type": "HTTP", "requestPath": workload.ready_path, "port": asked}
    drained = {"drainingTimeoutSec": _GKE_PRE_STOP_S + workload.grace_s}
    spec = {"timeoutSec": 60, "connectionDraining": drained, "healthCheck": health}
    return {
        "apiVersion": "cloud.google.com/v1",
        "kind": "BackendConfig",
        "metadata": order.about(),
        "spec": spec,
    }


def _ingress(order: ManifestOrder) -> Manifest:
    """Within the VPC: nothing here asks who calls."""
    service = {"name": order.name, "port": {"number": order.workload.port}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": order.about({"kubernetes.io/ingress.class": "gce-internal"}),
        "spec": {"defaultBackend": {"service": service}},
    }


def _monitored(order: ManifestOrder) -> Manifest:
    workload = order.workload
    port = pod_template.port_name(workload.metrics_port)
    scraped = {"port": port, "path": workload.metrics_path, "interval": "15s"}
    spec = {"selector": {"matchLabels": pod_template.selector(workload)}, "endpoints": [scraped]}
    return {
        "apiVersion": "monitoring.googleapis.com/v1",
        "kind": "PodMonitoring",
        "metadata": order.about(),
        "spec": spec,
    }


def _file(made: Manifest) -> str:
    return f"{made['kind'].lower()}.yaml"


def _same(made: Manifest, patch: Manifest) -> bool:
    return (made["apiVersion"], made["kind"]) == (patch["apiVersion"], patch["kind"])


def _image_parts(image: str) -> tuple[str, str]:
    """(its name, its tag). Raises UsageError for one by its digest, which another registry need not
    have."""
    if "@" in image:
        raise UsageError(f"{image} is named by its digest: name it by a tag for an overlay.")
    last = image.rpartition("/")[2]
    tag = last.partition(":")[2]
    return (image[: -len(tag) - 1], tag) if tag else (image, "")


def _moved(image: str, registry: str) -> str:
    return f"{registry}/{image.rpartition('/')[2]}"


def _merged(made: Any, patch: Any, key: str = "") -> Any:
    """A strategic merge, for what our patches hold. A patch's new elements of a list come first."""
    if isinstance(made, dict) and isinstance(patch, dict):
        both = {name: _merged(made.get(name), value, name) for name, value in patch.items()}
        return {**made, **both}
    if isinstance(made, list) and isinstance(patch, list) and key in _KEYS:
        by = _KEYS[key]
        known = {each[by]: each for each in made}
        new = [each for each in patch if each[by] not in known]
        changed = {each[by]: _merged(known[each[by]], each) for each in patch if each[by] in known}
        return [*new, *(changed.get(each[by], each) for each in made)]
    return patch
