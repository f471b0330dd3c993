"""One HTTP/1.1 connection of the generator: at most one request at a time, no pipelining."""

from __future__ import annotations

import asyncio
from array import array
from typing import Protocol as Interface

from harness.measure.load.generator.answer import Answer, Unfit
from harness.measure.load.generator.stamped import Receiver, received_bytes
from harness.measure.load.generator.timer import clock
from harness.windows.samples import ERRORS

IDLE = -1
DISCONNECTED = ERRORS.index("disconnected")
GARBAGE = ERRORS.index("garbage")
STATUS = ERRORS.index("status")


class Owner(Interface):
    """The methods of a loop that its connections call."""

    sent_ns: array[int]
    first_byte_ns: array[int]
    keep_every: int
    bodies: dict[int, bytes]
    heads: dict[bytes, tuple[int, int]]  # status and length of answers, by known header blocks
    last_head: bytes
    last_size: int
    last_status: int
    received_bytes: int  # on connections that have been counted
    large: bool  # whether a message may be more than the kernel takes at once

    def awaited(self, index: int) -> Answer: ...
    def take(self, index: int, answer: Answer) -> None: ...
    def remember(self, answer: Answer) -> None: ...
    def refuse(self, error: Unfit) -> None: ...
    def answered(
        self, connection: Connection | None, index: int, now: int, status: int
    ) -> None: ...
    def failed(self, index: int, error: int) -> None: ...
    def lost_unheard(self, index: int) -> None: ...
    def say_why_ended(self, connection: Connection, error: Exception | None) -> None: ...
    def lost(self, connection: Connection) -> None: ...


class Connection(Receiver):
    """Sends a prepared message and stamps the answer's first and last byte."""

    __slots__ = (
        *("answer", "counted", "fresh", "gone", "index", "loop"),
        *("made_ns", "served", "transport"),
    )

    def __init__(self, loop: Owner) -> None:
        self.loop = loop
        self.index = IDLE
        self.fresh = IDLE  # the request that it was opened for, where there is one
        self.answer: Answer | None = None  # of which the first byte has come
        self.served = False  # an answer has come on it; of open loops and exchanges alone
        self.gone = False  # nothing can be sent on it any more
        self.counted = False
        self.made_ns = 0  # when it stood
        self.transport: asyncio.WriteTransport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.made_ns = clock()
        assert isinstance(transport, asyncio.WriteTransport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]

    def received(self, data: bytes, now: int) -> None:
        loop = self.loop
        index = self.index
        answer = self.answer
        if answer is None:
            if index == IDLE:
                self.abort()
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
        else:  # the kernel's stamps may go back by microseconds
            now = max(now, loop.first_byte_ns[index])
        self._feed(answer, data, now)

    def _whole(self, data: bytes, index: int, now: int) -> None:
        loop = self.loop
        if loop.keep_every and index % loop.keep_every == 0:
            loop.bodies[index] = data[len(loop.last_head) :]
        self.index = IDLE
        loop.answered(self, index, now, loop.last_status)

    def count(self) -> None:
        """Count the bytes that came, by TCP: none are added up while requests are timed."""
        if not self.counted:
            self.counted = True
            self.loop.received_bytes += received_bytes(self.transport)

    def eof_received(self) -> None:
        self.count()
        self.gone = True

    def abort(self) -> None:
        """End it at once."""
        self.count()
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
            self.abort()
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
            self.abort()
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
        self.abort()

    def _fail(self, error: int) -> None:
        index, self.index, self.answer = self.index, IDLE, None
        self.loop.failed(index, error)
