"""What commands left in the cluster of the current context, for `clean`."""

from __future__ import annotations

from collections.abc import Iterator

from harness.base.errors import HarnessError
from harness.measure.launch.kubernetes import (
    campaign_namespace,
    cluster_images,
    cordons,
    kubeconfig,
    nearness,
)
from harness.measure.launch.kubernetes.cluster import Cluster, answering


def found() -> Cluster | None:
    """That cluster; None where there is none, it does not answer, or it is not on this machine."""
    try:
        cluster = kubeconfig.connect()
        if nearness.why_not_near(cluster.server, cluster.context) is None:
            cluster.get("/version", 5.0)
            return cluster
    except HarnessError:
        pass
    return None


def clean(cluster: Cluster, *, dry_run: bool) -> Iterator[str]:
    """Remove what is abandoned, and this project's images; what each was. Raises HarnessError."""
    with answering("What this project has in the cluster can't be removed", HarnessError):
        yield from campaign_namespace.sweep(cluster, dry_run=dry_run)
        for node in cordons.taken_off(cluster, dry_run=dry_run):
            yield f"what kept pods from the node {node} of the context {cluster.context}"
        if not list(campaign_namespace.alive(cluster)):
            nodes = list(cluster.get("/api/v1/nodes").get("items", ()))
            yield from cluster_images.cleaned(cluster.context, nodes, dry_run=dry_run)


def staying(cluster: Cluster) -> Iterator[str]:
    """What is not removed, each with the reason. Raises HarnessError."""
    with answering("What stays in the cluster can't be seen", HarnessError):
        for name, why in campaign_namespace.others(cluster):
            yield (
                f"left alone in the context {cluster.context}: the namespace {name}: {why}. "
                f"`kubectl delete namespace {name}` removes it."
            )
