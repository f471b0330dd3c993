"""The pods of a workload: as few rights as a container can have, and QoS class Guaranteed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from harness.manifests.workload import PART_OF, BesideIt, Workload

USER = 10001  # of all our images
SERVING = "serving"  # the name of the port that the load goes to
_PORT_NAME = 15  # its longest
_MANAGER = "app.kubernetes.io/managed-by"
_NAME = "app.kubernetes.io/name"
_RIGHTS: Mapping[str, Any] = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "readOnlyRootFilesystem": True,
}
# One that does not answer is taken from the Service after 15 s, and started again after 30 s: later
# than an overload lasts that it would come out of by itself.
_READY = {"periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": 5}
_ALIVE = {"periodSeconds": 10, "timeoutSeconds": 10, "failureThreshold": 3}
# Kubernetes knows SIGTERM alone before 1.33. A shell lets what it starts in the background ignore
# SIGINT, unless `env` takes that back.
_OTHER_SIGNAL = (
    'env --default-signal={signal} "$@" & server=$!; trap "kill -{signal} $server" TERM; '
    "while kill -0 $server 2>/dev/null; do wait $server; ended=$?; done; exit $ended"
)


def labels(workload: Workload) -> dict[str, str]:
    """Of everything that belongs to it."""
    usual = {_NAME: workload.name, "app.kubernetes.io/part-of": PART_OF, _MANAGER: PART_OF}
    return {**usual, **workload.labels}


def selector(workload: Workload) -> dict[str, str]:
    """The labels that tell its pods from all others of a namespace."""
    return {_NAME: workload.name}


def port_name(name: str) -> str:
    """A port's name as Kubernetes takes it; empty: the one that the load goes to."""
    return name.lower().replace("_", "-")[:_PORT_NAME].rstrip("-") or SERVING


def ports(workload: Workload) -> dict[str, int]:
    """All its ports by their names in a cluster, the one that the load goes to first."""
    return {
        SERVING: workload.port,
        **{port_name(name): port for name, port in workload.more_ports.items()},
    }


def template(workload: Workload) -> dict[str, Any]:
    """A pod of a Deployment."""
    spec = bare_spec(workload, serves=True)
    return {"metadata": {"labels": labels(workload)}, "spec": spec}


def bare_spec(workload: Workload, *, serves: bool) -> dict[str, Any]:
    """What a pod is made of, for one that serves or for one that does a job."""
    kept = volumes(workload)
    token = {"serviceAccountName": workload.service_account} if workload.service_account else {}
    spec: dict[str, Any] = {
        **token,
        "automountServiceAccountToken": bool(token),
        "enableServiceLinks": False,
        "securityContext": pod_rights(workload),
        "containers": [container(workload, serves=serves), *map(_beside, workload.beside)],
        **({"volumes": kept} if kept else {}),
    }
    if not workload.as_it_stands:
        spec["shareProcessNamespace"] = True  # an init passes on orphans, as in a container
    if serves:
        spec["terminationGracePeriodSeconds"] = workload.pre_stop_s + workload.grace_s
        spec["topologySpreadConstraints"] = [
            {
                "maxSkew": 1,
                "topologyKey": "kubernetes.io/hostname",
                "whenUnsatisfiable": "ScheduleAnyway",
                "labelSelector": {"matchLabels": selector(workload)},
            }
        ]
    return spec


def pod_rights(workload: Workload) -> dict[str, Any]:
    """The security context of a pod."""
    profile = {"seccompProfile": {"type": "RuntimeDefault"}}
    if workload.as_it_stands:
        return profile
    # What a pod's volumes hold belongs to its group, so that the user can write there.
    shared = {"fsGroup": USER} if workload.mounts else {}
    return {"runAsNonRoot": True, "runAsUser": USER, "runAsGroup": USER, **shared, **profile}


def container(workload: Workload, *, serves: bool) -> dict[str, Any]:
    """The server's container, with its probes if it serves."""
    mounted = _mounted(workload)
    made: dict[str, Any] = {
        "name": workload.name,
        "image": workload.image,
        "imagePullPolicy": "IfNotPresent",
        **({"command": [escaped(part) for part in _command(workload)]} if workload.command else {}),
        **({"workingDir": workload.working_dir} if workload.working_dir else {}),
        **({"env": variables(workload)} if workload.environment else {}),
        **({"ports": _container_ports(workload), **probes(workload)} if serves else {}),
        "resources": resources(workload),
        "securityContext": rights(workload),
        **({"volumeMounts": mounted} if mounted else {}),
    }
    if serves and workload.pre_stop_s:
        made["lifecycle"] = {"preStop": {"exec": {"command": ["sleep", str(workload.pre_stop_s)]}}}
    return made


