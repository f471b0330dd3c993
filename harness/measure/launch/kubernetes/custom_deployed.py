"""A workload that a framework's controller deploys, by the custom resource that it waits for."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.base.errors import LaunchError, UsageError, unknown
from harness.manifests import kinds, pod_template
from harness.manifests.kinds import CustomKind, ManifestKind, ManifestOrder, ServicePlace
from harness.manifests.workload import Workload
from harness.measure.launch.kubernetes.api_objects import ApiObjects, is_missing
from harness.measure.launch.kubernetes.cluster import ApiError, Json, answering
from harness.measure.launch.kubernetes.deployments import Deployed
from harness.setup.endpoints import Headers

if TYPE_CHECKING:
    from harness.measure.launch.kubernetes.campaign_namespace import CampaignNamespace

_LOOK_S = 0.2  # between two looks at the resource: each is a request
_UNHEARD_S = 20.0  # until a resource without a status has no controller
_CLUSTER = ".svc.cluster.local"
_HEADLESS = "None"


class Via:
    """The kind that `--via KIND[:MODE]` names. Raises UsageError for one that there is not."""

    def __init__(self, text: str) -> None:
        self.name, _, self.mode = text.partition(":")
        known = kinds.deployable()
        if self.name not in known:
            raise unknown("kind for --via", self.name, known)
        self.kind: ManifestKind = kinds.named(self.name)
        self.kind.mode_of(
            ManifestOrder(workload=Workload(name="", image="", port=1), mode=self.mode)
        )

    @property
    def custom(self) -> CustomKind:
        """What its controller waits for."""
        assert self.kind.custom is not None
        return self.kind.custom


class CustomDeployed(Deployed):
    """Its pods are the controller's: how many there are, and when they are others."""

    def __init__(
        self, api: ApiObjects, place: CampaignNamespace, workload: Workload, via: Via
    ) -> None:
        super().__init__(api, place, workload, node_port=False)
        self._via = via
        self._order = ManifestOrder(workload=workload, mode=via.mode)
        self._what = f"The {via.custom.kind} {workload.name}"
        self._looked = 0.0

    @property
    def container(self) -> str:
        return self._via.kind.container(self._order)

    @property
    def via(self) -> str:
        mode = f" ({self._via.mode})" if self._via.mode else ""
        return f"{self._via.custom.controller}{mode}"

    @property
    def ready_path(self) -> str:
        return self._via.kind.ready_path(self._order)

    @property
    def headers(self) -> Headers:
        return (("Host", self._host),) if self._alias() else ()

    def create(self) -> None:
        custom = self._via.custom
        if not self._api.has(custom.version, custom.kind):
            raise LaunchError(
                f"This cluster has no {custom.kind} of {custom.version}: {custom.controller} is "
                "not installed there. Install it, or leave --via out."
            )
        if self.workload.ready_port:
            raise LaunchError(
                f"{self.workload.name} says at a port of its own that it is ready, which "
                f"{custom.controller} does not lead to."
            )
        try:
            made = kinds.checked(self._via.name, self._order)
        except UsageError as error:
            raise LaunchError(str(error)) from error
        try:
            for each in made:
                self._made_by_us(each)
        except BaseException:
            self.remove()
            raise

    def add(self, made: Json) -> Json:
        raise self._not_ours(f"a {made['kind']} beside it would be")

    def service(self) -> Json | None:
        """None until its controller says that it serves."""
        now = time.monotonic()
        if now - self._looked < _LOOK_S:
            return None
        self._looked = now
        ready, _ = self._readiness()
        if not ready:
            return None
        for place in self._via.kind.places(self._order):
            found = self._looked_up(self.namespace, place.name)
            if found is not None:
                return self._led_to(found, place)
        return None

    def endpoints(self) -> tuple[str, ...] | None:
        return None

    def state(self) -> Json:
        raise self._not_ours("a Deployment would be")

    def update(self) -> None:
        raise self._not_ours("an update is")

    def rescale(self, replicas: int) -> None:
        """To none: the resource goes, and its controller ends the pods."""
        if replicas:
            raise self._not_ours("the number of pods is")
        self.remove()

    def why_no_pods(self, waited_s: float) -> str:
        ready, told = self._readiness()
        if ready or waited_s < _UNHEARD_S:
            return ""
        if told:
            return told
        custom = self._via.custom
        return (
            f"after {waited_s:.0f} s the {custom.kind} has no status: nothing acts on it, so "
            f"{custom.controller} does not run there"
        )

    def why_not_served(self) -> str:
        return self._readiness()[1]

    @property
    def _host(self) -> str:
        (place, *_) = self._via.kind.places(self._order)
        return f"{place.name}.{self.namespace}{_CLUSTER}"

    def _made_by_us(self, made: Json) -> None:
        super().add(made)

    def _not_ours(self, what: str) -> LaunchError:
        return LaunchError(f"{self._what}: {what} {self._via.custom.controller}'s to decide.")

    def _readiness(self) -> tuple[bool, str]:
        """(whether its controller says that it serves, what it says that it lacks)."""
        custom = self._via.custom
        path = self._api.path(custom.version, custom.kind, self.namespace, self.workload.name)
        with answering(f"{self._what} can't be looked at"):
            status = self._api.cluster.get(path).get("status") or {}
        return self._via.kind.readiness(status)

    def _alias(self) -> Json | None:
        """Its Service, where that is another name of a gateway, which tells services by their host
        names."""
        (place, *_) = self._via.kind.places(self._order)
        with suppress(LaunchError):
            found = self._looked_up(self.namespace, place.name)
            if found is not None and found["spec"].get("type") == "ExternalName":
                return found
        return None

    def _led_to(self, found: Json, place: ServicePlace) -> Json | None:
        """A Service with one port, which the load goes to."""
        port = place.port
        if found["spec"].get("type") == "ExternalName":
            if self.workload.table is not None and self.workload.table.protocol.endswith("-grpc"):
                raise LaunchError(
                    f"{self._what} is behind a gateway that tells services by their host names, "
                    "which gRPC is not sent with here."
                )
            name, _, rest = str(found["spec"]["externalName"]).partition(".")
            gateway = self._looked_up(rest.partition(".")[0], name)
            if gateway is None:
                return None
            found = gateway
        address = found["spec"].get("clusterIP", "")
        if address == _HEADLESS:
            port = place.pod_port
        spec = {"type": "ClusterIP", "clusterIP": address}
        return {"spec": {**spec, "ports": [{"name": pod_template.SERVING, "port": port}]}}

    def _looked_up(self, namespace: str, name: str) -> Json | None:
        try:
            return self._api.cluster.get(self._api.path("v1", "Service", namespace, name))
        except ApiError as error:
            if is_missing(error):
                return None
            raise LaunchError(f"{self._what}: its Service can't be looked at: {error}.") from error
