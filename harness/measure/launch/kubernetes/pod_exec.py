"""A program in a pod that answers line by line, through the API server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote

from harness.base.errors import LaunchError
from harness.measure.launch.kubernetes.cluster import Cluster, hang_up

_LIMIT_S = 20.0  # of one answer
_STDOUT, _STDERR = 1, 2


class Conversation:
    """One program that runs beside the server in its container."""

    def __init__(self, socket: Any, pod: str) -> None:
        self._socket = socket
        self._pod = pod
        self._rest = b""

    def ask(self, line: str) -> str:
        """Its answer to a line, which is one line."""
        self._socket.write_channel(0, f"{line}\n".encode())
        return self.line()

    def line(self) -> str:
        """The next line that it says."""
        deadline = time.monotonic() + _LIMIT_S
        while b"\n" not in self._rest:
            self._more(deadline)
        said, _, self._rest = self._rest.partition(b"\n")
        return said.decode("utf-8", "replace")

    def bytes(self, count: int) -> bytes:
        """So many of the next bytes that it says."""
        deadline = time.monotonic() + _LIMIT_S
        while len(self._rest) < count:
            self._more(deadline)
        taken, self._rest = self._rest[:count], self._rest[count:]
        return taken

    def _more(self, deadline: float) -> None:
        left = deadline - time.monotonic()
        if left <= 0:
            raise LaunchError(f"A program in the pod {self._pod} did not answer in {_LIMIT_S:g} s.")
        self._socket.update(timeout=left)
        found = self._socket.read_channel(_STDOUT)
        self._rest += found
        if not found and not self._socket.is_open():
            said = bytes(self._socket.read_channel(_STDERR)).decode("utf-8", "replace").split("\n")
            why = next((line for line in reversed(said) if line.strip()), "it said nothing")
            raise LaunchError(f"A program in the pod {self._pod} ended: {why}.")


class PodPrograms:
    """Starts programs in one container of the pods of a namespace."""

    def __init__(self, cluster: Cluster, namespace: str, container: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._container = container

    @contextmanager
    def conversation(self, pod: str, command: Sequence[str]) -> Iterator[Conversation]:
        """Run a program for as long as the context lasts. Raises LaunchError."""
        try:
            asked = [("command", part) for part in command]
            asked += [(channel, "true") for channel in ("stdin", "stdout", "stderr")]
            place = f"/api/v1/namespaces/{quote(self._namespace)}/pods/{quote(pod)}/exec"
            socket = self._cluster.websocket(place, [*asked, ("container", self._container)])
            try:
                yield Conversation(socket, pod)
            finally:
                hang_up(socket)
        except LaunchError:
            raise
        except Exception as error:  # the client, websockets and TLS each have their own
            said = str(error).strip().partition("\n")[0].rstrip(".")
            raise LaunchError(f"No program can be run in the pod {pod}: {said}.") from error
