"""One HTTP/1.1 connection of the generator: at most one request at a time, no pipelining."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import httptools

from harness.samples import ERRORS

if TYPE_CHECKING:
    from harness.measure.driver.loop import HttpLoop

IDLE = -1
DISCONNECTED = ERRORS.index("disconnected")
GARBAGE = ERRORS.index("garbage")
STATUS = ERRORS.index("status")
_HEADS_KEPT = 256

clock = time.monotonic_ns


class Connection(asyncio.Protocol):
    """Sends a prepared message and stamps the answer's first and last byte."""

    __slots__ = (
        "answers",
        "body",
        "gone",
        "head",
        "index",
        "keep_alive",
        "length",
        "loop",
        "parser",
        "started",
        "status",
        "transport",
        "until_close",
    )

    def __init__(self, loop: HttpLoop) -> None:
        self.loop = loop
        self.index = IDLE
        self.started = False  # the answer's first byte has come
        self.until_close = False  # the answer has no length: it ends where the connection does
        self.gone = False  # nothing can be sent on it any more
        self.parser: httptools.HttpResponseParser | None = None
        self.transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.WriteTransport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]

    def data_received(self, data: bytes) -> None:
        self.received(data, clock())

    def received(self, data: bytes, now: int) -> None:
        """Take in what came at that time."""
        loop = self.loop
        index = self.index
        if not self.started:
            if index == IDLE:
                self._abort()
                return
            loop.first_byte_ns[index] = now = max(now, loop.sent_ns[index])
            # A server repeats its header block: the same bytes mean the same framing, so that an
            # answer that arrives whole need not be parsed again. Most often it is the last one's.
            if len(data) == loop.last_size and data.startswith(loop.last_head):
                self._whole(data, index, now)
                return
            end = data.find(b"\r\n\r\n") + 4
            head = data[:end]
            frame = loop.heads.get(head)
            if frame is not None and len(data) == end + frame[1]:
                loop.last_head, loop.last_size, loop.last_status = head, len(data), frame[0]
                self._whole(data, index, now)
                return
            self._begin(data, end)
        self._parse(data, now)

    def _whole(self, data: bytes, index: int, now: int) -> None:
        loop = self.loop
        if loop.keep_every and index % loop.keep_every == 0:
            loop.bodies[index] = data[len(loop.last_head) :]
        self.index = IDLE
        loop.answered(self, index, now, loop.last_status)

    def eof_received(self) -> None:
        self.gone = True

    def _abort(self) -> None:
        self.gone = True
        self.transport.abort()

    def _begin(self, data: bytes, end: int) -> None:
        self.started = self.until_close = True
        self.status = 0  # until the header block is whole
        self.head = data[:end] if end > 3 else b""
        self.length: int | None = None
        self.body: list[bytes] = []
        self.answers = 0
        self.parser = httptools.HttpResponseParser(self)

    def _parse(self, data: bytes, now: int) -> None:
        assert self.parser is not None
        sound = True
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserError:
            sound = False
        # Only now, when all bytes are taken in: the next request goes out on this connection at
        # once, and what follows the answer to the last one must not be taken for its answer.
        if self.answers:
            self._finish(now, alone=sound and self.answers == 1)
        elif not sound:
            self._fail(GARBAGE)
            self._abort()

    def on_header(self, name: bytes, value: bytes) -> None:
        name = name.lower()
        if name == b"content-length":
            self.length = int(value)
        if name in (b"content-length", b"transfer-encoding"):
            self.until_close = False

    def on_headers_complete(self) -> None:
        assert self.parser is not None
        if not self.answers:
            self.status = self.parser.get_status_code()
            self.keep_alive = self.parser.should_keep_alive()

    def on_body(self, body: bytes) -> None:
        if not self.answers:
            self.body.append(body)

    def on_message_complete(self) -> None:
        self.answers += 1

    def _finish(self, now: int, *, alone: bool) -> None:
        loop, index = self.loop, self.index
        if loop.keep_every and index % loop.keep_every == 0:
            loop.bodies[index] = b"".join(self.body)
        reusable = alone and self.keep_alive
        if reusable and self.length is not None and self.head:
            if len(loop.heads) >= _HEADS_KEPT:
                loop.heads.clear()
            loop.heads[self.head] = (self.status, self.length)
        self.index, self.started = IDLE, False
        if reusable:
            loop.answered(self, index, now, self.status)
        else:
            self._abort()
            loop.answered(None, index, now, self.status)

    def connection_lost(self, error: Exception | None) -> None:
        self.gone = True
        if self.index != IDLE:
            if error is None and self.started and self.until_close and self.status:
                self._finish(clock(), alone=False)
            else:
                self._fail(DISCONNECTED)
        self.loop.lost(self)

    def give_up(self, error: int) -> None:
        """End the request under way with an error, and the connection with it."""
        self._fail(error)
        self._abort()

    def _fail(self, error: int) -> None:
        index, self.index, self.started = self.index, IDLE, False
        self.loop.failed(index, error)
