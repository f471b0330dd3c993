"""One HTTP/1.1 connection of the generator: at most one request at a time, no pipelining."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from harness.measure.load.generator.answer import Answer, Unfit
from harness.windows.samples import ERRORS

if TYPE_CHECKING:
    from harness.measure.load.generator.loop import HttpLoop

IDLE = -1
DISCONNECTED = ERRORS.index("disconnected")
GARBAGE = ERRORS.index("garbage")
STATUS = ERRORS.index("status")

clock = time.monotonic_ns


class Connection(asyncio.Protocol):
    """Sends a prepared message and stamps the answer's first and last byte."""

    __slots__ = ("answer", "fresh", "gone", "index", "loop", "served", "transport")

    def __init__(self, loop: HttpLoop) -> None:
        self.loop = loop
        self.index = IDLE
        self.fresh = IDLE  # the request that it was opened for, where there is one
        self.answer: Answer | None = None  # of which the first byte has come
        self.served = False  # an answer has come on it; of open loops alone
        self.gone = False  # nothing can be sent on it any more
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
        answer = self.answer
        if answer is None:
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
            answer = self.answer = loop.awaited(index)
        elif not answer.begun:  # but interim ones
            loop.first_byte_ns[index] = max(now, loop.sent_ns[index])
        self._feed(answer, data, now)

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

    def _feed(self, answer: Answer, data: bytes, now: int) -> None:
        # All bytes at once: the next request goes out on this connection as soon as the answer is
        # whole, and what follows it must not be taken for the answer to that.
        try:
            whole = answer.feed(data)
        except Unfit as error:
            self.loop.refuse(error)
            self._fail(GARBAGE)
            self._abort()
            return
        if whole:
            self._finish(answer, now)

    def _finish(self, answer: Answer, now: int) -> None:
        loop, index = self.loop, self.index
        loop.take(index, answer)
        reusable = answer.alone and answer.keep_alive
        if loop.large and reusable:  # it may have answered before it had all
            reusable = self.transport.get_write_buffer_size() == 0
        elif reusable and answer.length is not None:
            loop.remember(answer)
        self.index, self.answer = IDLE, None
        if reusable:
            loop.answered(self, index, now, answer.status)
        else:
            self._abort()
            loop.answered(None, index, now, answer.status)

    def connection_lost(self, error: Exception | None) -> None:
        self.gone = True
        if self.index != IDLE:
            answer = self.answer
            if error is None and answer is not None and answer.end():
                self._finish(answer, clock())
            elif answer is None and self.fresh != self.index:
                # It had been closed before the request came: no server has begun with that.
                index, self.index = self.index, IDLE
                self.loop.lost_unheard(index)
            else:
                self.loop.say_why_ended(self, error)
                self._fail(DISCONNECTED)
        self.loop.lost(self)

    def give_up(self, error: int) -> None:
        """End the request under way with an error, and the connection with it."""
        self._fail(error)
        self._abort()

    def _fail(self, error: int) -> None:
        index, self.index, self.answer = self.index, IDLE, None
        self.loop.failed(index, error)
