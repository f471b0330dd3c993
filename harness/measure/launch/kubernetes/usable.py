"""Whether a cluster can be used, before anything is made there: whose it is, what may be done in
it, and how images get there."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

from harness.base.errors import HarnessError
from harness.measure.launch.kubernetes import cluster_images, kubeconfig, nearness, rights
from harness.measure.launch.kubernetes.campaign_namespace import PREFIX
from harness.measure.launch.kubernetes.cluster import ApiError, Cluster, Json
from harness.measure.launch.kubernetes.cluster_images import ImageWay
from harness.measure.launch.kubernetes.kubeconfig import NoCluster
from harness.measure.launch.kubernetes.pod_reach import Reach

_GPU = "nvidia.com/gpu"
_LOOK_S = 5.0


class NotUsable(HarnessError):
    """A cluster can't be used, and why; a part of a sentence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedCluster:
    """What a user said of the cluster."""

    context: str = ""  # empty: the current one
    namespace: str = ""  # one that is there, or how the name of one begins
    registry: str = ""
    reach: Reach | None = None
    remote: bool = False  # it need not be on this machine


@dataclass(frozen=True, slots=True, kw_only=True)
class UsableCluster:
    """A cluster that answered."""

    cluster: Cluster
    release: str
    nodes: tuple[Json, ...]  # those that may be seen
    images: ImageWay

    @property
    def is_here(self) -> bool:
        """Whether all its nodes run on this machine's own kernel."""
        return bool(self.nodes) and all(map(nearness.is_this_kernel, self.nodes))

    @property
    def runtime(self) -> str:
        """The container runtimes of its nodes."""
        told = (n["status"]["nodeInfo"].get("containerRuntimeVersion", "") for n in self.nodes)
        return ", ".join(dict.fromkeys(filter(None, told)))

    @property
    def about(self) -> str:
        """In a few words."""
        count = f"{len(self.nodes)} node{'' if len(self.nodes) == 1 else 's'}"
        where = "on this machine" if self.is_here else "with a kernel of their own"
        return (
            f"context {self.cluster.context}, Kubernetes {self.release}, {count} {where}, images "
            f"{self.images.about}"
        )


def checked(wanted: WantedCluster, device: str = "cpu") -> UsableCluster:
    """The cluster. Raises NotUsable."""
    try:
        cluster = kubeconfig.connect(wanted.context)
    except NoCluster as error:
        raise NotUsable(str(error)) from error
    try:
        return _looked_at(cluster, wanted, device)
    except BaseException:
        cluster.close()
        raise


def _looked_at(cluster: Cluster, wanted: WantedCluster, device: str) -> UsableCluster:
    if not wanted.remote:
        _require(nearness.why_not_near(cluster.server, cluster.context))
    try:
        release = str(cluster.get("/version", _LOOK_S).get("gitVersion", ""))
        nodes = _nodes(cluster)
        _require(_why_no_rights(cluster, wanted.namespace))
    except ApiError as error:
        raise NotUsable(str(error)) from error
    way = cluster_images.chosen(cluster.context, nodes, wanted.registry)
    if isinstance(way, str):
        raise NotUsable(way)
    if device == "gpu" and not any(_gpus(node) for node in nodes):
        raise NotUsable(
            f"no node of the context {cluster.context!r} offers a GPU ({_GPU}): install NVIDIA's "
            "device plug-in there"
        )
    return UsableCluster(cluster=cluster, release=release, nodes=tuple(nodes), images=way)


def _require(reason: str | None) -> None:
    if reason is not None:
        raise NotUsable(reason)


def _nodes(cluster: Cluster) -> list[Json]:
    """Those that may be seen."""
    try:
        return list(cluster.get("/api/v1/nodes").get("items", ()))
    except ApiError as error:
        if error.status == 403:
            return []
        raise


def _why_no_rights(cluster: Cluster, wanted: str) -> str | None:
    there = bool(wanted) and _exists(cluster, wanted)
    needed = rights.TO_SERVE if there else (*rights.OWN_NAMESPACE, *rights.TO_SERVE)
    # A namespace that is not there yet has no Role in it.
    return rights.why_not(cluster, wanted if there else wanted or PREFIX, needed)


def _exists(cluster: Cluster, namespace: str) -> bool:
    try:
        cluster.get(f"/api/v1/namespaces/{quote(namespace)}")
    except ApiError as error:
        if error.status in (403, 404):  # who may not look, names one that is there
            return error.status == 403
        raise
    return True


def _gpus(node: Json) -> int:
    return int(node.get("status", {}).get("allocatable", {}).get(_GPU, 0))
