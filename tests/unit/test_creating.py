"""What an engine says when it creates a container, and what it hands out of one."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import docker
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from harness.base.errors import LaunchError, ProvisionError
from harness.measure.launch.containers import archives, creating, images
from harness.measure.launch.containers import engine as engines

CPUSET = "Your kernel does not support cpuset or the cgroup is not mounted. Cpuset discarded."
MEMORY = (
    "Your kernel does not support memory limit capabilities or the cgroup is not mounted. "
    "Limitation discarded."
)
SWAP = (
    "Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory "
    "limited without swap."
)
QUOTA = "Your kernel does not support CPU cfs period/quota or the cgroup is not mounted. Discarded."
PLATFORM = (
    "The requested image's platform (linux/arm64/v8) does not match the detected host platform "
    "(linux/amd64/v3) and no specific platform was requested"
)
Client = docker.DockerClient


class Engine:
    """Answers as a Docker engine does."""

    def __init__(self) -> None:
        self.warnings: Any = []
        self.archive = b""
        self.removed = 0


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def client(engine: Engine) -> Iterator[Client]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            told = {"Id": "c1", "Warnings": engine.warnings}
            self._answer(201, json.dumps(told).encode())

        def do_GET(self) -> None:
            if "/archive" in self.path:
                fact = base64.b64encode(b'{"name": "versions.json", "size": 1}').decode()
                self._answer(200, engine.archive, ("X-Docker-Container-Path-Stat", fact))
            else:
                self._answer(200, b'{"Id": "c1", "Name": "/c1", "Warnings": ["not of creation"]}')

        def do_DELETE(self) -> None:
            engine.removed += 1
            self._answer(204, b"")

        def _answer(self, status: int, body: bytes, *headers: tuple[str, str]) -> None:
            self.send_response(status)
            for name, value in (*headers, ("Content-Length", str(len(body)))):
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        url = f"tcp://127.0.0.1:{server.server_address[1]}"
        with closing(docker.DockerClient(base_url=url, version="1.41")) as made:
            yield made
        server.shutdown()


@pytest.mark.parametrize("said", [None, [], [SWAP], [f"WARNING: {SWAP}", "one\nmore\x1b[2J"]])
def test_warnings_of_a_creation_are_read(
    client: Client, engine: Engine, said: list[str] | None
) -> None:
    engine.warnings = said
    container, warnings = creating.create(client, "i:1", command=["true"])
    assert container.id == "c1"
    assert warnings == tuple([SWAP, r"one more\x1b[2J"][: len(said or ())])
    assert engine.removed == 0
    assert creating.create(client, "i:1")[1] == warnings  # each creation's own


@pytest.mark.parametrize("said", [CPUSET, MEMORY, PLATFORM, QUOTA, f"WARNING: {CPUSET}"])
def test_what_would_not_be_what_is_measured_is_refused(
    client: Client, engine: Engine, said: str
) -> None:
    engine.warnings = [SWAP, said]
    with pytest.raises(LaunchError) as caught:
        creating.create(client, "i:1")
    assert str(caught.value).endswith(said.removeprefix("WARNING: "))
    assert "i:1" in str(caught.value)
    assert engine.removed == 1


@pytest.mark.parametrize("lacking", ["CpuCfsQuota", "CpuCfsPeriod"])
def test_an_engine_without_quotas_is_told(lacking: str) -> None:
    info: dict[str, Any] = {"CpuCfsQuota": True, "CpuCfsPeriod": True}
    told: Any = SimpleNamespace(info=lambda: info)
    assert engines.why_no_quota(told) is None
    info[lacking] = False
    said = engines.why_no_quota(told)
    assert said is not None
    assert "can't give containers a quota of CPU time" in said


def packed(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for member, data in members:
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def member(
    data: bytes, name: str = "versions.json", kind: bytes = tarfile.REGTYPE, link: str = ""
) -> tuple[tarfile.TarInfo, bytes]:
    info = tarfile.TarInfo(name)
    info.size, info.type, info.linkname = len(data), kind, link
    return info, data


def test_versions_are_read_out_of_an_image(client: Client, engine: Engine) -> None:
    engine.archive = packed(member(b'{"flask": "3.0"}'))
    assert images._versions(client, "i:1") == {"flask": "3.0"}
    assert engine.removed == 1
    engine.warnings = [PLATFORM]
    with pytest.raises(ProvisionError, match="platform"):
        images._versions(client, "i:1")


@pytest.mark.parametrize(
    "archive",
    [
        b"",
        b"\0" * 1024,
        b"rubbish" * 1000,
        packed(member(b"{}", "../versions.json")),
        packed(member(b"{}", "/etc/versions.json")),
        packed(member(b"", kind=tarfile.DIRTYPE)),
        packed(member(b"", kind=tarfile.SYMTYPE, link="/etc/passwd")),
        packed(member(b"", kind=tarfile.LNKTYPE, link="/etc/passwd")),
        packed(member(b"", kind=tarfile.FIFOTYPE)),
        packed(member(b"{}"))[:513],
        packed(member(b"{}" + b" " * 2000))[:1500],
        packed(member(b"{")),
        packed(member(b"[]")),
        packed(member(b"3")),
        packed(member(b'{"flask": ["3.0"]}')),
        packed(member(b"[" * 100_000)),
        packed(member(b"\xff\xfe")),
        packed(member(b'{"a": "' + b"b" * archives.MOST_BYTES + b'"}')),
    ],
    ids=range(18),
)
def test_any_other_archive_is_a_sentence(client: Client, engine: Engine, archive: bytes) -> None:
    engine.archive = archive
    with pytest.raises(
        ProvisionError, match=r"^/opt/venv/versions.json in the image i:1 is not a "
    ):
        images._versions(client, "i:1")
    assert engine.removed == 1


def changed(data: bytes, place: int, byte: int, cut: int) -> bytes:
    found = bytearray(data)
    found[place % len(found)] = byte
    return bytes(found[:cut])


@given(
    place=st.integers(0, 1024),
    byte=st.integers(0, 255),
    cut=st.integers(0, 10240),
    size=st.integers(1, 4096),
)
@settings(max_examples=300)
def test_a_damaged_archive_holds_the_file_or_is_none(
    place: int, byte: int, cut: int, size: int
) -> None:
    data = changed(packed(member(b"whole" * 100)), place, byte, cut)
    chunks = [data[at : at + size] for at in range(0, len(data), size)]
    found = b"whole" * 100
    with contextlib.suppress(ValueError):
        found = archives.only_file(iter(chunks), "versions.json")
    assert len(found) == 500


def test_an_archive_without_end_is_not_read_to_its_end() -> None:
    taken = 0

    def endless(block: bytes) -> Callable[[], Iterator[bytes]]:
        def chunks() -> Iterator[bytes]:
            nonlocal taken
            while True:
                taken += len(block)
                yield block

        return chunks

    long_name = packed(member(b"x" * 1000, kind=tarfile.GNUTYPE_LONGNAME))[:512]
    huge = bytearray(long_name)
    for block in (b"\0" * 65536, b"x" * 65536, bytes(huge) * 128):
        taken = 0
        with pytest.raises(ValueError, match="it "):
            archives.only_file(endless(block)(), "versions.json")
        assert taken < 4 * archives.MOST_BYTES
