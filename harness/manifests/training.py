"""Objects that train a workload's model again and again: a CronJob, and the few rights of its pods.

They may read and patch that one Deployment, and make ConfigMaps; a Role can't say what in an object
may be changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.manifests import objects, pod_template
from harness.manifests.workload import Workload

EVERY_MINUTE = "* * * * *"
VERSION = "serving-harness/model-version"  # an annotation of the Deployment, and of its pods
MODEL = "model"  # the volume of a version that was trained
_RBAC = "rbac.authorization.k8s.io"
_LIMIT_S = 600
_MEMORY_MIB = 1024
_MILLIS = "100m"  # of a CPU: it takes what serving leaves


@dataclass(frozen=True, slots=True, kw_only=True)
class Trainer:
    """What trains the model of a Deployment."""

    deployment: str
    image: str
    artefact: str  # where the Deployment's pods have the model
    environment: Mapping[str, str] = field(default_factory=dict)  # of its build
    labels: Mapping[str, str] = field(default_factory=dict)
    schedule: str = EVERY_MINUTE

    @property
    def name(self) -> str:
        """Of all its objects."""
        return f"{self.deployment}-trainer"


def of(trainer: Trainer) -> list[dict[str, Any]]:
    """All objects, in the order in which they are to be made; nothing runs before the CronJob is
    told to: `suspend` is true."""
    return [account(trainer), role(trainer), binding(trainer), cron_job(trainer)]


def account(trainer: Trainer) -> dict[str, Any]:
    """The ServiceAccount."""
    return {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": _about(trainer)}


def role(trainer: Trainer) -> dict[str, Any]:
    """What it may do."""
    rules = [
        {
            "apiGroups": ["apps"],
            "resources": ["deployments"],
            "resourceNames": [trainer.deployment],
            "verbs": ["get", "patch"],
        },
        {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]},
    ]
    about = _about(trainer)
    return {"apiVersion": f"{_RBAC}/v1", "kind": "Role", "metadata": about, "rules": rules}


def binding(trainer: Trainer) -> dict[str, Any]:
    """Who may do it."""
    return {
        "apiVersion": f"{_RBAC}/v1",
        "kind": "RoleBinding",
        "metadata": _about(trainer),
        "roleRef": {"apiGroup": _RBAC, "kind": "Role", "name": trainer.name},
        "subjects": [{"kind": "ServiceAccount", "name": trainer.name}],
    }


def cron_job(trainer: Trainer) -> dict[str, Any]:
    """The training on a schedule, suspended."""
    made = objects.cron_job(workload(trainer), schedule=trainer.schedule, limit_s=_LIMIT_S)
    made["spec"]["suspend"] = True
    (container,) = made["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    container["resources"]["requests"]["cpu"] = _MILLIS
    return made


def workload(trainer: Trainer) -> Workload:
    """Its container."""
    told = {"HARNESS_DEPLOYMENT": trainer.deployment, "HARNESS_ARTEFACT": trainer.artefact}
    return Workload(
        name=trainer.name,
        image=trainer.image,
        environment={**trainer.environment, **told},
        port=0,
        memory_mib=_MEMORY_MIB,
        service_account=trainer.name,
        labels=trainer.labels,
    )


def job_by_hand(made: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The Job that `kubectl create job --from` makes of a CronJob, as the server has that."""
    about, owner = made["metadata"], {"kind": made["kind"], "apiVersion": made["apiVersion"]}
    owner |= {"name": about["name"], "uid": about["uid"], "controller": True}
    template = made["spec"]["jobTemplate"]
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {
            "name": name,
            "labels": template.get("metadata", {}).get("labels", {}),
            "annotations": {"cronjob.kubernetes.io/instantiate": "manual"},
            "ownerReferences": [owner],
        },
        "spec": template["spec"],
    }


def undone(deployment: Mapping[str, Any]) -> dict[str, Any]:
    """The strategic merge patch that has a Deployment serve the model of its image again."""
    told = {"annotations": {VERSION: None}}
    pod = deployment["spec"]["template"]["spec"]
    container = pod["containers"][0]
    mounted = [m for m in container.get("volumeMounts", ()) if m["name"] == MODEL]
    without = {
        "containers": [
            {
                "name": container["name"],
                "volumeMounts": [
                    {"mountPath": m["mountPath"], "$patch": "delete"} for m in mounted
                ],
            }
        ],
        "volumes": [{"name": MODEL, "$patch": "delete"}],
    }
    return {"metadata": told, "spec": {"template": {"metadata": told, "spec": without}}}


def _about(trainer: Trainer) -> dict[str, Any]:
    about = workload(trainer)
    return {"name": trainer.name, "labels": pod_template.labels(about)}
