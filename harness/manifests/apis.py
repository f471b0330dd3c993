"""Versions of APIs: the newest that a server offers, of Kubernetes 1.20 and later, and an object
in it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from harness.base.errors import LaunchError

# The kinds that a server offers, by group and version: {"apps/v1": {"Deployment", ...}, ...}
Offered = Mapping[str, Collection[str]]
Manifest = dict[str, Any]

# The newest first.
VERSIONS: Mapping[str, tuple[str, ...]] = {
    "HorizontalPodAutoscaler": ("autoscaling/v2", "autoscaling/v2beta2", "autoscaling/v1"),
    "CronJob": ("batch/v1", "batch/v1beta1"),
    "PodDisruptionBudget": ("policy/v1", "policy/v1beta1"),
    "Eviction": ("policy/v1", "policy/v1beta1"),
    "EndpointSlice": ("discovery.k8s.io/v1", "discovery.k8s.io/v1beta1"),
}


def version_of(kind: str, offered: Offered) -> str:
    """The newest version of a kind that a server offers. Raises LaunchError."""
    known = VERSIONS[kind]
    for version in known:
        if kind in offered.get(version, ()):
            return version
    raise LaunchError(
        f"This cluster offers no {kind} in a version that is known here: {', '.join(known)}. "
        "Kubernetes 1.20 or later has one; `kubectl api-versions` lists what the cluster has."
    )


def fitting(made: Manifest, offered: Offered) -> Manifest:
    """An object in the newest version that a server offers. Raises LaunchError where it offers
    none, or none that can say the same."""
    kind, version = made["kind"], made["apiVersion"]
    if kind in VERSIONS:
        wanted = version_of(kind, offered)
        return _CONVERTERS.get((kind, wanted), _renamed)(made, wanted)
    if kind not in offered.get(version, ()):
        raise LaunchError(
            f"This cluster offers no {kind} of {version}; `kubectl api-resources` lists what it "
            "has."
        )
    return made


def _renamed(made: Manifest, version: str) -> Manifest:
    return {**made, "apiVersion": version}


def _plain_autoscaler(made: Manifest, version: str) -> Manifest:
    """Version 1 knows one metric, the CPU time that pods use."""
    spec = dict(made["spec"])
    metrics = spec.pop("metrics", ())
    spec.pop("behavior", None)
    for metric in metrics:
        resource = metric.get("resource", {})
        share = resource.get("target", {}).get("averageUtilization")
        if len(metrics) > 1 or resource.get("name") != "cpu" or share is None:
            raise LaunchError(
                f"This cluster offers HorizontalPodAutoscaler only as {version}, which scales by "
                "the CPU time of pods alone."
            )
        spec["targetCPUUtilizationPercentage"] = share
    return {**made, "apiVersion": version, "spec": spec}


_CONVERTERS: Mapping[tuple[str, str], Callable[[Manifest, str], Manifest]] = {
    ("HorizontalPodAutoscaler", "autoscaling/v1"): _plain_autoscaler,
}
