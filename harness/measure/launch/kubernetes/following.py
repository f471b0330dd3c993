"""What an API server tells of objects as they change: in a thread, as JSON, until it is ended."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event, Thread
from typing import Any

from harness.base.errors import LaunchError
from harness.measure.launch.kubernetes.cluster import Cluster

_LASTS_S = 300  # of one request
_AGAIN_S = 0.5
_JOIN_S = 5.0
_CHANGES = ("ADDED", "MODIFIED", "DELETED")

Change = Callable[[str, dict[str, Any], int], None]  # (what happened, the object, seen at ns)


class Follower:
    """Calls back for each change of the objects that a path lists."""

    def __init__(self, cluster: Cluster, path: str, change: Change, **query: str) -> None:
        """`change` is called in a thread of its own."""
        self._cluster = cluster
        self._path = path
        self._query = query
        self._change = change
        self._ended = Event()
        self._reply: Any = None
        self._known: dict[str, dict[str, Any]] = {}  # those that were not deleted, by name
        self.failure = ""  # why the last request ended, where it failed
        self._thread = Thread(target=self._run, name=f"watch of {path}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No more calls."""
        self._ended.set()
        with suppress(Exception):  # whatever state the connection is in
            self._reply.connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._follow()
                self.failure = ""
            except Exception as error:  # the client's, urllib3's, JSON's: the next request may work
                self.failure = str(error)
            self._ended.wait(_AGAIN_S)

    def _follow(self) -> None:
        """What there is, then what changes, for as long as one request lasts."""
        listed = self._cluster.get(self._path, **self._query)
        seen_ns = time.monotonic_ns()
        found = {str(each["metadata"]["name"]): each for each in listed.get("items") or ()}
        for name in self._known.keys() - found:  # it went while nobody looked
            self._told("DELETED", self._known[name], seen_ns)
        for each in found.values():
            self._told("ADDED", each, seen_ns)
        since = str(listed.get("metadata", {}).get("resourceVersion", ""))
        lasts = {"watch": "true", "timeoutSeconds": str(_LASTS_S), "resourceVersion": since}
        place, limit_s = self._path, _LASTS_S + 30
        with self._cluster.stream(place, limit_s, **self._query, **lasts) as self._reply:
            for line in _lines(self._reply):
                seen_ns = time.monotonic_ns()
                told = json.loads(line)
                self._told(told["type"], told["object"], seen_ns)

    def _told(self, what: str, found: dict[str, Any], seen_ns: int) -> None:
        if what not in _CHANGES:
            raise LaunchError(f"The watch of {self._path} ended: {found.get('message', what)}.")
        name = str(found["metadata"]["name"])
        self._known[name] = found
        if what == "DELETED":
            self._known.pop(name)
        if not self._ended.is_set():
            self._change(what, found, seen_ns)


def _lines(reply: Any) -> Iterator[bytes]:
    rest = b""
    for chunk in reply.stream(None):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
