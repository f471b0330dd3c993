"""The host that the containers of a launcher share: an engine, a private network, and a guard."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness.measure.launch.containers import engine

if TYPE_CHECKING:
    from docker import DockerClient
    from docker.models.networks import Network

_GUARD_KNOWS = (
    *("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "DOCKER_CONTEXT", "DOCKER_CONFIG"),
    *("XDG_RUNTIME_DIR", "HOME", "PATH"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContainerHost:
    """The host that all containers of a launcher share."""

    client: DockerClient
    version: str
    network: Network
    bridged: bool
    owner: str
    guard: subprocess.Popen[bytes]  # ends when this process does, and removes what that left

    @property
    def gateway(self) -> str:
        """This machine's address on the network; empty where it has none there."""
        configs = self.network.attrs["IPAM"]["Config"] or []
        found = [str(each["Gateway"]) for each in configs if each.get("Gateway")]
        return found[0] if self.bridged and found else ""

    def close(self) -> None:
        """End the guard: there is nothing left to guard."""
        self.guard.communicate(b"done")
        self.client.close()


def prepared() -> ContainerHost:
    """The one that answers, without what an earlier command left there. Raises LaunchError, or
    NoEngine."""
    client = engine.connect()
    with engine.answering("What an earlier command left can't be removed"):
        engine.sweep(client)
    with engine.answering("The private network can't be made"):
        network, bridged = engine.network(client)
        version = client.version()["Version"]
    owner = engine.owner()
    guard = subprocess.Popen(
        [sys.executable, "-m", "harness.measure.launch.containers.guard", owner],
        stdin=subprocess.PIPE,
        start_new_session=True,
        env=engine_environment(),
    )
    return ContainerHost(
        client=client,
        version=version,
        network=network,
        bridged=bridged,
        owner=owner,
        guard=guard,
    )


def engine_environment() -> dict[str, str]:
    """What a process must know to reach the same engine."""
    return {name: value for name, value in os.environ.items() if name in _GUARD_KNOWS}
