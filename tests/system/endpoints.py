"""Small HTTP servers in a thread, whose answers are bytes that a test chooses."""

from __future__ import annotations

import asyncio
import http.server
import os
import queue
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

from harness.base import paths
from tests.system.sandbox import LONG_S, until

HOST = "127.0.0.1"
Writer = asyncio.StreamWriter
Behaviour = Callable[["Endpoint", bytes, Writer], Awaitable[bool]]


class Endpoint:
    """Reads one request after another on each connection; `behave` answers.

    It returns whether the connection stays open. None closes every connection at once.
    """

    def __init__(self, behave: Behaviour | None, tls: ssl.SSLContext | None = None) -> None:
        self._behave = behave
        self._tls = tls
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self.requests: list[bytes] = []  # heads, in the order of their coming
        self.bodies: list[bytes] = []
        self.connections = 0
        self.peers: list[str] = []  # addresses, of each request
        self.came_ns: list[int] = []  # when each was read, CLOCK_MONOTONIC
        self.busy = 0
        self.most_busy = 0
        self.let_go = asyncio.Event()  # for behaviours that wait until the test says so

    @property
    def url(self) -> str:
        assert self._server is not None
        scheme = "https" if self._tls else "http"
        return f"{scheme}://{HOST}:{self._server.sockets[0].getsockname()[1]}/predict"

    def __enter__(self) -> Endpoint:
        self._thread.start()
        self._server = self._run(self._open())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def release(self) -> None:
        """Let go of every request that is held."""
        self._loop.call_soon_threadsafe(self.let_go.set)

    def _run(self, what: Awaitable[asyncio.Server | None]) -> asyncio.Server | None:
        async def awaited() -> asyncio.Server | None:
            return await what

        return asyncio.run_coroutine_threadsafe(awaited(), self._loop).result(LONG_S)

    async def _open(self) -> asyncio.Server:
        return await asyncio.start_server(self._connected, HOST, 0, backlog=512, ssl=self._tls)

    async def _close(self) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0.01)  # for what was closed just now to be closed

    async def _connected(self, reader: asyncio.StreamReader, writer: Writer) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            while self._behave is not None and await self._exchange(reader, writer, self._behave):
                pass
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _exchange(
        self, reader: asyncio.StreamReader, writer: Writer, behave: Behaviour
    ) -> bool:
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(
            (int(line[15:]) for line in head.lower().split(b"\r\n") if line[:15] == _LENGTH), 0
        )
        body = await reader.readexactly(length)
        self.requests.append(head)
        self.bodies.append(body)
        self.came_ns.append(time.monotonic_ns())
        self.peers.append(writer.get_extra_info("peername")[0])
        self.busy += 1
        self.most_busy = max(self.most_busy, self.busy)
        try:
            return await behave(self, body, writer)
        finally:
            self.busy -= 1


_LENGTH = b"content-length:"


def message(body: bytes, status: int = 200, *headers: str) -> bytes:
    """A plain answer."""
    lines = [f"HTTP/1.1 {status} Said", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


async def echo(_: Endpoint, body: bytes, writer: Writer) -> bool:
    """Answer with what was sent."""
    writer.write(message(body))
    return True


async def hold(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
    """Answer when the test lets go."""
    await endpoint.let_go.wait()
    writer.write(message(body))
    return True


def says(*pieces: bytes, stays: bool = True) -> Behaviour:
    """Answer with these bytes, each piece in a write of its own."""

    async def behave(_: Endpoint, body: bytes, writer: Writer) -> bool:
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        return stays

    return behave


def each_byte(data: bytes) -> Sequence[bytes]:
    return [data[place : place + 1] for place in range(len(data))]


def refused() -> str:
    """A URL where nothing listens."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        return f"http://{HOST}:{sock.getsockname()[1]}/predict"


@contextmanager
def hasty(answer: bytes) -> Iterator[str]:
    """A URL where each connection is answered when its header block has come, and closed."""

    async def connected(reader: asyncio.StreamReader, writer: Writer) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)
        writer.close()
        writers.append(writer)

    async def serve() -> None:
        server = await asyncio.start_server(connected, HOST, 0)
        place.put(server.sockets[0].getsockname()[1])
        async with server:
            await stop.wait()
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0.01)  # for them to be told

    writers: list[Writer] = []
    place: queue.Queue[int] = queue.Queue()
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    try:
        yield f"http://{HOST}:{place.get(timeout=LONG_S)}/"
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()
        loop.close()


class _OneAtATime(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def one_at_a_time() -> Iterator[str]:
    """The standard library's server, which keeps one connection until that is closed."""
    with http.server.HTTPServer((HOST, 0), _OneAtATime) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield f"http://{HOST}:{server.server_port}/predict"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def null_server() -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The null server of the project, as a process: (URL, process)."""
    with socket.socket() as sock:
        sock.bind((HOST, 0))
        port = sock.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, paths.PROJECT / "servers" / "null" / "app.py"],
        env={"PATH": os.defpath, "HARNESS_HOST": HOST, "HARNESS_PORT": str(port)},
        cwd=Path(paths.PROJECT),
    )
    try:
        until(lambda: _listens(port))
        yield f"http://{HOST}:{port}/predict", process
    finally:
        process.kill()
        process.wait()


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex((HOST, port)) == 0
