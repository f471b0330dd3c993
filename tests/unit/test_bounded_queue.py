"""The proxy of `cortex-realtime`: so many with the app, so many wait, more are refused at once."""

from __future__ import annotations

import asyncio
import importlib
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from harness.base import paths, toml
from harness.setup.tables import ServerTable

FOLDER = paths.PROJECT / "servers" / "cortex"
MODULES = ("realtime_proxy", "realtime_breaker", "realtime_upstream")
CONCURRENCY, QUEUE = 2, 3


@pytest.fixture
def proxy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """The proxy's module, as its process has it."""
    monkeypatch.syspath_prepend(str(FOLDER))
    monkeypatch.setenv("CORTEX_MAX_CONCURRENCY", str(CONCURRENCY))
    monkeypatch.setenv("CORTEX_MAX_QUEUE_LENGTH", str(QUEUE))
    monkeypatch.setenv("CORTEX_APP", str(tmp_path / "app.sock"))
    yield importlib.import_module("realtime_proxy")
    for name in MODULES:
        sys.modules.pop(name, None)


class App:
    """What is behind the proxy: it answers when it is told to."""

    def __init__(self) -> None:
        self.seen: list[bytes] = []
        self.now = self.most = 0
        self.go = asyncio.Event()
        self.breaks = False
        self.open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.open += 1
        with suppress(asyncio.IncompleteReadError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.partition(b"content-length: ")[2].split(b"\r\n")[0])
                self.seen.append(head.split()[1] + b" " + await reader.readexactly(length))
                self.now += 1
                self.most = max(self.most, self.now)
                if b"/health" not in head:
                    await self.go.wait()
                self.now -= 1
                if self.breaks:
                    break
                writer.write(b"HTTP/1.1 200 OK\r\nx-app: y\r\ncontent-length: 2\r\n\r\n[]")
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()
        self.open -= 1


class Client:
    """One request to the proxy; `status` is 0 until it is answered."""

    def __init__(self, proxy: ModuleType, body: bytes, path: str = "/predict") -> None:
        self.status, self.text = 0, b""
        self.headers: list[tuple[bytes, bytes]] = []
        self._body: list[dict[str, Any]] = [{"type": "http.request", "body": body}]
        self.gone = asyncio.Event()
        scope = {"method": "POST", "path": path, "raw_path": path.encode(), "query_string": b""}
        scope["headers"] = [(b"host", b"h"), (b"connection", b"close")]
        self.task = asyncio.ensure_future(proxy.app(scope, self._receive, self._send))

    async def _receive(self) -> dict[str, Any]:
        if self._body:
            return self._body.pop()
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: dict[str, Any]) -> None:
        self.status = message.get("status", self.status)
        self.headers = message.get("headers", self.headers)
        self.text += message.get("body", b"")


def run(proxy: ModuleType, told: Callable[[App], Awaitable[None]]) -> None:
    async def all_of_it() -> None:
        app = App()
        path = proxy.os.environ["CORTEX_APP"]
        async with await asyncio.start_unix_server(app.serve, path):
            await asyncio.wait_for(told(app), 60)
            for connection in proxy.upstream._idle:
                connection.close()
            await until(lambda: not app.open)

    asyncio.run(all_of_it())


async def until(found: Callable[[], object]) -> None:
    while not found():
        await asyncio.sleep(0.001)


def test_more_than_it_may_hold_are_refused_at_once_and_the_others_go_in_turn(
    proxy: ModuleType,
) -> None:
    async def told(app: App) -> None:
        clients = [Client(proxy, b"%d" % number) for number in range(8)]
        await until(lambda: len(app.seen) == CONCURRENCY)
        await until(lambda: sum(client.status for client in clients) == 3 * 503)
        assert [client.status for client in clients] == [0] * 5 + [503] * 3
        assert clients[-1].text == b"pending request queue full"
        probe = Client(proxy, b"", "/health")  # passes by
        await probe.task
        assert probe.status == 200
        app.most = 0
        app.go.set()
        await asyncio.gather(*(client.task for client in clients))
        assert [client.status for client in clients[:5]] == [200] * 5
        assert (b"x-app", b"y") in clients[0].headers
        assert clients[0].headers.count((b"content-length", b"2")) == 1
        assert app.most <= CONCURRENCY
        asked = [line for line in app.seen if not line.startswith(b"/health")]
        assert sorted(asked[:2]) == [b"/predict 0", b"/predict 1"]
        assert sorted(asked) == [b"/predict %d" % number for number in range(5)]
        later = Client(proxy, b"x")
        await later.task
        assert later.status == 200

    run(proxy, told)


def test_one_whose_client_has_gone_while_it_waited_is_not_asked(proxy: ModuleType) -> None:
    async def told(app: App) -> None:
        clients = [Client(proxy, b"%d" % number) for number in range(4)]
        await until(lambda: len(app.seen) == CONCURRENCY)
        clients[2].gone.set()
        clients[3].task.cancel()
        await asyncio.sleep(0)
        app.go.set()
        await asyncio.gather(*(client.task for client in clients), return_exceptions=True)
        assert sorted(app.seen) == [b"/predict 0", b"/predict 1"]
        again = [Client(proxy, b"again") for _ in range(5)]
        await asyncio.gather(*(client.task for client in again))
        assert {client.status for client in again} == {200}, "no place is lost"

    run(proxy, told)


def test_an_app_that_ends_is_said_and_comes_back(proxy: ModuleType) -> None:
    async def told(app: App) -> None:
        app.go.set()
        app.breaks = True
        broken = Client(proxy, b"a")
        await broken.task
        assert (broken.status, broken.text[:7]) == (502, b"the app")
        app.breaks = False
        well = Client(proxy, b"b")
        await well.task
        assert well.status == 200

    run(proxy, told)


def test_it_declares_what_it_is_told() -> None:
    table = toml.load(FOLDER / "server.toml", ServerTable)
    (found,) = [each for each in table.variant if each.name == "cortex-realtime"]
    told = ("CORTEX_MAX_CONCURRENCY", "CORTEX_MAX_QUEUE_LENGTH")
    assert found.refuses_beyond == sum(int(found.environment[name]) for name in told) == 51
