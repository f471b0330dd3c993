"""The pods of a Deployment as the cluster tells of them, without asking it again and again."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import quote

from harness.measure.launch.kubernetes.cluster import ApiError, Cluster, Json

# (when it was heard of by this host's CLOCK_MONOTONIC, what the cluster calls the event, the pod)
Heard = Callable[[int, str, Json], None]
DELETED = "DELETED"
_LASTS_S = 240  # one stream, before the next
_AGAIN_S = 0.5
_TOO_OLD = 410  # the version to go on from is not known any more


class PodWatch:
    """Follows pods in a thread of its own, until it is closed."""

    def __init__(self, cluster: Cluster, namespace: str, selector: str, *heard: Heard) -> None:
        """See what is there now. Raises ApiError."""
        self._cluster = cluster
        self._path = f"/api/v1/namespaces/{quote(namespace)}/pods"
        self._selector = selector
        self._heard = heard
        self._closed = threading.Event()
        self._reply: Any = None
        self._changed = threading.Condition()
        self._pods: dict[str, Json] = {}  # by uid
        self._ended: dict[str, Json] = {}
        self._silent_since: float | None = None
        self._trouble = ""
        self._version = self._listed()
        self._thread = threading.Thread(target=self._follow, name="pods", daemon=True)
        self._thread.start()

    def pods(self) -> tuple[Json, ...]:
        """Those that there are, the oldest first."""
        with self._changed:
            found = list(self._pods.values())
        return tuple(sorted(found, key=lambda pod: str(pod["metadata"]["creationTimestamp"])))

    def ended(self) -> tuple[Json, ...]:
        """Those that are gone, as they were seen last."""
        with self._changed:
            return tuple(self._ended.values())

    def silent(self, beyond_s: float) -> str:
        """Why nothing was heard of them for longer than that; empty where it was."""
        since = self._silent_since
        return self._trouble if since is not None and time.monotonic() - since > beyond_s else ""

    def wait(self, seconds: float) -> None:
        """Until something changes, or so long."""
        with self._changed:
            self._changed.wait(seconds)

    def close(self) -> None:
        """Hear no more."""
        self._closed.set()
        reply = self._reply
        if reply is not None:
            with suppress(Exception):  # it may have ended, or be of an urllib3 that can't do this
                reply.shutdown()
        self._thread.join(1.0)

    def _listed(self) -> str:
        found = self._cluster.get(self._path, labelSelector=self._selector)
        here = {str(pod["metadata"]["uid"]): pod for pod in found.get("items", ())}
        with self._changed:
            gone = [pod for uid, pod in self._pods.items() if uid not in here]
        for pod in gone:
            self._take(DELETED, pod)
        for pod in here.values():
            self._take("ADDED", pod)
        return str(found["metadata"]["resourceVersion"])

    def _follow(self) -> None:
        while not self._closed.is_set():
            try:
                if not self._version:
                    self._version = self._listed()
                self._stream()
                self._silent_since, self._trouble = None, ""
            except (ApiError, ValueError, KeyError) as error:
                if self._silent_since is None:
                    self._silent_since = time.monotonic()
                self._trouble = str(error)
                self._version = ""
                self._closed.wait(_AGAIN_S)

    def _stream(self) -> None:
        """Events until the stream ends, as it does every few minutes."""
        asked = {
            "watch": "true",
            "labelSelector": self._selector,
            "resourceVersion": self._version,
            "timeoutSeconds": str(_LASTS_S),
            "allowWatchBookmarks": "true",
        }
        with self._cluster.stream(self._path, _LASTS_S + 30, **asked) as reply:
            self._reply = reply
            self._silent_since, self._trouble = None, ""
            for line in self._cluster.lines(reply):
                if self._closed.is_set():
                    return
                self._event(json.loads(line))

    def _event(self, told: Json) -> None:
        found = told["object"]
        if told["type"] == "ERROR":
            raise ApiError(str(found.get("message", "")), int(found.get("code", _TOO_OLD)))
        self._version = str(found["metadata"]["resourceVersion"])
        if told["type"] != "BOOKMARK":
            self._take(told["type"], found)

    def _take(self, kind: str, pod: Json) -> None:
        now, uid = time.monotonic_ns(), str(pod["metadata"]["uid"])
        with self._changed:
            if kind == DELETED:
                self._pods.pop(uid, None)
                self._ended[uid] = pod
            else:
                self._pods[uid] = pod
            self._changed.notify_all()
        for heard in self._heard:
            heard(now, kind, pod)
