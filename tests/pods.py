"""Pods, and a cluster that tells of them, without any."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from threading import Event
from types import SimpleNamespace
from typing import Any

from harness.base.errors import LaunchError
from harness.measure.launch.kubernetes.cluster import ApiError
from harness.measure.launch.kubernetes.pod_exec import Conversation
from tests.system.sandbox import LONG_S

NAMESPACE, SERVER = "some", "server"


def pod(name: str = "p-1", **others: Any) -> dict[str, Any]:
    """A pod as an API server describes it, ready unless told otherwise."""
    conditions = others.get("conditions", ("PodScheduled", "Ready"))
    ending = {"deletionTimestamp": "2026-01-02T03:04:05Z"} if others.get("ending") else {}
    return {
        "metadata": {"name": name, "namespace": NAMESPACE, **ending},
        "spec": {"nodeName": others.get("node", "n-1")},
        "status": {
            "qosClass": "Guaranteed",
            "conditions": [{"type": each, "status": "True"} for each in conditions],
            "containerStatuses": others.get("containers", [container()]),
        },
    }


def container(
    id: str = "aa", name: str = SERVER, restarts: int = 0, killed: str = ""
) -> dict[str, Any]:
    """The status of a container that runs; `killed`: the one before it ran out of memory."""
    ended = {"reason": "OOMKilled", "containerID": f"containerd://{killed}"}
    return {
        "name": name,
        "containerID": f"containerd://{id * 32}",  # 64 digits, as no other of this machine
        "restartCount": restarts,
        "state": {"running": {"startedAt": "2026-01-02T03:04:05Z"}},
        "lastState": {"terminated": ended} if killed else {},
    }


def event(reason: str, about: str = "p-1", place: str = "") -> dict[str, Any]:
    """An event of a pod."""
    about_it = {"name": about, "fieldPath": place}
    name = f"{about}.{reason}.{place}"
    return {"metadata": {"name": name}, "reason": reason, "involvedObject": about_it}


class Reply:
    """What an API server answers to a watch, in pieces that end anywhere; it goes on until its
    connection is shut down, unless it `ends`."""

    def __init__(self, *told: tuple[str, dict[str, Any]], ends: bool = False) -> None:
        data = "".join(json.dumps({"type": t, "object": o}) + "\n" for t, o in told).encode()
        self._pieces = [data[at : at + 37] for at in range(0, len(data), 37)]
        self._ended = Event()
        if ends:
            self._ended.set()

    @property
    def connection(self) -> Any:
        return SimpleNamespace(sock=SimpleNamespace(shutdown=lambda _: self._ended.set()))

    def stream(self, _: object) -> Iterator[bytes]:
        yield from self._pieces
        assert self._ended.wait(LONG_S)


class FakeCluster:
    """Answers by the path that it is asked for; what it has no answer for is refused."""

    def __init__(self, pages: dict[str, bytes] | None = None, **replies: list[Reply]) -> None:
        self.pages = pages or {}
        self.replies = replies  # of watches by the last word of the path; each is given once
        self.lists: dict[str, list[list[dict[str, Any]]]] = {}  # likewise; none left: empty
        self.asked: list[str] = []

    def text(self, path: str, _: float = 0, **__: str) -> bytes:
        self.asked.append(path)
        if path not in self.pages:
            raise ApiError("the API server of the context 'c' says: forbidden", 403)
        return self.pages[path]

    def get(self, path: str, **__: str) -> dict[str, Any]:
        left = self.lists.get(path.rpartition("/")[2], [])
        return {"metadata": {"resourceVersion": "7"}, "items": left.pop(0) if left else []}

    @contextmanager
    def stream(self, path: str, _: float | None = None, **__: str) -> Iterator[Reply]:
        left = self.replies.get(path.rpartition("/")[2], [])
        if not left:
            raise ApiError("the API server of the context 'c' does not answer (refused)")
        yield left.pop(0)


class LocalSocket:
    """The client's connection with a program, which runs on this machine instead of in a pod."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        )
        self._said = {1: BytesIO(), 2: BytesIO()}

    def is_open(self) -> bool:
        return self._process.poll() is None

    def write_channel(self, _: int, data: bytes) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(data)
        self._process.stdin.flush()

    def update(self, timeout: float) -> None:
        assert timeout > 0
        assert self._process.stdout is not None
        self._said[1].write(self._process.stdout.read1(5))  # type: ignore[attr-defined]

    def read_channel(self, channel: int) -> bytes:
        if channel == 2 and self._process.stderr is not None:
            return self._process.stderr.read()
        data = self._said[channel].getvalue()
        self._said[channel] = BytesIO()
        return data

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


class LocalPrograms:
    """As PodPrograms, of pods that are folders of this machine."""

    def __init__(self) -> None:
        self.gone: set[str] = set()  # pods where nothing can be run any more
        self.begun = 0

    @contextmanager
    def conversation(self, pod: str, command: Sequence[str]) -> Iterator[Conversation]:
        if pod in self.gone:
            raise LaunchError(f"No program can be run in the pod {pod}: not found.")
        self.begun += 1
        socket = LocalSocket(command)
        try:
            yield Conversation(socket, pod)
        finally:
            socket.close()
