"""The open and the closed loop of one generator process.

Columns are preallocated, bodies built beforehand, and the garbage collector is off while a loop
runs: what is left in the way of a request is one dictionary look-up and a few stores.
"""

from __future__ import annotations

import asyncio
import ssl
from array import array
from collections import deque
from collections.abc import Coroutine

from harness.measure.driver.connection import DISCONNECTED, IDLE, STATUS, Connection, clock
from harness.measure.driver.job import Job
from harness.measure.driver.timer import Timer
from harness.records import ERRORS, MISSING

_CONNECT = ERRORS.index("connect")
_TIMEOUT = ERRORS.index("timeout")
_UNSENT = ERRORS.index("unsent")
_SWEEP_S = 0.05
_RETRY_S = 0.02
_CHUNK = 1 << 16


class Loop:
    """What both loops share: columns, connections, time-outs. Stamps are absolute until the end."""

    def __init__(self, job: Job, rows: int) -> None:
        self.job = job
        self.messages = job.target.messages
        self.keep_every = job.keep_every
        self.heads: dict[bytes, tuple[int, int]] = {}
        self.bodies: dict[int, bytes] = {}
        self.sent_ns = array("q", [MISSING]) * rows
        self.first_byte_ns = array("q", [MISSING]) * rows
        self.done_ns = array("q", [MISSING]) * rows
        self.status = array("h", [0]) * rows
        self.error = array("b", [0]) * rows
        self.queued = array("b", [0]) * rows
        self.connections: set[Connection] = set()
        self.next = 0
        self.open_requests = 0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()
        self._tls = ssl.create_default_context() if job.target.tls else None

    async def connect(self) -> Connection | None:
        """A new connection, or None where the server refuses one."""
        target = self.job.target
        try:
            async with asyncio.timeout(self.job.timeout_ns / 1e9):
                _, connection = await asyncio.get_running_loop().create_connection(
                    lambda: Connection(self), target.host, target.port, ssl=self._tls
                )
        except (OSError, UnicodeError):  # a time-out is an OSError; a host may be no host name
            return None
        if not connection.gone:
            self.connections.add(connection)
        return connection

    async def run(self) -> None:
        """Fire the whole schedule; returns when the last request has ended one way or another."""
        sweep = asyncio.ensure_future(self._sweep())
        try:
            await self.fire()
            await self.finished
        finally:
            sweep.cancel()
            for connection in self.connections:
                connection.transport.abort()
            await asyncio.sleep(0)

    async def fire(self) -> None:
        raise NotImplementedError

    def answered(self, connection: Connection | None, index: int, now: int, status: int) -> None:
        raise NotImplementedError

    def failed(self, index: int, error: int) -> None:
        raise NotImplementedError

    def lost(self, connection: Connection) -> None:
        self.connections.discard(connection)

    def spawn(self, what: Coroutine[object, object, None]) -> None:
        """Do something beside the loop."""
        task = asyncio.ensure_future(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def record(self, index: int, now: int, error: int) -> None:
        """The request ended without an answer."""
        self.done_ns[index] = now
        self.error[index] = error

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            before = clock() - self.job.timeout_ns
            for connection in list(self.connections):
                index = connection.index
                if index != IDLE and self.sent_ns[index] < before:
                    connection.give_up(_TIMEOUT)
            self.sweep_waiting(before)

    def sweep_waiting(self, before: int) -> None:
        """Give up requests that waited for a connection since before then."""


class OpenLoop(Loop):
    """Sends each request when it is due, whatever came of the ones before."""

    def __init__(self, job: Job) -> None:
        assert job.due_ns is not None
        super().__init__(job, len(job.due_ns))
        self.due = [job.start_ns + int(due) for due in job.due_ns]
        self.order: list[int] = job.payload.tolist()
        self.free: list[Connection] = []
        self.waiting: deque[int] = deque()
        self.opening = 0
        self.timer = Timer()

    async def fire(self) -> None:
        opened = await asyncio.gather(*(self.connect() for _ in range(self.job.concurrency)))
        self.free.extend(found for found in opened if found is not None and not found.gone)
        asyncio.get_running_loop().add_reader(self.timer.fd, self.tick)
        self.timer.arm(self.due[0] if self.due else self.job.start_ns)

    def tick(self) -> None:
        due, free, index, count = self.due, self.free, self.next, len(self.due)
        while index < count and due[index] <= clock():
            self.open_requests += 1
            while free and free[-1].gone:
                free.pop()
            if free:
                self.send(free.pop(), index)
            else:
                self.waiting.append(index)
                self.queued[index] = 1
                self.open_more()
            index += 1
        self.next = index
        if index < count:
            self.timer.arm(due[index])
        else:
            asyncio.get_running_loop().remove_reader(self.timer.fd)
            self.timer.close()
            self._end_if_idle()

    def send(self, connection: Connection, index: int) -> None:
        self.sent_ns[index] = clock()
        if connection.gone:  # a server may hang up on a connection that it has just taken
            self.failed(index, DISCONNECTED)
            return
        connection.index = index
        connection.transport.write(self.messages[self.order[index]])

    def open_more(self) -> None:
        if len(self.connections) + self.opening < self.job.max_connections:
            self.opening += 1  # here, not in the task: many may be due before it begins
            self.spawn(self._open_one())

    async def _open_one(self) -> None:
        began = clock()
        connection = await self.connect()
        self.opening -= 1
        if connection is not None:
            self._use(connection)
        elif self.waiting:
            index = self.waiting.popleft()
            self.sent_ns[index] = began
            self.failed(index, _CONNECT)

    def answered(self, connection: Connection | None, index: int, now: int, status: int) -> None:
        self.done_ns[index] = now
        self.status[index] = status
        if not 200 <= status < 300:
            self.error[index] = STATUS
        self.open_requests -= 1
        if connection is not None:
            self._use(connection)
        elif self.waiting:
            self.open_more()
        if not self.open_requests:
            self._end_if_idle()

    def failed(self, index: int, error: int) -> None:
        self.record(index, clock(), error)
        self.open_requests -= 1
        self._end_if_idle()

    def lost(self, connection: Connection) -> None:
        super().lost(connection)
        if connection in self.free:
            self.free.remove(connection)
        if len(self.waiting) > self.opening:
            self.open_more()

    def sweep_waiting(self, before: int) -> None:
        while self.waiting and self.due[self.waiting[0]] < before:
            self.failed(self.waiting.popleft(), _UNSENT)

    def _use(self, connection: Connection) -> None:
        if self.waiting:
            self.send(connection, self.waiting.popleft())
        elif not connection.gone:
            self.free.append(connection)

    def _end_if_idle(self) -> None:
        if self.next == len(self.due) and not self.open_requests and not self.finished.done():
            self.finished.set_result(None)


class ClosedLoop(Loop):
    """A fixed number of callers, each sending again when its last answer has come."""

    def __init__(self, job: Job) -> None:
        super().__init__(job, min(job.limit or _CHUNK, _CHUNK))
        self.end_ns = job.start_ns + job.duration_ns
        self.limit = job.limit if job.limit is not None else 1 << 62
        self.order: list[int] = job.payload.tolist()
        self.callers = 0

    async def fire(self) -> None:
        wanted = min(self.job.concurrency, self.limit)
        opened = await asyncio.gather(*(self.connect() for _ in range(wanted)))
        await asyncio.sleep(max(0, self.job.start_ns - clock()) / 1e9)
        self.callers = wanted
        for connection in opened:
            if connection is None:
                self.spawn(self._reopen())
            else:
                self._send(connection)

    def _send(self, connection: Connection) -> None:
        index = self.next
        now = clock()
        if now >= self.end_ns or index >= self.limit:
            self._leave()
            return
        self.next = index + 1
        if index >= len(self.sent_ns):
            self._grow()
        self.sent_ns[index] = now
        if connection.gone:
            self.failed(index, DISCONNECTED)
            return
        connection.index = index
        order = self.order
        connection.transport.write(self.messages[order[index % len(order)]])

    def answered(self, connection: Connection | None, index: int, now: int, status: int) -> None:
        self.done_ns[index] = now
        self.status[index] = status
        if not 200 <= status < 300:
            self.error[index] = STATUS
        if connection is not None:
            self._send(connection)
        else:
            self.spawn(self._reopen())

    def failed(self, index: int, error: int) -> None:
        self.record(index, clock(), error)
        self.spawn(self._reopen())

    async def _reopen(self) -> None:
        while True:
            began = clock()
            if began >= self.end_ns or self.next >= self.limit:
                self._leave()
                return
            connection = await self.connect()
            if connection is not None:
                self._send(connection)
                return
            index = self.next
            if index >= self.limit:  # another caller has asked the last one meanwhile
                continue
            self.next = index + 1
            if index >= len(self.sent_ns):
                self._grow()
            self.sent_ns[index] = began
            self.record(index, clock(), _CONNECT)
            # A server that refuses at once would else be refused thousands of times a second.
            await asyncio.sleep(_RETRY_S)

    def _leave(self) -> None:
        self.callers -= 1
        if not self.callers and not self.finished.done():
            self.finished.set_result(None)

    def _grow(self) -> None:
        for column in (self.sent_ns, self.first_byte_ns, self.done_ns):
            column.extend(array("q", [MISSING]) * _CHUNK)
        for flags in (self.status, self.error, self.queued):
            flags.extend(array(flags.typecode, [0]) * _CHUNK)
