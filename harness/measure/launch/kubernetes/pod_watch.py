"""The pods of a Deployment as they come and go, stamped with this machine's clock.

Kubernetes' own stamps have a resolution of a second.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from harness.measure.launch.kubernetes.cluster import Cluster
from harness.measure.launch.kubernetes.following import Follower
from harness.stored.pods import PodStart

SCHEDULED, IMAGE, STARTED, READY = "scheduled", "image", "started", "ready"
_REASONS = {"Scheduled": SCHEDULED, "Pulled": IMAGE, "Started": STARTED}  # of events
_OUT_OF_MEMORY = "OOMKilled"


class PodWatch:
    """Follows the pods that a selector names, and the events of all pods of the namespace."""

    def __init__(
        self,
        cluster: Cluster,
        namespace: str,
        selector: str,
        container: str,
        changed: Callable[[dict[str, Any]], None],
    ) -> None:
        """`changed` is called for each pod that changes, in a thread of its own."""
        self._container = container
        self._changed = changed
        self._pods: dict[str, dict[str, Any]] = {}
        self._stamps: dict[str, dict[str, int]] = {}  # by pod, the first moment of each
        self._restarts: dict[str, int] = {}
        self._killed: set[str] = set()
        self.began_ns = time.monotonic_ns()
        within = f"/api/v1/namespaces/{quote(namespace)}"
        only = "involvedObject.kind=Pod"
        self._followers = (
            Follower(cluster, f"{within}/events", self._event, fieldSelector=only),
            Follower(cluster, f"{within}/pods", self._pod, labelSelector=selector),
        )

    def pods(self) -> dict[str, dict[str, Any]]:
        """Those that are there, as the API server described them last."""
        return dict(self._pods)

    @property
    def failure(self) -> str:
        """Why pods are not followed now; empty: they are."""
        return self._followers[1].failure

    def first(self) -> PodStart | None:
        """The start of the pod that was scheduled first; None: no pod was seen."""
        known = {name: self._stamps.get(name, {}) for name in self._restarts}
        if not known:
            return None
        stamps = min(known.values(), key=lambda each: min(each.values(), default=2**63))
        return PodStart(
            scheduled_s=self._since(stamps.get(SCHEDULED)),
            image_s=self._since(stamps.get(IMAGE)),
            started_s=self._since(stamps.get(STARTED)),
            ready_s=self._since(stamps.get(READY)),
        )

    def restarts(self) -> int:
        """Of containers, of all pods that were ever seen."""
        return sum(self._restarts.values())

    def out_of_memory(self) -> int:
        """Containers that ended because the kernel killed them for want of memory."""
        return len(self._killed)

    def close(self) -> None:
        """No more is seen."""
        for follower in self._followers:
            follower.close()

    def _since(self, at_ns: int | None) -> float | None:
        return None if at_ns is None else max(0, at_ns - self.began_ns) / 1e9

    def _event(self, what: str, event: dict[str, Any], seen_ns: int) -> None:
        part = _REASONS.get(event.get("reason", ""))
        about = event.get("involvedObject", {})
        place = about.get("fieldPath", "")
        if what == "ADDED" and part and (not place or place.endswith(f"{{{self._container}}}")):
            self._stamp(about.get("name", ""), part, seen_ns)

    def _pod(self, what: str, pod: dict[str, Any], seen_ns: int) -> None:
        name, status = pod["metadata"]["name"], pod.get("status", {})
        for condition in status.get("conditions") or ():
            if condition["status"] == "True":
                part = {"PodScheduled": SCHEDULED, "Ready": READY}.get(condition["type"])
                if part:
                    self._stamp(name, part, seen_ns)
        self._restarts[name] = sum(told["restartCount"] for told in containers(pod))
        for told in containers(pod):
            if told["name"] == self._container and "running" in told.get("state", {}):
                self._stamp(name, STARTED, seen_ns)
            self._note_end(told)
        self._changed(pod)  # before anybody sees it: of one that is ready everything is known
        if what == "DELETED":
            self._pods.pop(name, None)
        else:
            self._pods[name] = pod

    def _note_end(self, told: dict[str, Any]) -> None:
        for state in (told.get("state", {}), told.get("lastState", {})):
            ended = state.get("terminated", {})
            if ended.get("reason") == _OUT_OF_MEMORY:
                self._killed.add(ended.get("containerID", ""))

    def _stamp(self, pod: str, part: str, seen_ns: int) -> None:
        self._stamps.setdefault(pod, {}).setdefault(part, seen_ns)


def containers(pod: dict[str, Any]) -> list[dict[str, Any]]:
    """The statuses of a pod's containers."""
    return pod.get("status", {}).get("containerStatuses") or []
