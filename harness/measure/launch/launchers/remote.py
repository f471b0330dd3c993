"""An endpoint that is already running: nothing is started, and only its answers can be seen."""

from __future__ import annotations

import time
from pathlib import Path

from harness.base.trust import Trust
from harness.measure.launch.calls import ServerRecords
from harness.measure.launch.launchers import LaunchOrder, launcher
from harness.measure.prepare import environments
from harness.measure.prepare.environments import Environment
from harness.measure.talk import headers
from harness.measure.talk.target import host_of, split
from harness.setup.catalog import Benchmark, Variant
from harness.setup.endpoints import Endpoint, Headers
from harness.setup.launching import REMOTE, Launching
from harness.stored.container import ContainerFacts
from harness.stored.records import Stop

_GRPC = ("grpc", "grpcs")
_HTTP = ("http", "https")


class LaunchedRemote:
    """Answers like a server that was started, and has no figures of its own."""

    def __init__(self, endpoint: Endpoint, scratch: Path) -> None:
        parts, tls, self.port = split(endpoint.url, schemes(endpoint.url))
        self.scheme = "https" if tls else "http"
        self.host = host_of(parts)
        self.base = ""
        self.ports: dict[str, int] = {}
        self.headers: Headers = headers.filled(endpoint.each_header)
        self.trust: Trust = endpoint.trust
        self.started_ns = time.monotonic_ns()
        self.log = scratch / "server.log"

    container: ContainerFacts | None = None

    def calls(self) -> ServerRecords:
        """Its model is not ours: nothing is recorded."""
        return ServerRecords()

    def exited(self) -> str | None:
        """Unknown for an endpoint."""
        return None

    def sample(self, *, pss: bool) -> None:
        """Unknown for an endpoint."""

    def exposed(self) -> tuple[str, ...]:
        """It is meant to be reached; that is not ours to judge."""
        return ()

    def kill(self, pid: int) -> None:
        """Not ours to kill."""

    def stop(self) -> Stop | None:
        """It was up before, and stays up."""
        return None


@launcher(
    REMOTE,
    Launching(
        described="an endpoint that was already running",
        starts=False,
        overloads=False,
        restarts=False,
        usage=False,
        here=False,
        installs=False,
    ),
)
class RemoteLauncher:
    """Takes the endpoint of its order for started."""

    def why_not(self, _: str) -> str | None:
        return None

    def about(self) -> str:
        return ""

    def provide(self, variant: Variant, benchmark: Benchmark, _: Path, device: str) -> Environment:
        return environments.for_variant(variant, benchmark, device)

    def close(self) -> None:
        """Nothing was started."""

    def launch(self, order: LaunchOrder) -> LaunchedRemote:
        assert order.variant.endpoint is not None
        return LaunchedRemote(order.variant.endpoint, order.scratch)


def schemes(url: str) -> tuple[str, str]:
    """The plain and the encrypted scheme that a URL has to choose from."""
    return _GRPC if url.startswith("grpc") else _HTTP
