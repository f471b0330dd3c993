"""A program in a pod that answers line by line, through the API server."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from harness.base.errors import LaunchError

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
    """Starts programs in the pods of one namespace."""

    def __init__(self, core: Any, namespace: str, container: str) -> None:
        self._core = core
        self._namespace = namespace
        self._container = container

    @contextmanager
    def conversation(self, pod: str, command: Sequence[str]) -> Iterator[Conversation]:
        """Run a program for as long as the context lasts. Raises LaunchError."""
        try:
            socket = self._opened(pod, command)
            try:
                yield Conversation(socket, pod)
            finally:
                with suppress(Exception):
                    socket.close()
        except LaunchError:
            raise
        except (
            Exception
        ) as error:  # websocket-client, urllib3 and ssl each have errors of their own
            said = str(getattr(error, "reason", "") or error).strip().partition("\n")[0]
            raise LaunchError(f"No program can be run in the pod {pod}: {said}.") from error

    def _opened(self, pod: str, command: Sequence[str]) -> Any:
        from kubernetes import client
        from kubernetes.stream import stream

        # A client of its own: `stream` changes the one that it is given for the time of its call.
        own = client.CoreV1Api(client.ApiClient(self._core.api_client.configuration))
        return stream(
            own.connect_get_namespaced_pod_exec,
            pod,
            self._namespace,
            container=self._container,
            command=list(command),
            stdin=True,
            stdout=True,
            stderr=True,
            tty=False,
            binary=True,
            _preload_content=False,
        )
