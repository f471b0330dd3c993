"""A process of its own: Flower's SuperLink, and a SuperNode for each client, on loopback.

    python federation.py CLIENTS FOLDER

All of it ends with this process. `ready.json` in the folder says that all clients are connected.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components import Supervisor
from cpu_time import cpu_seconds
from relay import Relay

HERE, BIN = Path(__file__).parent, Path(sys.executable).parent
LOOPBACK = "127.0.0.1"
CLIENT_S = 120.0  # for a client to read its data, and for all of them to be connected
ASKS = b"/v1/fleet/pull-messages"


def main() -> None:
    clients, folder = Path(sys.argv[1]), Path(sys.argv[2])
    shards = sorted(path.parent for path in clients.glob("*/shard.json"))
    if not shards:
        sys.exit(f"{clients} has no folder with a shard.json: each client needs one.")
    os.environ.pop("HARNESS_TRACE", None)  # what clients compute answers no request
    supervisor = Supervisor()
    try:
        started(supervisor, shards, folder)
    except RuntimeError as error:
        supervisor.end()
        sys.exit(str(error))
    supervisor.run()


@dataclass(frozen=True, kw_only=True)
class Client:
    """One, and its ports."""

    folder: Path
    way: int  # to the SuperLink, through the relay
    own: int  # of its SuperNode

    @property
    def sent(self) -> Path:
        """The file in which the relay keeps what this client sends."""
        return self.folder / "sent"

    def asks(self) -> bool:
        """Whether it is connected, and asks for something to do."""
        return self.sent.exists() and ASKS in self.sent.read_bytes()


def started(supervisor: Supervisor, shards: list[Path], folder: Path) -> None:
    """Start everything, and wait until it is up. Raises RuntimeError."""
    link, figures, *ports = free_ports(2 + 2 * len(shards))
    begin_link(supervisor, link, folder / "link")
    server = supervisor.pids()
    clients = [
        Client(folder=shard, way=ports[2 * place], own=ports[2 * place + 1])
        for place, shard in enumerate(shards)
    ]
    for client in clients:
        for left in ("sent", "features.npz"):
            (client.folder / left).unlink(missing_ok=True)
    ways = [(client.way, client.sent) for client in clients]
    Relay(link, ways, figures, lambda: spent(server, supervisor.pids()))
    for client in clients:
        begin_client(supervisor, client)
    until = time.monotonic() + CLIENT_S
    while not all(client.asks() for client in clients):
        if time.monotonic() > until:
            raise RuntimeError(f"Not all SuperNodes were connected within {CLIENT_S:g} s.")
        time.sleep(0.05)
    write_whole(folder / "ready.json", json.dumps({"figures": figures, "clients": len(clients)}))


def begin_link(supervisor: Supervisor, port: int, home: Path) -> None:
    """The SuperLink, and the file by which `flwr run` finds it. Not encrypted, on loopback; and the
    app has nothing to install."""
    home.mkdir(exist_ok=True)
    (home / "config.toml").write_text(
        "[superlink]\ndefault = 'local'\n"
        f"[superlink.local]\naddress = '{LOOPBACK}:{port}'\ninsecure = true\n"
    )
    command = [str(BIN / "flower-superlink"), "--insecure", "--host", LOOPBACK, "--port", str(port)]
    command.append("--disable-runtime-dependency-installation")
    supervisor.add("superlink", command, ready=lambda: listens(port), FLWR_HOME=str(home))


def begin_client(supervisor: Supervisor, client: Client) -> None:
    """One after the other: each loads the model, and forgets it when it knows its features."""
    home = client.folder / "flwr"
    home.mkdir(exist_ok=True)
    command = [sys.executable, str(HERE / "node.py"), str(client.folder)]
    supervisor.add(
        f"client {client.folder.name}",
        [*command, str(client.way), str(client.own)],
        ready=(client.folder / "features.npz").exists,
        ready_s=CLIENT_S,
        FLWR_HOME=str(home),
    )


def spent(server: dict[str, int], now: dict[str, int]) -> dict[str, Any]:
    """CPU seconds until now, of the SuperLink with the ServerApp, and of all clients."""
    clients = [pid for name, pid in now.items() if name not in server]
    return {
        "server_cpu_s": sum(map(cpu_seconds, server.values())),
        "client_cpu_s": sum(map(cpu_seconds, clients)),
    }


def free_ports(count: int) -> list[int]:
    """As many ports of loopback that nothing listens at."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for sock in sockets:
            sock.bind((LOOPBACK, 0))
        return [sock.getsockname()[1] for sock in sockets]
    finally:
        for sock in sockets:
            sock.close()


def listens(port: int) -> bool:
    """Whether something does, there."""
    with socket.socket() as sock:
        sock.settimeout(1.0)
        return sock.connect_ex((LOOPBACK, port)) == 0


def write_whole(path: Path, text: str) -> None:
    """So that whoever sees the file sees all of it."""
    part = path.with_suffix(".part")
    part.write_text(text)
    part.rename(path)


if __name__ == "__main__":
    main()