def rights(workload: Workload) -> dict[str, Any]:
    """The security context of its container."""
    if workload.as_it_stands:
        return {"allowPrivilegeEscalation": False}
    return dict(_RIGHTS)


def resources(workload: Workload) -> dict[str, Any]:
    """What it requests, which is also its limit."""
    wanted = {"cpu": cpu_quantity(workload.cpus), "memory": f"{workload.memory_mib}Mi"}
    if workload.gpus:
        wanted["nvidia.com/gpu"] = str(workload.gpus)
    return {"requests": dict(wanted), "limits": wanted}


def cpu_quantity(cpus: float) -> str:
    """A number of CPUs as Kubernetes writes it."""
    return str(int(cpus)) if cpus == int(cpus) else f"{round(cpus * 1000)}m"


def probes(workload: Workload) -> dict[str, Any]:
    """Startup, readiness and liveness, all on the path that says that it is ready."""
    asked = {"httpGet": {"path": workload.ready_path, "port": port_name(workload.ready_port)}}
    patience = max(1, math.ceil(workload.ready_timeout_s))
    begins = {"periodSeconds": 1, "timeoutSeconds": 3, "failureThreshold": patience}
    return {
        "startupProbe": {**asked, **begins},
        "readinessProbe": {**asked, **_READY},
        "livenessProbe": {**asked, **_ALIVE},
    }


def volumes(workload: Workload) -> list[dict[str, Any]]:
    """Memory for /tmp and /dev/shm, folders that it may write to, and what it mounts."""
    ours = [
        {"name": name, "emptyDir": {"medium": "Memory", "sizeLimit": f"{mib}Mi"}}
        for name, _, mib in _in_memory(workload)
    ]
    ours += [{"name": name, "emptyDir": {}} for name, _ in _written(workload)]
    return ours + [
        {"name": f"mounted-{number}", **mount.source}
        for number, mount in enumerate(workload.mounts)
    ]


def _mounted(workload: Workload) -> list[dict[str, Any]]:
    ours: list[dict[str, Any]] = [
        {"name": name, "mountPath": path} for name, path, _ in _in_memory(workload)
    ]
    ours += [{"name": name, "mountPath": path} for name, path in _written(workload)]
    for number, mount in enumerate(workload.mounts):
        only = {"readOnly": True} if mount.read_only else {}
        ours.append({"name": f"mounted-{number}", "mountPath": mount.path, **only})
    return ours


def _in_memory(workload: Workload) -> list[tuple[str, str, int]]:
    """(name, path, MiB at most), as much as the container launcher gives."""
    shm = ("shm", "/dev/shm", max(1, workload.memory_mib // 4))
    if workload.as_it_stands:
        return [shm]
    return [("tmp", "/tmp", max(1, workload.memory_mib // 2)), shm]


def _written(workload: Workload) -> list[tuple[str, str]]:
    return [(f"written-{number}", path) for number, path in enumerate(workload.writes)]


def _container_ports(workload: Workload) -> list[dict[str, Any]]:
    return [
        {"name": name, "containerPort": port, "protocol": "TCP"}
        for name, port in ports(workload).items()
    ]


def _command(workload: Workload) -> tuple[str, ...]:
    if workload.stop_signal == "SIGTERM":
        return workload.command
    told = _OTHER_SIGNAL.format(signal=workload.stop_signal.removeprefix("SIG"))
    return ("sh", "-c", told, "sh", *workload.command)


def variables(workload: Workload) -> list[dict[str, str]]:
    """Its environment."""
    return [{"name": n, "value": escaped(value)} for n, value in workload.environment.items()]


def escaped(text: str) -> str:
    """A text in which Kubernetes finds no variable to expand."""
    return text.replace("$(", "$$(")


def _beside(other: BesideIt) -> dict[str, Any]:
    wanted = {"cpu": f"{other.cpu_millis}m", "memory": f"{other.memory_mib}Mi"}
    return {
        "name": other.name,
        "image": other.image,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": dict(wanted), "limits": wanted},
        "securityContext": dict(_RIGHTS),
    }
