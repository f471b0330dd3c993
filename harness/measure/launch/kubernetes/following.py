"""What an API server tells of objects as they change: in a thread, as JSON, until it is ended."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event, Thread
from typing import Any

from harness.measure.launch.kubernetes.cluster import Cluster

_LASTS_S = 300  # of one request
_AGAIN_S = 0.5
_JOIN_S = 5.0

Change = Callable[[str, dict[str, Any], int], None]  # (what happened, the object, seen at ns)


class Follower:
    """Calls back for each change of the objects that a path lists."""

    def __init__(self, cluster: Cluster, path: str, change: Change, **query: str) -> None:
        """`change` is called in a thread of its own."""
        self._cluster = cluster
        self._path = path
        self._query = {**query, "watch": "true", "timeoutSeconds": str(_LASTS_S)}
        self._change = change
        self._ended = Event()
        self._reply: Any = None
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
        """One request: first all that there is, then what changes."""
        with self._cluster.stream(self._path, _LASTS_S + 30, **self._query) as self._reply:
            for line in _lines(self._reply):
                seen_ns = time.monotonic_ns()
                told = json.loads(line)
                if self._ended.is_set():
                    return
                self._change(told["type"], told["object"], seen_ns)


def _lines(reply: Any) -> Iterator[bytes]:
    rest = b""
    for chunk in reply.stream(None):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
