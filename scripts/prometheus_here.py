"""A Prometheus on this machine, started for a while and asked over HTTP; for tests and pictures."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.base import paths

_START_S = 120.0
# Without what a user has set for the harness: it may be on the way to another machine.
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def tool(name: str) -> str:
    """The path of one of its programs. Raises OSError."""
    places = os.pathsep.join((os.environ["PATH"], str(paths.cache_dir() / "test-tools" / "bin")))
    found = shutil.which(name, path=places)
    if found is None:
        raise OSError(f"There is no {name}. Fetch it with scripts/install-test-tools.")
    return found


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@dataclass(frozen=True)
class Prometheus:
    """A server that is up."""

    url: str

    def ask(self, path: str, **query: str) -> Any:
        """The data of an answer of its API."""
        asked = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(query)}"
        with _DIRECT.open(asked, timeout=60) as answer:
            return json.load(answer)["data"]

    def now(self, expr: str) -> list[dict[str, Any]]:
        """The series of an expression at this moment."""
        found: list[dict[str, Any]] = self.ask("query", query=expr)["result"]
        return found

    def since(self, expr: str, seconds: float, step_s: float = 1.0) -> list[dict[str, Any]]:
        """The series of an expression over the last seconds."""
        end = time.time()
        span = {"start": f"{end - seconds:.3f}", "end": f"{end:.3f}", "step": f"{step_s:g}"}
        found: list[dict[str, Any]] = self.ask("query_range", query=expr, **span)["result"]
        return found


@contextmanager
def running(configuration: Path, data: Path, *options: str) -> Iterator[Prometheus]:
    """A server with that configuration, as long as the context lasts. Raises OSError."""
    url = f"127.0.0.1:{free_port()}"
    log = data.with_suffix(".log")
    with log.open("wb") as file:
        process = subprocess.Popen(
            [
                tool("prometheus"),
                f"--config.file={configuration}",
                f"--storage.tsdb.path={data}",
                f"--web.listen-address={url}",
                *options,
            ],
            stdout=file,
            stderr=file,
        )
    try:
        end = time.monotonic() + _START_S
        while not _is_ready(url):
            if process.poll() is not None or time.monotonic() > end:
                raise OSError(f"Prometheus does not come up: {log.read_text()[-2000:]}")
            time.sleep(0.05)
        yield Prometheus(f"http://{url}")
    finally:
        process.terminate()
        process.wait()


def _is_ready(url: str) -> bool:
    try:
        with _DIRECT.open(f"http://{url}/-/ready", timeout=5) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
