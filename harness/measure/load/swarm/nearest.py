"""The address of a name that answers first: Locust's HTTP client would wait for a silent one."""

from __future__ import annotations

import time
from typing import Any

import gevent
import gevent.socket
from gevent.event import AsyncResult

_NEXT_S = 0.25  # until the next address is tried beside a silent one, as the native driver does
_LOOK_S = 0.01


def answering(host: str, port: int, timeout_s: float) -> str:
    """One address of a name, that which answers first; empty where none does in this time."""
    try:
        found = gevent.socket.getaddrinfo(host, port, 0, gevent.socket.SOCK_STREAM)
    except OSError:
        return ""  # as the client is to find out
    addresses = {str(info[4][0]): info for info in found}
    if len(addresses) == 1:
        return next(iter(addresses))
    end, won = time.monotonic() + timeout_s, AsyncResult()
    tries = []
    try:
        for address, info in addresses.items():
            tries.append(gevent.spawn(_reach, address, info, won))
            _wait(won, tries[-1:], min(time.monotonic() + _NEXT_S, end))
        _wait(won, tries, end)
    finally:
        gevent.killall(tries)
    return str(won.get()) if won.ready() else ""


def _wait(won: AsyncResult[str], tries: list[gevent.Greenlet], end: float) -> None:
    """Until one has answered, or all of these have failed, or then."""
    while not won.ready() and time.monotonic() < end and not all(each.dead for each in tries):
        gevent.sleep(_LOOK_S)


def _reach(address: str, info: Any, won: AsyncResult[str]) -> None:
    family, kind, protocol, _, place = info
    try:
        with gevent.socket.socket(family, kind, protocol) as sock:
            sock.connect(place)
    except OSError:
        return
    if not won.ready():
        won.set(address)
