"""The common part of a generator process's open and closed loops.

Columns are preallocated, bodies built beforehand, and the garbage collector is off while a loop
runs: what is left in the way of a request is one dictionary look-up and a few stores.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from array import array
from collections import Counter
from collections.abc import Coroutine
from typing import ClassVar

from harness.measure.load.generator import coding, why
from harness.measure.load.generator.answer import Answer, Unfit
from harness.measure.load.generator.chunks import ChunkColumns, MarkColumns
from harness.measure.load.generator.connection import DISCONNECTED, IDLE, Connection
from harness.measure.load.generator.job import Job
from harness.measure.load.generator.reaching import Known, Way
from harness.measure.load.generator.timer import clock
from harness.windows.samples import ERRORS, MISSING

_CONNECT = ERRORS.index("connect")
_TIMEOUT = ERRORS.index("timeout")
_SWEEP_S = 0.05
_HEADS_KEPT = 256
_LARGE = 1 << 16  # bytes of a message that the kernel may not take at once
CHUNK = 1 << 16  # by so many rows the columns of a closed loop grow


class Loop(ABC):
    """The job and the columns of every loop. Stamps are absolute until the end."""

    def __init__(self, job: Job, rows: int) -> None:
        self.job = job
        self.start_ns = 0
        self.messages = job.target.messages
        self.keep_every = job.keep_every
        self.bodies: dict[int, bytes] = {}
        self.encodings: dict[int, bytes] = {}  # of those bodies, and of answers that are unread
        self.sent_ns = array("q", [MISSING]) * rows
        self.first_byte_ns = array("q", [MISSING]) * rows
        self.done_ns = array("q", [MISSING]) * rows
        self.status = array("h", [0]) * rows
        self.error = array("b", [0]) * rows
        self.queued = array("b", [0]) * rows
        self.resent = array("b", [0]) * rows
        self.why = why.NOBODY_KNOWS  # of the next failure
        self.causes: Counter[tuple[int, why.Why]] = Counter()
        self.chunks = ChunkColumns()  # of an exchange that looks at them
        self.marks = MarkColumns()  # of an exchange that tells them
        self.received_bytes = 0
        self.asked_bytes = 0  # sent by exchanges, beyond the first message of each request
        self.first_said: dict[int, why.Said] = {}  # by status
        self.next = 0
        self.open_requests = 0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def prepare(self) -> None:
        """Open what must stand before the window begins; a failure to open is not an error yet."""

    def begin(self, start_ns: int) -> None:
        """The window starts then, by CLOCK_MONOTONIC."""
        self.start_ns = start_ns

    @property
    def address(self) -> str:
        """The address of the name to which requests went; empty if unknown."""
        return ""

    async def run(self) -> None:
        """Fire the whole schedule; returns when the last request has ended one way or another."""
        await self.fire()
        await self.finished

    @abstractmethod
    async def fire(self) -> None:
        """Begin to send."""

    @abstractmethod
    def cut(self) -> None:
        """Send nothing more; the loop is over when what is under way has ended."""

    def spawn(self, what: Coroutine[object, object, None]) -> None:
        """Do something beside the loop."""
        task = asyncio.ensure_future(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def grow(self) -> None:
        """Room for more rows."""
        for column in (self.sent_ns, self.first_byte_ns, self.done_ns):
            column.extend(array("q", [MISSING]) * CHUNK)
        for flags in (self.status, self.error, self.queued, self.resent):
            flags.extend(array(flags.typecode, [0]) * CHUNK)

    def record(self, index: int, now: int, error: int) -> None:
        """The request ended without an answer."""
        self.done_ns[index] = now
        self.error[index] = error
        self.causes[error, self.why] += 1
        self.why = why.NOBODY_KNOWS


class HttpLoop(Loop):
    """The common part of both loops over HTTP: connections, known header blocks, time-outs."""

    by_kernel: ClassVar[bool]  # whether the kernel says when an answer came
    connection: ClassVar[type[Connection]] = Connection

    def __init__(self, job: Job, rows: int, known: Known) -> None:
        super().__init__(job, rows)
        self.heads: dict[bytes, tuple[int, int]] = {}
        self._unread: dict[bytes, bool] = {}  # by coding
        self.last_head, self.last_size, self.last_status = b"", -1, 0
        self.large = max(map(len, self.messages), default=0) > _LARGE
        self.connections: set[Connection] = set()
        self.hopeless: why.Why | None = None  # why no answer will ever come from there
        self.known = known
        self.way = Way(job.target, job.source, known, by_kernel=self.by_kernel)

    @property
    def address(self) -> str:
        return self.way.address

    async def connect(self, until_ns: int | None = None) -> Connection | None:
        """A new connection, or None where there is none in a request's time, or by then."""
        connection = self.connection(self)
        left_ns = self.job.timeout_ns if until_ns is None else until_ns - clock()
        try:
            async with asyncio.timeout(left_ns / 1e9):
                await self.way.open(connection)
        except (OSError, UnicodeError) as error:  # time-outs and invalid host names included
            self.why = why.of_connecting(error)
            if self.why[0] == why.HTTP2_ALONE:
                self.hopeless = self.why
            return None
        if not connection.gone:
            self.connections.add(connection)
        return connection

    def say_why_ended(self, connection: Connection, error: Exception | None) -> None:
        """Record why the request on that connection failed."""
        silent = connection.answer is None and not self.last_head and not self.heads
        self.why = why.of_ending(error, tls=self.job.target.tls, silent=silent)

    async def run(self) -> None:
        """Run as every loop does; give up requests without an answer meanwhile when it is time."""
        sweep = asyncio.ensure_future(self._sweep())
        try:
            await super().run()
        finally:
            sweep.cancel()
            await self._give_up_opening()
            self._learn()
            for connection in self.connections:
                connection.count()
                connection.transport.abort()
            await asyncio.sleep(0)

    async def _give_up_opening(self) -> None:
        """Cancel the opening of connections that no request needs; closes their sockets."""
        tasks, winner = tuple(self._tasks), self.known.winner
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.known.winner = winner  # which the address of what was given up does not disprove

    @abstractmethod
    def answered(self, connection: Connection | None, index: int, now: int, status: int) -> None:
        """An answer has come; the connection may be used again unless it is None."""

    @abstractmethod
    def failed(self, index: int, error: int) -> None:
        """No answer will come."""

    @abstractmethod
    def answered_on(self) -> int:
        """On how many connections at a time the server has answered, at least."""

    def _learn(self) -> None:
        on = self.answered_on()
        self.known.answered_on = on if any(self.error) else max(on, self.known.answered_on)

    def lost(self, connection: Connection) -> None:
        self.connections.discard(connection)

    def awaited(self, index: int) -> Answer:
        """The answer to a request, none of which has come."""
        keep = self.keep_every > 0 and index % self.keep_every == 0
        job = self.job
        return Answer(keep=keep, most=job.max_answer_bytes, bodiless=job.target.bodiless)

    def take(self, index: int, answer: Answer) -> None:
        """An answer that was parsed is whole."""
        if not 200 <= answer.status < 300:
            # An answer with a header block that is known repeats one that came this way.
            body = b"".join(answer.body)
            said = (body, answer.location, answer.encoding)
            self.first_said.setdefault(answer.status, said)
        kept = self.keep_every > 0 and index % self.keep_every == 0
        if kept:
            self.bodies[index] = b"".join(answer.body)
        if answer.encoding and (kept or self._is_unread(answer)):
            self.encodings[index] = answer.encoding

    def remember(self, answer: Answer) -> None:
        """The framing of its header block, for answers that begin with the same."""
        if answer.length is None:
            return
        if answer.encoding and (self.keep_every or self._is_unread(answer)):
            return
        if len(self.heads) >= _HEADS_KEPT:
            self.heads.clear()
        self.heads[answer.head] = (answer.status, answer.length)

    def _is_unread(self, answer: Answer) -> bool:
        """Whether it would be right, but by a coding that is not decoded here, and that the
        requests do not ask for either."""
        if not 200 <= answer.status < 300 or self.job.target.bodiless:
            return False
        encoding = answer.encoding
        if encoding not in self._unread:
            asked = coding.asked_for(self.messages[0], encoding)
            self._unread[encoding] = not (asked or coding.is_known(encoding))
        return self._unread[encoding]

    def refuse(self, error: Unfit) -> None:
        """Record that something other than an answer came."""
        self.why = "malformed", str(error)
        if error.hopeless:
            self.hopeless = self.why

    def lost_unheard(self, index: int) -> None:
        """A connection that had been used before was closed, and no byte of an answer came: the
        request is sent once more, on a new one, as HTTP clients do."""
        if not self.job.resends:
            self.failed(index, DISCONNECTED)
            return
        self.resent[index] = 1
        self.spawn(self.send_on_a_new_one(index))

    async def send_on_a_new_one(self, index: int) -> None:
        """Open a connection for a request, in what is left of its time, and send it."""
        until_ns = self.asked_ns(index) + self.job.timeout_ns
        connection = await self.connect(until_ns)
        if connection is None:
            late = clock() >= until_ns
            self.failed(index, _TIMEOUT if late else _CONNECT)
            return
        connection.index = connection.fresh = index
        if connection.gone:
            connection.connection_lost(None)
        else:
            connection.transport.write(self.message_of(index))

    def message_of(self, index: int) -> bytes:
        """The message that the request sends now."""
        return self.messages[self.payload_of(index)]

    def asked_ns(self, index: int) -> int:
        """When that was due to be on its way: its answer has the time-out from then on."""
        return self.sent_ns[index]

    def payload_of(self, index: int) -> int:
        order = self.job.payload
        return int(order[index % len(order)])

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self.give_up_overdue(clock() - self.job.timeout_ns)

    def give_up_overdue(self, before: int) -> None:
        """Give up requests that were sent before then and have no answer yet."""
        for connection in list(self.connections):
            index = connection.index
            if index != IDLE and self.asked_ns(index) < before:
                connection.give_up(_TIMEOUT)
