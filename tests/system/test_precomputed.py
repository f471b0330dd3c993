"""The precomputed server by itself: a swap, and stores that fill up, die, or can't be written."""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from harness.base import paths
from harness.measure.launch.launchers.ports import free_ports
from harness.measure.prepare import environments
from harness.setup import catalog, components
from tests.system.sandbox import LONG_S, until

pytestmark = pytest.mark.slow

FOLDER = paths.PROJECT / "servers" / "precomputed"
NOOP = paths.PROJECT / "benchmarks" / "noop"
KNOWN = ["a", "b", "naïve"]


@dataclass
class Server:
    """One that was started, with its folders."""

    url: str
    root: Path
    process: subprocess.Popen[bytes]

    def ask(self, *instances: str) -> httpx.Response:
        return httpx.post(f"{self.url}/predict", json={"instances": instances}, timeout=LONG_S)

    def told(self, *instances: str) -> tuple[int, str | None, str | None]:
        """(status, whether it was stored, which version predicted)."""
        said = self.ask(*instances)
        headers = said.headers
        return said.status_code, headers.get("answer-stored"), headers.get("model-version")

    def replace(self, version: int) -> None:
        artefact = self.root / "trace" / f"artefact-{version}"
        artefact.mkdir()
        (artefact / "label").write_text(f"noop-{version}")
        body = {"artefact": artefact.name, "version": version}
        httpx.post(f"{self.url}/replace", json=body).raise_for_status()

    def jobs(self) -> list[dict[str, Any]]:
        found = [json.loads(path.read_text()) for path in (self.root / "trace").glob("job-*.json")]
        return sorted(found, key=lambda job: job["began_ns"])

    def redis(self, *words: str) -> bytes:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(LONG_S)
            sock.connect(str(self.root / "tmp" / "redis" / "socket"))
            parts = "".join(f"${len(word)}\r\n{word}\r\n" for word in words)
            sock.sendall(f"*{len(words)}\r\n{parts}".encode())
            return sock.recv(1 << 16)


def python() -> Path:
    variant = catalog.variants()["precomputed-sqlite"]
    return environments.for_variant(variant, catalog.benchmarks()["noop"]).python


def begun(root: Path, port: int, limit: Callable[[], None] | None = None, **more: str) -> Any:
    for name in ("tmp", "trace", "artefact"):
        (root / name).mkdir()
    lines = "".join(json.dumps({"instance": each}) + "\n" for each in KNOWN)
    (root / "payloads.jsonl").write_text(lines)
    found = components.place("redis")
    environment = {
        "PATH": os.defpath,
        "TMPDIR": str(root / "tmp"),
        "PYTHONPATH": str(FOLDER.parent / "shared"),
        "PYTHONDONTWRITEBYTECODE": "1",
        "HARNESS_HOST": "127.0.0.1",
        "HARNESS_PORT": str(port),
        "HARNESS_PREDICTOR": str(NOOP / "predictor.py"),
        "HARNESS_ARTEFACT": str(root / "artefact"),
        "HARNESS_DEVICE": "cpu",
        "HARNESS_THREADS": "1",
        "HARNESS_TRACE": str(root / "trace"),
        "HARNESS_PAYLOADS": str(root / "payloads.jsonl"),
        **({"HARNESS_REDIS_SERVER": str(found)} if found else {}),
        **more,
    }
    with (root / "log").open("wb") as log:
        return subprocess.Popen(
            [python(), "start.py"],
            cwd=FOLDER,
            env=environment,
            stdout=log,
            stderr=log,
            preexec_fn=limit,
        )


@contextmanager
def started(root: Path, **more: str) -> Iterator[Server]:
    (port,) = free_ports(1, "127.0.0.1")
    process = begun(root, port, None, **more)
    server = Server(f"http://127.0.0.1:{port}", root, process)
    try:
        until(lambda: process.poll() is not None or answers(server))
        assert process.poll() is None, (root / "log").read_text()
        yield server
    finally:
        process.terminate()
        try:
            process.wait(LONG_S)
        finally:
            process.kill()


def answers(server: Server) -> bool:
    try:
        return httpx.get(f"{server.url}/health").is_success
    except httpx.HTTPError:
        return False


def test_redis_that_fills_up_a_swap_and_redis_killed(tmp_path: Path) -> None:
    if components.why_not("redis"):
        pytest.skip(str(components.why_not("redis")))
    with started(tmp_path, PRECOMPUTED_STORE="redis") as server:
        assert server.told("a") == (200, "1", "1")
        assert server.told("new") == (200, "0", "1")
        assert server.told("new", "b") == (200, "1", "1"), "it was kept"
        server.redis("CONFIG", "SET", "maxmemory", "1")
        for _ in range(2):
            assert server.told("newer") == (200, "0", "1"), "answered, and not kept"
        assert server.told("a") == (200, "1", "1"), "nothing is dropped"
        server.replace(2)
        until(lambda: len(server.jobs()) == 2)
        assert "Redis has no memory left for more answers" in server.jobs()[1]["failure"]
        assert server.told("a") == (200, "1", "1")
        server.redis("CONFIG", "SET", "maxmemory", "0")
        server.replace(3)
        seen = set()

        def swapped() -> bool:
            said = server.ask(*KNOWN, "new").json()["predictions"]
            seen.add(frozenset(each["label"] for each in said))
            return bool(said[0]["label"] == "noop-3")

        until(swapped)
        assert seen <= {frozenset({"noop"}), frozenset({"noop-3"})}, "no answer is of both"
        assert min(job["store_bytes"] for job in server.jobs()[::2]) > 100
        pid = int(server.redis("INFO", "server").split(b"process_id:")[1].split()[0])
        os.kill(pid, signal.SIGKILL)
        assert server.told("a")[::2] == (200, "3"), "the model answers, whatever Redis does"
        until(lambda: server.told("a") == (200, "1", "3"))


def test_a_strict_store_refuses_and_a_job_that_fails_leaves_it(tmp_path: Path) -> None:
    with started(tmp_path, PRECOMPUTED_MISSES="refused") as server:
        assert server.told("naïve", "a") == (200, "1", "1")
        assert server.told("a", "new") == (404, "0", "1")
        assert httpx.post(f"{server.url}/replace", json={"artefact": "x", "version": 2}).is_error
        (tmp_path / "payloads.jsonl").write_text("{")
        server.replace(2)
        until(lambda: len(server.jobs()) == 2)
        assert "payloads.jsonl can't be read" in server.jobs()[1]["failure"]
        assert server.told("a") == (200, "1", "1")


def test_a_full_disk_is_said_and_the_server_ends(tmp_path: Path) -> None:
    def small() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))

    process = begun(tmp_path, free_ports(1, "127.0.0.1")[0], small)
    try:
        assert process.wait(LONG_S) == 1
    finally:
        process.kill()
    said = (tmp_path / "log").read_text()
    assert "The batch job failed. The store in" in said
    assert "Free some space on its disk" in said


def test_a_redis_that_is_too_old() -> None:
    said = subprocess.run(
        [python(), "-c", "import redis_store; redis_store.require_release('6.2.1')"],
        cwd=FOLDER,
        env={"PYTHONPATH": str(FOLDER), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Redis is 6.2.1: release 7 or later is needed." in said.stderr
