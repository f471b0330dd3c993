"""The socket on which a front takes commands: a line of JSON for each, and for its answer."""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from harness.measure.launch.functions import orders
from harness.measure.launch.functions.fleet import Fleet
from harness.measure.launch.functions.instance_places import InstancePlace

SCALE, INSTANCES, RETIRE, KILL = "scale", "instances", "retire", "kill"
REMOVE_IMAGE, LAYERS = "remove_image", "layers"
_MOST_BYTES = 1 << 16


async def listen(path: Path, fleet: Fleet, place: InstancePlace) -> asyncio.Server:
    """Take commands for a fleet, and the place where it runs."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                try:
                    answer = {"answer": await _done(fleet, place, json.loads(line))}
                except (ValueError, KeyError, TypeError, OSError) as error:
                    answer = {"error": f"{type(error).__name__}: {error}"}
                writer.write(json.dumps(answer).encode() + b"\n")
                await writer.drain()
        except ConnectionError:
            pass  # whoever asked is gone
        finally:
            writer.close()

    sock = socket.socket(socket.AF_UNIX)
    with near(path) as short:
        sock.bind(short)
    path.chmod(0o600)
    return await asyncio.start_unix_server(serve, sock=sock, limit=_MOST_BYTES)


@contextmanager
def near(path: Path) -> Iterator[str]:
    """A short path to a socket: those of sockets may have 107 bytes only."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)


async def _done(fleet: Fleet, place: InstancePlace, command: dict[str, Any]) -> Any:
    match command["do"]:
        case "scale":
            fleet.scale(orders.limits(command["limits"]))
        case "instances":
            return fleet.instances()
        case "retire":
            await fleet.retire()
        case "kill":
            fleet.kill(int(command["number"]))
        case "remove_image":
            await place.remove_image()
        case "layers":
            return list(await place.layers())
        case other:
            raise ValueError(f"there is no command {other!r}")
    return None
