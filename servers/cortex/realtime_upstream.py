"""Requests to the app on the other side of a unix socket, over connections that are kept."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from httptools import HttpResponseParser


@dataclass
class Reply:
    """The app's answer."""

    status: int = 0
    headers: list[tuple[bytes, bytes]] = field(default_factory=list)
    body: bytearray = field(default_factory=bytearray)


class Gone(Exception):
    """The app ended, or is not there, before it had answered."""


class Connection(asyncio.Protocol):
    """Asks one thing at a time."""

    def __init__(self) -> None:
        self.closed = False
        self._transport: Any = None
        self._parser = HttpResponseParser(self)
        self._reply = Reply()
        self._whole: asyncio.Future[Reply] | None = None

    async def ask(self, message: bytes) -> Reply:
        """Raises Gone."""
        self._parser, self._reply = HttpResponseParser(self), Reply()
        self._whole = asyncio.get_running_loop().create_future()
        if self.closed:
            raise Gone
        self._transport.write(message)
        try:
            return await self._whole
        except asyncio.CancelledError:
            self._transport.close()  # what it still answers belongs to nobody
            self.closed = True
            raise

    def close(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: Any) -> None:  # of uvloop: none of asyncio's classes
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._parser.feed_data(data)

    def connection_lost(self, _: Exception | None) -> None:
        self.closed = True
        if self._whole is not None and not self._whole.done():
            self._whole.set_exception(Gone())

    def on_header(self, name: bytes, value: bytes) -> None:
        self._reply.headers.append((name.lower(), value))

    def on_body(self, body: bytes) -> None:
        self._reply.body += body

    def on_message_complete(self) -> None:
        self._reply.status = self._parser.get_status_code()
        if not self._parser.should_keep_alive():
            self.closed = True
        if self._whole is not None and not self._whole.done():
            self._whole.set_result(self._reply)


class Upstream:
    """The app."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._idle: list[Connection] = []

    async def ask(self, message: bytes) -> Reply:
        """Raises Gone; a connection that was closed while nothing was asked costs no request."""
        while self._idle:
            connection = self._idle.pop()
            if not connection.closed:
                return await self._ask(connection, message)
        loop = asyncio.get_running_loop()
        try:
            _, connection = await loop.create_unix_connection(Connection, self._path)
        except OSError as error:
            raise Gone from error
        return await self._ask(connection, message)

    async def _ask(self, connection: Connection, message: bytes) -> Reply:
        reply = await connection.ask(message)
        if connection.closed:
            connection.close()
        else:
            self._idle.append(connection)
        return reply
