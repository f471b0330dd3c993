"""What the open and the closed loop of a generator process share.

Columns are preallocated, bodies built beforehand, and the garbage collector is off while a loop
runs: what is left in the way of a request is one dictionary look-up and a few stores.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from abc import ABC, abstractmethod
from array import array
from collections.abc import Coroutine
from typing import ClassVar

from harness.measure.driver import stamped
from harness.measure.driver.connection import IDLE, Connection, clock
from harness.measure.driver.job import Job
from harness.samples import ERRORS, MISSING

_TIMEOUT = ERRORS.index("timeout")
_SWEEP_S = 0.05
CHUNK = 1 << 16  # by so many rows the columns of a closed loop grow


class Loop(ABC):
    """What every loop has: its job and its columns. Stamps are absolute until the end."""

    def __init__(self, job: Job, rows: int) -> None:
        self.job = job
        self.messages = job.target.messages
        self.keep_every = job.keep_every
        self.bodies: dict[int, bytes] = {}
        self.sent_ns = array("q", [MISSING]) * rows
        self.first_byte_ns = array("q", [MISSING]) * rows
        self.done_ns = array("q", [MISSING]) * rows
        self.status = array("h", [0]) * rows
        self.error = array("b", [0]) * rows
        self.queued = array("b", [0]) * rows
        self.next = 0
        self.open_requests = 0
        self.finished: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self) -> None:
        """Fire the whole schedule; returns when the last request has ended one way or another."""
        await self.fire()
        await self.finished

    @abstractmethod
    async def fire(self) -> None:
        """Begin to send."""

    def spawn(self, what: Coroutine[object, object, None]) -> None:
        """Do something beside the loop."""
        task = asyncio.ensure_future(what)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def grow(self) -> None:
        """Room for more rows."""
        for column in (self.sent_ns, self.first_byte_ns, self.done_ns):
            column.extend(array("q", [MISSING]) * CHUNK)
        for flags in (self.status, self.error, self.queued):
            flags.extend(array(flags.typecode, [0]) * CHUNK)

    def record(self, index: int, now: int, error: int) -> None:
        """The request ended without an answer."""
        self.done_ns[index] = now
        self.error[index] = error


class HttpLoop(Loop):
    """What both loops over HTTP share: connections, known header blocks, time-outs."""

    by_kernel: ClassVar[bool]  # whether the kernel says when an answer came

    def __init__(self, job: Job, rows: int) -> None:
        super().__init__(job, rows)
        self.heads: dict[bytes, tuple[int, int]] = {}
        self.last_head, self.last_size, self.last_status = b"", -1, 0
        self.connections: set[Connection] = set()
        self._addresses: list[stamped.Address] = []
        self._tls = ssl.create_default_context() if job.target.tls else None

    async def connect(self) -> Connection | None:
        """A new connection, or None where the server refuses one."""
        connection = Connection(self)
        try:
            async with asyncio.timeout(self.job.timeout_ns / 1e9):
                await self._connect(connection)
        except (OSError, UnicodeError):  # a time-out is an OSError; a host may be no host name
            return None
        if not connection.gone:
            self.connections.add(connection)
        return connection

    async def _connect(self, connection: Connection) -> None:
        target, source = self.job.target, self.job.source
        loop = asyncio.get_running_loop()
        if self.by_kernel and self._tls is None:
            if not self._addresses:
                kind = socket.SOCK_STREAM
                self._addresses = await loop.getaddrinfo(target.host, target.port, type=kind)
            await stamped.connect(self._addresses, source, connection)
        else:
            await loop.create_connection(
                lambda: connection,
                target.host,
                target.port,
                ssl=self._tls,
                local_addr=(source, 0) if source else None,
            )

    async def run(self) -> None:
        """As every loop; meanwhile requests without an answer are given up when it is time."""
        sweep = asyncio.ensure_future(self._sweep())
        try:
            await super().run()
        finally:
            sweep.cancel()
            for connection in self.connections:
                connection.transport.abort()
            await asyncio.sleep(0)

    @abstractmethod
    def answered(self, connection: Connection | None, index: int, now: int, status: int) -> None:
        """An answer has come; the connection may be used again unless it is None."""

    @abstractmethod
    def failed(self, index: int, error: int) -> None:
        """No answer will come."""

    def lost(self, connection: Connection) -> None:
        self.connections.discard(connection)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(_SWEEP_S)
            self.give_up_overdue(clock() - self.job.timeout_ns)

    def give_up_overdue(self, before: int) -> None:
        """Give up requests that were sent before then and have no answer yet."""
        for connection in list(self.connections):
            index = connection.index
            if index != IDLE and self.sent_ns[index] < before:
                connection.give_up(_TIMEOUT)
