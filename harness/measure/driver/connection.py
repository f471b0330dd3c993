"""One HTTP/1.1 connection of the generator: at most one request at a time, no pipelining."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import httptools

from harness.records import ERRORS

if TYPE_CHECKING:
    from harness.measure.driver.loops import Loop

IDLE = -1
DISCONNECTED = ERRORS.index("disconnected")
GARBAGE = ERRORS.index("garbage")
STATUS = ERRORS.index("status")
_HEADS_KEPT = 256

clock = time.monotonic_ns


class Connection(asyncio.Protocol):
    """Sends a prepared message and stamps the answer's first and last byte."""

    __slots__ = ("body", "head", "index", "length", "loop", "parser", "started", "transport")

    def __init__(self, loop: Loop) -> None:
        self.loop = loop
        self.index = IDLE
        self.started = False  # the answer's first byte has come
        self.parser: httptools.HttpResponseParser | None = None
        self.transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        now = clock()
        loop = self.loop
        index = self.index
        if not self.started:
            if index == IDLE:
                self.transport.abort()
                return
            loop.first_byte_ns[index] = now
            end = data.find(b"\r\n\r\n") + 4
            # A server repeats its header block: the same bytes mean the same framing, so that an
            # answer that arrives whole need not be parsed again.
            frame = loop.heads.get(data[:end])
            if frame is not None and len(data) == end + frame[1]:
                if loop.keep_every and index % loop.keep_every == 0:
                    loop.bodies[index] = data[end:]
                self.index = IDLE
                loop.answered(self, index, now, frame[0])
                return
            self._begin(data, end)
        self._parse(data)

    def _begin(self, data: bytes, end: int) -> None:
        self.started = True
        self.head = data[:end] if end > 3 else b""
        self.length: int | None = None
        self.body: list[bytes] = []
        self.parser = httptools.HttpResponseParser(self)

    def _parse(self, data: bytes) -> None:
        assert self.parser is not None
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            if self.index != IDLE:
                self._fail(GARBAGE)
            self.transport.abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        if name.lower() == b"content-length":
            self.length = int(value)

    def on_body(self, body: bytes) -> None:
        self.body.append(body)

    def on_message_complete(self) -> None:
        parser, loop, index = self.parser, self.loop, self.index
        assert parser is not None
        if index == IDLE:  # a second answer to one request
            self.transport.abort()
            return
        status = parser.get_status_code()
        if loop.keep_every and index % loop.keep_every == 0:
            loop.bodies[index] = b"".join(self.body)
        keep_alive = parser.should_keep_alive()
        if keep_alive and self.length is not None and self.head:
            if len(loop.heads) >= _HEADS_KEPT:
                loop.heads.clear()
            loop.heads[self.head] = (status, self.length)
        self.index, self.started = IDLE, False
        now = clock()
        if keep_alive:
            loop.answered(self, index, now, status)
        else:
            self.transport.abort()
            loop.answered(None, index, now, status)

    def connection_lost(self, _: Exception | None) -> None:
        if self.index != IDLE:
            self._fail(DISCONNECTED)
        self.loop.lost(self)

    def give_up(self, error: int) -> None:
        """End the request under way with an error, and the connection with it."""
        self._fail(error)
        self.transport.abort()

    def _fail(self, error: int) -> None:
        index, self.index, self.started = self.index, IDLE, False
        self.loop.failed(index, error)
