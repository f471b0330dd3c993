"""The HTTP/1.1 of a front: requests that are whole, one at a time on a connection."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import cast

import httptools

_PHRASES = {status.value: status.phrase for status in HTTPStatus}
Headers = Iterable[tuple[str, str]]


class Incoming:
    """A request, and the way for its answer."""

    __slots__ = (
        *("_connection", "body", "gone", "headers", "is_last", "method", "on_gone", "size"),
        "target",
    )

    def __init__(self, connection: ClientConnection) -> None:
        self._connection = connection
        self.method = ""
        self.target = b""  # path and query, as they came
        self.headers: list[tuple[str, str]] = []  # names in lower case
        self.body = b""  # empty where it is larger than the connection takes
        self.size = 0  # of the body
        self.is_last = False  # the client wants the connection closed after it
        self.gone = False  # the connection is closed
        self.on_gone: Callable[[], None] | None = None

    def send(self, status: int, headers: Headers, body: bytes) -> None:
        """Answer it; where the client is gone, nobody hears it."""
        if not self.gone:
            self._connection.answer(self, status, headers, body)


class ClientConnection(asyncio.Protocol):
    """One connection; its requests go to `handle` one after the other."""

    def __init__(
        self,
        handle: Callable[[Incoming], None],
        most_bytes: int,
        open_connections: set[ClientConnection],
    ) -> None:
        self._handle = handle
        self._most_bytes = most_bytes
        self._all = open_connections
        self._waiting: deque[Incoming] = deque()  # read whole; the first one is being answered
        self._parser = httptools.HttpRequestParser(self)
        self._closes = False
        self._body: list[bytes] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._all.add(self)

    def connection_lost(self, _: Exception | None) -> None:
        self._all.discard(self)
        for exchange in self._waiting:
            exchange.gone = True
            if exchange.on_gone is not None:
                exchange.on_gone()
        self._waiting.clear()

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(b"No other protocol is spoken here.")
        except httptools.HttpParserError as error:
            self._refuse(str(error).encode())

    def close(self) -> None:
        """Close it when what it has asked is answered."""
        self._closes = True
        if not self._waiting:
            self._transport.close()

    def answer(self, exchange: Incoming, status: int, headers: Headers, body: bytes) -> None:
        """Write an answer to the request that waits first."""
        closes = exchange.is_last or self._closes
        self._transport.write(_head(status, headers, len(body), closes=closes) + body)
        self._waiting.popleft()
        if closes:
            self._transport.close()
        elif self._waiting:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        if self._waiting:  # the client is still there
            self._handle(self._waiting[0])

    def on_message_begin(self) -> None:
        self._reading = Incoming(self)
        self._body = []

    def on_url(self, url: bytes) -> None:
        self._reading.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._reading.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if ("expect", "100-continue") in self._reading.headers:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        self._reading.size += len(body)
        if self._reading.size <= self._most_bytes:
            self._body.append(body)
        else:
            self._body.clear()

    def on_message_complete(self) -> None:
        exchange = self._reading
        exchange.method = self._parser.get_method().decode()
        exchange.is_last = not self._parser.should_keep_alive()
        exchange.body = b"".join(self._body)
        self._waiting.append(exchange)
        if len(self._waiting) == 1:
            self._handle(exchange)

    def _refuse(self, why: bytes) -> None:
        plain = [("content-type", "text/plain")]
        self._transport.write(_head(400, plain, len(why), closes=True) + why)
        self._transport.close()


def _head(status: int, headers: Headers, length: int, *, closes: bool) -> bytes:
    lines = [f"HTTP/1.1 {status} {_PHRASES.get(status, '')}"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines.append(f"content-length: {length}")
    if closes:
        lines.append("connection: close")
    lines.append("\r\n")
    return "\r\n".join(lines).encode("latin-1", "replace")
