"""A Deployment and what belongs to it, in a namespace of a campaign."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from harness.base.errors import LaunchError
from harness.manifests import objects, pod_template
from harness.manifests.workload import Workload
from harness.measure.launch.kubernetes.api_objects import ApiObjects
from harness.measure.launch.kubernetes.cluster import ApiError, Json, answering
from harness.setup.endpoints import Headers

if TYPE_CHECKING:
    from harness.measure.launch.kubernetes.campaign_namespace import CampaignNamespace

_UPDATED = "serving-harness/updated"
_AGAIN_S = 1.0
_EVICTED_S = 60.0
_TOO_MANY = 429  # of evictions: a PodDisruptionBudget forbids one now


class Deployed:
    """The objects of a workload. All methods raise LaunchError."""

    def __init__(
        self, api: ApiObjects, place: CampaignNamespace, workload: Workload, *, node_port: bool
    ) -> None:
        self.workload = workload
        self.namespace = place.name
        self._api = api
        self._place = place
        self._node_port = node_port
        self._made: list[Json] = []
        self._what = f"The Deployment {workload.name}"

    @property
    def container(self) -> str:
        """The name of the server's container in its pods."""
        return self.workload.name

    @property
    def via(self) -> str:
        """The controller of a framework that deploys it; empty: none does."""
        return ""

    @property
    def ready_path(self) -> str:
        """Where its address says that it is ready; empty: where the variant does."""
        return ""

    @property
    def headers(self) -> Headers:
        """That requests need to get to it."""
        return ()

    @property
    def selector(self) -> str:
        """The labels of its pods."""
        return ",".join(f"{k}={v}" for k, v in pod_template.selector(self.workload).items())

    def create(self) -> None:
        """Make all of it; nothing of it is left where that fails."""
        service = objects.service(self.workload, node_port=self._node_port)
        try:
            for made in (service, objects.deployment(self.workload)):
                self.add(made)
        except BaseException:
            self.remove()
            raise

    def add(self, made: Json) -> Json:
        """One more object, in the newest version that the cluster has; removed with the others."""
        with answering(f"{self._what} can't be started: a {made['kind']} can't be made"):
            fitted = self._place.marked(self._api.fitted(made))
            self._made.append(fitted)
            return self._api.create(fitted, self.namespace)

    def take_away(self, kind: str) -> None:
        """Remove the objects of a kind that were added."""
        for made in [made for made in self._made if made["kind"] == kind]:
            with answering(f"{self._what}: its {kind} can't be removed"):
                self._api.cluster.delete(self._api.path_of(made, self.namespace))
            self._made.remove(made)

    def remove(self) -> None:
        """Remove all of it, the newest first, as far as the cluster answers."""
        failed: LaunchError | None = None
        for made in reversed(self._made):
            try:
                with answering(f"{self._what} can't be removed"):
                    self._api.cluster.delete(self._api.path_of(made, self.namespace))
            except LaunchError as error:
                failed = failed or error
        self._made = []
        if failed is not None:
            raise failed

    def service(self) -> Json | None:
        """Its Service, as it is now; None: there is none yet."""
        with answering(f"{self._what}: its Service can't be looked at"):
            return self._api.cluster.get(self._api.path("v1", "Service", *self._name))

    def state(self) -> Json:
        """It, as it is now."""
        with answering(f"{self._what} can't be looked at"):
            return self._api.cluster.get(self._path)

    def why_no_pods(self, waited_s: float) -> str:  # noqa: ARG002
        """Why no pod of it is made, after so long; empty: one may be."""
        return why_no_pods(self.state())

    def why_not_served(self) -> str:
        """What it lacks although its pods are ready, in the cluster's words."""
        return ""

    def events(self, about: str = "") -> list[Json]:
        """What the cluster told of the namespace's objects, or of the one named; none where that
        may not be seen."""
        asked: dict[str, Any] = {"fieldSelector": f"involvedObject.name={about}"} if about else {}
        path = self._api.path("v1", "Event", self.namespace)
        with suppress(ApiError):
            return list(self._api.cluster.get(path, **asked).get("items", ()))
        return []

    def endpoints(self) -> tuple[str, ...] | None:
        """The addresses that its Service leads to; None where that can't be seen."""
        try:
            found = self._api.cluster.get(self._api.path("v1", "Endpoints", *self._name))
        except (ApiError, LaunchError):
            return None
        parts = found.get("subsets") or ()
        return tuple(str(a["ip"]) for part in parts for a in part.get("addresses") or ())

    def rescale(self, replicas: int) -> None:
        """Ask for so many pods."""
        with answering(f"{self._what} can't be scaled to {replicas}"):
            self._api.cluster.patch(self._path, {"spec": {"replicas": replicas}})

    def update(self) -> None:
        """Give its pods a new template, which is the old one with another stamp."""
        stamp = {_UPDATED: str(time.time_ns())}
        change = {"spec": {"template": {"metadata": {"annotations": stamp}}}}
        with answering(f"{self._what} can't be updated"):
            self._api.cluster.patch(self._path, change)

    def delete_pod(self, pod: str, grace_s: int | None = None) -> None:
        """Delete a pod, which may be gone already."""
        with answering(f"The pod {pod} can't be deleted"):
            self._api.cluster.delete(self._pod(pod), grace_s)

    def evict(self, pod: str) -> None:
        """Evict a pod: again, as long as a budget forbids it."""
        body = {
            "apiVersion": self._api.eviction,
            "kind": "Eviction",
            "metadata": {"name": pod, "namespace": self.namespace},
        }
        until = time.monotonic() + _EVICTED_S
        with answering(f"The pod {pod} can't be evicted"):
            while True:
                try:
                    self._api.cluster.post(f"{self._pod(pod)}/eviction", body)
                    return
                except ApiError as error:
                    if error.status == 404:
                        return
                    if error.status != _TOO_MANY or time.monotonic() > until:
                        raise
                time.sleep(_AGAIN_S)

    def autoscaler(self) -> Json | None:
        """Its HorizontalPodAutoscaler, as it is now; None where it has none."""
        for made in self._made:
            if made["kind"] == "HorizontalPodAutoscaler":
                with answering(f"{self._what}: its autoscaler can't be looked at"):
                    return self._api.cluster.get(self._api.path_of(made, self.namespace))
        return None

    @property
    def _name(self) -> tuple[str, str]:
        return self.namespace, self.workload.name

    @property
    def _path(self) -> str:
        return self._api.path("apps/v1", "Deployment", *self._name)

    def _pod(self, pod: str) -> str:
        return f"/api/v1/namespaces/{quote(self.namespace)}/pods/{quote(pod)}"


def is_rolled_out(found: Json) -> bool:
    """Whether a Deployment's pods are all of its newest template, and ready."""
    status: dict[str, Any] = found.get("status", {})
    wanted = int(found["spec"].get("replicas", 1))
    counted = [int(status.get(n, 0)) for n in ("replicas", "updatedReplicas", "availableReplicas")]
    seen = int(status.get("observedGeneration", 0)) >= int(found["metadata"].get("generation", 0))
    return seen and counted == [wanted] * 3


def why_no_pods(found: Json) -> str:
    """Why a Deployment can't make pods: a quota, say; empty where it can."""
    for each in found.get("status", {}).get("conditions") or ():
        if each["type"] == "ReplicaFailure" and each["status"] == "True":
            return " ".join(str(each.get("message", "")).split()).rstrip(".")
    return ""
