"""The way from the front to an instance that listens itself."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest

from harness.measure.launch.functions import proxy
from harness.measure.launch.functions.proxy import InstanceLost, InstanceWay

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Is: there\r\n\r\nok"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


def with_server(serve: Serve, use: Callable[[InstanceWay, list[int]], Awaitable[None]]) -> None:
    """Ask a server that answers each connection so; the list has an entry for each of them."""

    async def run() -> None:
        connections: list[int] = []
        tasks: list[asyncio.Task[None] | None] = []

        async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.append(1)
            tasks.append(asyncio.current_task())
            await serve(reader, writer)
            await closed(writer)

        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        async with server:
            way = InstanceWay("127.0.0.1", server.sockets[0].getsockname()[1])
            await use(way, connections)
            way.close()
            await asyncio.gather(*filter(None, tasks))

    asyncio.run(run())


async def closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError):
        await writer.wait_closed()


async def read(reader: asyncio.StreamReader) -> bytes:
    """A request's head; empty where there is none."""
    try:
        return await reader.readuntil(b"\r\n\r\n")
    except (asyncio.IncompleteReadError, OSError):
        return b""


async def always(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while await read(reader):
        writer.write(OK)


GET = proxy.message("GET", "/", [("Host", "f")], b"")


def test_a_connection_is_kept_and_each_answer_is_its_own() -> None:
    async def use(way: InstanceWay, connections: list[int]) -> None:
        for _ in range(3):
            reply = await way.ask(GET)
            assert (reply.status, reply.body) == (200, b"ok")
            assert ("x-is", "there") in reply.headers
        assert len(connections) == 1

    with_server(always, use)


def test_requests_at_the_same_time_have_connections_of_their_own() -> None:
    async def use(way: InstanceWay, connections: list[int]) -> None:
        replies = await asyncio.gather(*[way.ask(GET) for _ in range(5)])
        assert [reply.body for reply in replies] == [b"ok"] * 5
        assert len(connections) == 5

    with_server(always, use)


@pytest.mark.parametrize(
    ("answer", "body"),
    [
        (b"HTTP/1.0 200 OK\r\n\r\nall of it", b"all of it"),
        (
            b"HTTP/1.1 200 OK\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"3\r\nabc\r\n0\r\n\r\n",
            b"abc",
        ),
        (
            b"HTTP/1.1 100 Continue\r\n\r\n"
            b"HTTP/1.1 201 Made\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
            b"",
        ),
    ],
)
def test_what_ends_with_its_connection_is_whole(answer: bytes, body: bytes) -> None:
    async def once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        writer.write(answer)

    async def use(way: InstanceWay, _: list[int]) -> None:
        assert (await way.ask(GET)).body == body
        assert (await way.ask(GET)).body == body

    with_server(once, use)


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (b"", "without an answer"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf", "in the middle of its answer"),
        (b"SSH-2.0\r\n", "not HTTP/1"),
    ],
)
def test_no_whole_answer_is_an_error_that_says_why(answer: bytes, why: str) -> None:
    async def half(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read(reader)
        writer.write(answer)

    async def use(way: InstanceWay, _: list[int]) -> None:
        with pytest.raises(InstanceLost, match=why):
            await way.ask(GET)

    with_server(half, use)


def test_one_that_does_not_listen_is_an_error_too() -> None:
    async def run() -> None:
        with pytest.raises(InstanceLost, match="it takes no connection"):
            await InstanceWay("127.0.0.1", 1).ask(GET)

    asyncio.run(run())


def test_a_request_whose_time_is_over_takes_its_connection_along() -> None:
    async def never(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        while await read(reader):
            pass

    async def use(way: InstanceWay, connections: list[int]) -> None:
        for _ in range(2):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(way.ask(GET), 0.05)
        assert len(connections) == 2

    with_server(never, use)


def test_a_request_loses_what_is_of_its_connection_alone() -> None:
    headers = [("Host", "f"), ("Connection", "close"), ("Expect", "100-continue"), ("A", "é")]
    assert proxy.message("POST", "/p?q", headers, b"{}") == (
        b"POST /p?q HTTP/1.1\r\nHost: f\r\nA: \xe9\r\ncontent-length: 2\r\n\r\n{}"
    )
    assert b"content-length: 0" in proxy.message("POST", "/", [], b"")
    assert proxy.handed_on([("Keep-Alive", "5"), ("Server", "x")]) == [("Server", "x")]


def test_it_listens_once_its_port_takes_connections() -> None:
    async def run() -> None:
        server = await asyncio.start_server(always, "127.0.0.1", 0)
        place = server.sockets[0].getsockname()[1]
        server.close()
        await server.wait_closed()
        way = InstanceWay("127.0.0.1", place)
        waiting = asyncio.create_task(way.until_listening())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        connections: list[asyncio.Task[None] | None] = []

        async def later(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connections.append(asyncio.current_task())
            await read(reader)
            await closed(writer)

        async with await asyncio.start_server(later, "127.0.0.1", place):
            await waiting
            way.close()
            while not connections:
                await asyncio.sleep(0.01)
            await asyncio.gather(*filter(None, connections))

    asyncio.run(run())


def test_a_published_port_that_closes_at_once_does_not_listen() -> None:
    is_up = False

    async def engine_s(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if is_up:
            await always(reader, writer)

    async def use(way: InstanceWay, connections: list[int]) -> None:
        nonlocal is_up
        published = InstanceWay(way._host, way._port, published=True)
        waiting = asyncio.create_task(published.until_listening())
        while len(connections) < 3:
            await asyncio.sleep(0.01)
        assert not waiting.done()
        is_up = True
        await waiting
        assert (await published.ask(GET)).body == b"ok"
        published.close()

    with_server(engine_s, use)
