"""Ports for servers, which no other process takes before the server has started."""

from __future__ import annotations

import contextlib
import random
import socket
from pathlib import Path

from harness.base.errors import LaunchError

_OF_CONNECTIONS = Path("/proc/sys/net/ipv4/ip_local_port_range")
_LEAST, _END = 20000, 1 << 16  # below, servers have ports of their own: Ray 10002 to 19999
_TRIED = 64


def free_ports(count: int, host: str = "127.0.0.1") -> list[int]:
    """Different free ports, of loopback or another address of this machine.

    None is of the range from which the system gives connections, and helpers of servers, theirs,
    unless there is no other. Raises OSError where this machine does not have the address.
    """
    found: list[int] = []
    with contextlib.ExitStack() as stack:
        for port in (*stable(), *[0] * count):
            if len(found) == count:
                break
            sock = stack.enter_context(socket.socket())
            try:
                sock.bind((host, port))
            except OSError:
                if not port:
                    raise
                continue
            found.append(sock.getsockname()[1])
    return found


def stable() -> list[int]:
    """Some ports outside the ephemeral range, in random order: harnesses beside each other
    seldom come by the same."""
    try:
        low, high = map(int, _OF_CONNECTIONS.read_text().split())
    except (OSError, ValueError):
        return []
    outside = [*range(_LEAST, low), *range(high + 1, _END)]
    return random.SystemRandom().sample(outside, min(_TRIED, len(outside)))


def require_free(host: str, port: int) -> None:
    """Raises LaunchError where something listens there."""
    with socket.socket() as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((host, port))
        except OSError as error:
            raise LaunchError(
                f"Port {port} is already taken on {host}. End what listens there, or remove "
                "'port' from server.toml, so that a free one is chosen."
            ) from error
