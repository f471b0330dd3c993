"""A name with several addresses, one of which may be dead."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing
from typing import Any

import gevent.socket
import numpy as np
import pytest

from harness.measure.load.generator import once
from harness.measure.load.generator.closed_loop import ClosedLoop
from harness.measure.load.generator.job import Job
from harness.measure.load.generator.reaching import Known
from harness.measure.load.generator.timer import clock
from harness.measure.load.swarm import nearest
from harness.measure.talk.target import target
from harness.protocols import Message
from tests.system.endpoints import Endpoint, echo
from tests.system.sandbox import LONG_S

pytestmark = pytest.mark.slow

DEAD, ALIVE = "127.0.1.1", "127.0.0.1"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    with Endpoint(echo) as found:
        yield found


def port_of(endpoint: Endpoint) -> int:
    return int(endpoint.url.rpartition(":")[2].partition("/")[0])


def deaf(stack: ExitStack, port: int) -> None:
    """Nobody is answered at the dead address: its line is full."""
    listener = stack.enter_context(closing(socket.socket()))
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((DEAD, port))
    listener.listen(0)
    for _ in range(4):
        waiting = stack.enter_context(closing(socket.socket()))
        waiting.setblocking(False)
        waiting.connect_ex((DEAD, port))


def named(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    """`dual.test` has these addresses, in this order."""
    real = socket.getaddrinfo

    def found(host: str, port: int, *rest: Any, **more: Any) -> Any:
        if host != "dual.test":
            return real(host, port, *rest, **more)
        numeric = socket.AI_NUMERICHOST in (*rest[3:4], more.get("flags"))
        if numeric:
            raise socket.gaierror
        kind = (socket.AF_INET, socket.SOCK_STREAM, 6, "")
        return [(*kind, (address, port)) for address in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", found)


def job(port: int, timeout_s: float = LONG_S) -> Job:
    goal = target(f"http://dual.test:{port}/", [Message(b"x")], ())
    return Job(
        target=goal,
        start_ns=0,
        duration_ns=int(LONG_S * 1e9),
        payload=np.zeros(1, np.int64),
        due_ns=None,
        concurrency=2,
        limit=6,
        timeout_ns=int(timeout_s * 1e9),
        keep_every=0,
    )


async def fired(wanted: Job, known: Known) -> ClosedLoop:
    loop = ClosedLoop(wanted, known)
    await loop.prepare()
    loop.begin(clock())
    await loop.run()
    return loop


@pytest.mark.parametrize("why", ["deaf", "refuses"])
def test_the_next_address_is_tried_beside_a_dead_one_and_remembered(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, why: str
) -> None:
    known = Known()
    named(monkeypatch, DEAD, ALIVE)
    with ExitStack() as stack:
        if why == "deaf":
            deaf(stack, port_of(endpoint))
        loop = asyncio.run(fired(job(port_of(endpoint)), known))
        assert not any(loop.error[: loop.next])
        assert loop.next == 6
        assert loop.address == ALIVE
        assert known.winner is not None
        assert known.winner[4] == (ALIVE, port_of(endpoint))
        named(monkeypatch)  # whoever knows an address asks for none
        again = asyncio.run(fired(job(port_of(endpoint)), known))
    assert not any(again.error[: again.next])


def test_control_goes_the_same_way(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    named(monkeypatch, DEAD, ALIVE)
    with ExitStack() as stack:
        deaf(stack, port_of(endpoint))
        assert once.ask(job(port_of(endpoint)).target, LONG_S) == (200, b"x")


def test_a_winner_that_is_gone_is_forgotten(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    port = port_of(endpoint)
    gone = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (DEAD, port))
    known = Known(winner=gone)
    named(monkeypatch, ALIVE)
    loop = asyncio.run(fired(job(port), known))
    errors = list(loop.error[: loop.next])
    assert errors[-1] == 0
    assert known.winner is not None
    assert known.winner[4][0] == ALIVE


@pytest.mark.parametrize("why", ["deaf", "refuses"])
@pytest.mark.parametrize("order", [(DEAD, ALIVE), (ALIVE, DEAD)], ids=["dead first", "dead last"])
def test_locusts_users_go_to_the_address_that_answers(
    endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch, why: str, order: tuple[str, str]
) -> None:
    port = port_of(endpoint)
    infos = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in order]
    monkeypatch.setattr(gevent.socket, "getaddrinfo", lambda *_: infos)
    with ExitStack() as stack:
        if why == "deaf":
            deaf(stack, port)
        assert nearest.answering("dual.test", port, LONG_S) == ALIVE


def test_where_no_address_answers_locusts_users_know_none(monkeypatch: pytest.MonkeyPatch) -> None:
    infos = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 1)) for each in (DEAD, ALIVE)]
    monkeypatch.setattr(gevent.socket, "getaddrinfo", lambda *_: infos)
    assert nearest.answering("dual.test", 1, LONG_S) == ""


def test_an_only_address_is_not_tried_beforehand(endpoint: Endpoint) -> None:
    assert nearest.answering(ALIVE, port_of(endpoint), LONG_S) == ALIVE
    assert endpoint.connections == 0
