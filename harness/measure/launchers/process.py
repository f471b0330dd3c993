"""Variants as plain processes: own session, pinned CPUs, a minimal environment, a kept death."""

from __future__ import annotations

import contextlib
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from harness import paths
from harness.errors import LaunchError
from harness.measure import tree
from harness.measure.launchers import LaunchOrder, launcher
from harness.records import Stop
from harness.tables import Batching

HOST = "127.0.0.1"
_KEEPER = Path(__file__).with_name("keeper.py")
_STOP_GRACE_S = 10.0
_STOP_LIMIT_S = 30.0
_THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "RAYON_NUM_THREADS",
)


class LaunchedProcess:
    """A server below its keeper."""

    host = HOST
    scheme = "http"
    base = ""
    headers: Mapping[str, str] = {}

    def __init__(self, order: LaunchOrder) -> None:
        table = order.variant.table
        port, *more = free_ports(1 + len(table.more_ports))
        self.port = table.port or port
        self.ports = dict(zip(table.more_ports, more, strict=True))
        self.log = order.scratch / "server.log"
        self.trace = order.scratch / "calls"
        self._exit: str | None = None
        _require_free(self.port)
        for folder in (self.trace, order.scratch / "home", order.scratch / "tmp"):
            folder.mkdir()
        self.log.touch()
        self._keeper = subprocess.Popen(
            [sys.executable, "-I", "-S", str(_KEEPER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        self._tell(_keeper_order(order, self))
        event = self._event(10.0)
        if event is None or event["event"] != "started":
            self._close()
            reason = (event or {}).get("message", "its keeper did not start")
            raise LaunchError(f"{order.variant.name} can't be started: {reason}.")
        self.started_ns: int = event["at_ns"]

    def exited(self) -> str | None:
        """Why the server's own process is gone, or None while it runs."""
        if self._exit is None:
            event = self._event(0)
            if event is not None and event["event"] == "exited":
                self._exit = _exit_words(event["exit_code"])
            elif self._keeper.poll() is not None:
                self._exit = "its keeper was killed"
        return self._exit

    def sample(self, *, pss: bool) -> tuple[int, ...]:
        """CPU time, memory, processes and threads of the tree below the keeper."""
        return tree.usage(self._keeper.pid, pss=pss)

    def exposed(self) -> tuple[str, ...]:
        """Sockets of the tree that listen beyond loopback."""
        return tree.exposed(self._keeper.pid)

    def stop(self) -> Stop:
        """End the whole tree; the keeper proves that nothing is left."""
        self._close_stdin()
        event = self._event(_STOP_LIMIT_S)
        while event is not None and event["event"] != "stopped":
            event = self._event(_STOP_LIMIT_S)
        self._close()
        if event is None or not event["empty"]:
            raise LaunchError(
                f"Some of its processes could not be ended. Look for children of the ended "
                f"process {self._keeper.pid}."
            )
        return Stop(event["seconds"], event["exit_code"], event["orphans"], event["killed"])

    def _tell(self, order: dict[str, Any]) -> None:
        assert self._keeper.stdin is not None
        self._keeper.stdin.write(json.dumps(order).encode() + b"\n")
        self._keeper.stdin.flush()

    def _event(self, seconds: float) -> Any:
        stream = self._keeper.stdout
        assert stream is not None
        ready, _, _ = select.select([stream], [], [], seconds)
        # Unbuffered, so that select and readline agree on what there is to read.
        line = _read_line(stream.fileno()) if ready else b""
        return json.loads(line) if line else None

    def _close_stdin(self) -> None:
        assert self._keeper.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._keeper.stdin.close()

    def _close(self) -> None:
        self._close_stdin()
        try:
            self._keeper.wait(5)
        except subprocess.TimeoutExpired:
            self._keeper.kill()
            self._keeper.wait()
        assert self._keeper.stdout is not None
        self._keeper.stdout.close()


@launcher("process")
class ProcessLauncher:
    """Starts variants as processes of this machine."""

    def why_not(self) -> str | None:
        return None if sys.platform == "linux" else "it needs Linux (pinning, /proc, subreapers)"

    def launch(self, order: LaunchOrder) -> LaunchedProcess:
        return LaunchedProcess(order)


def free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody listens on."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for sock in sockets:
            sock.bind((HOST, 0))
        return [sock.getsockname()[1] for sock in sockets]


def _require_free(port: int) -> None:
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((HOST, port))
        except OSError as error:
            raise LaunchError(
                f"Port {port} is already taken on {HOST}. End what listens there, or remove "
                "'port' from server.toml, so that a free one is chosen."
            ) from error


def _keeper_order(order: LaunchOrder, launched: LaunchedProcess) -> dict[str, Any]:
    table = order.variant.table
    places = {"bin": str(order.bin), "host": HOST, "port": str(launched.port)}
    places |= {f"{name}_port": str(port) for name, port in launched.ports.items()}
    return {
        "command": [part.format_map(places) for part in table.command],
        "cwd": str(order.variant.server.folder),
        "environment": server_environment(order, launched),
        "cpus": list(order.cpus),
        "log": str(launched.log),
        "stop_signal": table.stop_signal,
        "grace_s": _STOP_GRACE_S,
    }


def server_environment(order: LaunchOrder, launched: LaunchedProcess) -> dict[str, str]:
    """All that a server is told, and nothing of the user's own environment."""
    table = order.variant.table
    return {
        "PATH": f"{order.bin}:{os.defpath}",
        "HOME": str(order.scratch / "home"),
        "TMPDIR": str(order.scratch / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONPATH": str(paths.PROJECT / "servers" / "shared"),
        "PYTHONUNBUFFERED": "1",
        "ORT_DISABLE_TELEMETRY": "1",  # ONNX Runtime reports usage otherwise
        "PYTHONDONTWRITEBYTECODE": "1",
        **dict.fromkeys(_THREAD_VARIABLES, str(order.threads)),
        "HARNESS_HOST": HOST,
        "HARNESS_PORT": str(launched.port),
        **{f"HARNESS_{name.upper()}_PORT": str(port) for name, port in launched.ports.items()},
        "HARNESS_WORKERS": str(table.workers),
        "HARNESS_SIGNATURE": json.dumps(order.signature),
        "HARNESS_PREDICTOR": str(order.predictor),
        "HARNESS_ARTEFACT": str(order.artefact),
        "HARNESS_DEVICE": "cuda" if order.device == "gpu" else "cpu",
        "HARNESS_THREADS": str(order.threads),
        "HARNESS_TRACE": str(launched.trace),
        **_batching(table.batching),
        **table.environment,
    }


def _batching(batching: Batching | None) -> dict[str, str]:
    if batching is None:
        return {}
    told = {"HARNESS_BATCH_SIZE": str(batching.max_size)}
    if batching.wait_ms is not None:
        told["HARNESS_BATCH_WAIT_MS"] = f"{batching.wait_ms:g}"
    return told


def _read_line(descriptor: int) -> bytes:
    line = b""
    while not line.endswith(b"\n"):
        byte = os.read(descriptor, 1)
        if not byte:
            break
        line += byte
    return line


def _exit_words(code: int) -> str:
    return f"it ended with exit code {code}" if code >= 0 else f"it was killed by signal {-code}"
