"""The objects that run a workload, each in the newest version of its API; `apis` makes older ones.

They are as a practitioner would apply them, and the launcher applies the very same.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from harness.manifests import pod_template
from harness.manifests.pod_template import bare_spec, labels, ports, selector, template
from harness.manifests.workload import Workload

_ROLLOUT_S = 60  # beyond the time until its first readiness, until a rollout counts as failed
_HISTORY = 2  # earlier ReplicaSets, and earlier Jobs of a CronJob, that are kept


def namespace(
    name: str,
    given: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """A Namespace with labels and annotations."""
    about = {"name": name, "labels": dict(given or {}), "annotations": dict(annotations or {})}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": about}


def deployment(workload: Workload) -> dict[str, Any]:
    """Its pods, replaced one by one in an update, a new one ready before an old one goes."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _about(workload),
        "spec": {
            "replicas": workload.replicas,
            "revisionHistoryLimit": _HISTORY,
            "progressDeadlineSeconds": int(workload.ready_timeout_s) + _ROLLOUT_S,
            "selector": {"matchLabels": selector(workload)},
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0},
            },
            "template": template(workload),
        },
    }


def service(workload: Workload, *, node_port: bool = False) -> dict[str, Any]:
    """One address for all its pods; all its ports, by the numbers that they have in the pods."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _about(workload),
        "spec": {
            "type": "NodePort" if node_port else "ClusterIP",
            "selector": selector(workload),
            "ports": [
                {"name": name, "port": port, "targetPort": name, "protocol": "TCP"}
                for name, port in ports(workload).items()
            ],
        },
    }


def autoscaler(
    workload: Workload, *, least: int = 1, most: int = 5, cpu_percent: int = 80
) -> dict[str, Any]:
    """As many replicas as keep the CPU time that pods use at that share of what they request."""
    target = {"type": "Utilization", "averageUtilization": cpu_percent}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _about(workload),
        "spec": {
            "scaleTargetRef": {
                "apiVersion": "apps/v1",
                "kind": "Deployment",
                "name": workload.name,
            },
            "minReplicas": least,
            "maxReplicas": most,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }


def budget(workload: Workload) -> dict[str, Any]:
    """At most one pod is evicted at a time, so that a node can be drained."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _about(workload),
        "spec": {"maxUnavailable": 1, "selector": {"matchLabels": selector(workload)}},
    }


def job(workload: Workload, *, retries: int = 0, limit_s: int = 3600) -> dict[str, Any]:
    """Its container once, to the end."""
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": _about(workload),
        "spec": _job_spec(workload, retries, limit_s),
    }


def cron_job(
    workload: Workload, *, schedule: str, retries: int = 0, limit_s: int = 3600
) -> dict[str, Any]:
    """The same again and again, never two at a time."""
    return {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": _about(workload),
        "spec": {
            "schedule": schedule,
            "concurrencyPolicy": "Forbid",
            "successfulJobsHistoryLimit": _HISTORY,
            "failedJobsHistoryLimit": _HISTORY,
            "jobTemplate": {
                "metadata": {"labels": labels(workload)},
                "spec": _job_spec(workload, retries, limit_s),
            },
        },
    }


def _job_spec(workload: Workload, retries: int, limit_s: int) -> dict[str, Any]:
    spec = {**bare_spec(workload, serves=False), "restartPolicy": "Never"}
    return {
        "backoffLimit": retries,
        "activeDeadlineSeconds": limit_s,
        "template": {"metadata": {"labels": labels(workload)}, "spec": spec},
    }


def _about(workload: Workload) -> dict[str, Any]:
    return {"name": workload.name, "labels": pod_template.labels(workload)}
