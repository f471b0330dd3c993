"""The container runtime of a cluster whose node is this machine itself: where it listens, and the
program that gives it images."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

from harness.base import paths

_ENDPOINT = "--container-runtime-endpoint"
_UNIX = "unix://"
_NAMES = ("kubelet",)
_RUNTIME = "containerd"
_CLIENT = "ctr"


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRuntime:
    """A containerd of this machine."""

    socket: str
    client: str  # `ctr`

    def command(self, *arguments: str) -> list[str]:
        """Its client, told to do something with the images of Kubernetes."""
        return [self.client, "--address", self.socket, "--namespace", "k8s.io", *arguments]


def found() -> NodeRuntime | None:
    """That of this machine's kubelet, or which CONTAINERD_ADDRESS names; None where there is none,
    or no client of it."""
    socket = paths.variable("CONTAINERD_ADDRESS") or next(_sockets(), "")
    client = shutil.which(_CLIENT) or _beside_the_runtime()
    if not socket or client is None:
        return None
    return NodeRuntime(socket=socket.removeprefix(_UNIX), client=client)


def _sockets() -> Iterator[str]:
    """Where kubelets of this machine reach their runtime; not those within containers, whose files
    are others."""
    own = _mounts(os.getpid())
    for process in _processes(_NAMES):
        with suppress(psutil.Error):
            told = endpoint(process.cmdline())
            path = Path(told.removeprefix(_UNIX))
            if told and _mounts(process.pid) == own and path.is_socket():
                yield str(path)


def endpoint(command: list[str]) -> str:
    """The runtime that a kubelet's command names; empty where it names none."""
    for place, word in enumerate(command):
        name, equals, value = word.partition("=")
        if name == _ENDPOINT:
            return value if equals else "".join(command[place + 1 : place + 2])
    return ""


def _beside_the_runtime() -> str | None:
    for process in _processes((_RUNTIME,)):
        with suppress(psutil.Error, OSError):
            path = Path(process.exe()).with_name(_CLIENT)
            if path.is_file():
                return str(path)
    return None


def _processes(names: tuple[str, ...]) -> Iterator[psutil.Process]:
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() in names:
                yield process


def _mounts(pid: int) -> str:
    """The namespace of mounts of a process; empty where it can't be seen."""
    try:
        return str(Path(f"/proc/{pid}/ns/mnt").readlink())
    except OSError:
        return ""
