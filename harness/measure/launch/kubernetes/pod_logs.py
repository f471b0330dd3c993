"""The logs of a Deployment's pods, to the last line: they go with the pods."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from harness.measure.launch.kubernetes import pod_states
from harness.measure.launch.kubernetes.cluster import ApiError, Cluster, Json

_LINES = "10000"
_SILENT_S = 120.0
_LAST_S = 5.0
_RUNTIMES = b"rpc error: code = NotFound"  # its runtime's words, when the container has gone


class PodLogs:
    """Follows what is there from now on until its containers have ended."""

    def __init__(self, cluster: Cluster, namespace: str, pods: list[Json]) -> None:
        self._cluster = cluster
        self._root = f"/api/v1/namespaces/{quote(namespace)}/pods"
        self._parts: dict[tuple[str, str], list[bytes]] = {}
        self._threads = []
        for pod in pods:
            for told in pod_states.statuses(pod):
                key = (str(pod["metadata"]["name"]), str(told["name"]))
                self._parts[key] = []
                again = bool(told.get("restartCount"))
                thread = threading.Thread(target=self._follow, args=(*key, again), daemon=True)
                self._threads.append(thread)
                thread.start()

    def text(self) -> bytes:
        """All of it, once the containers have ended."""
        for thread in self._threads:
            thread.join(_LAST_S)
        several = len(self._parts) > 1
        return b"\n".join(
            (f"-- {pod}, {container}:\n".encode() if several else b"") + b"".join(parts)
            for (pod, container), parts in self._parts.items()
        )

    def _follow(self, pod: str, container: str, again: bool) -> None:
        into = self._parts[pod, container]
        path = f"{self._root}/{quote(pod)}/log"
        asked: dict[str, Any] = {"container": container, "tailLines": _LINES}
        # What is not there, or ends in the middle, is not in the log.
        if again:
            with suppress(ApiError):
                into.append(self._cluster.text(path, **asked, previous="true"))
                into.append(b"\n-- started again:\n")
        with (
            suppress(Exception),
            self._cluster.stream(path, _SILENT_S, **asked, follow="true") as reply,
        ):
            for part in reply.stream(None):
                if not part.startswith(_RUNTIMES):
                    into.append(part)
