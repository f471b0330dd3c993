"""The closed loop: a fixed number of callers, each waiting for its answer before it sends again."""

from __future__ import annotations

import asyncio

from harness.measure.driver.connection import DISCONNECTED, STATUS, Connection, clock
from harness.measure.driver.job import Job
from harness.measure.driver.loop import CHUNK, HttpLoop
from harness.samples import ERRORS

_CONNECT = ERRORS.index("connect")
_RETRY_S = 0.02


class ClosedLoop(HttpLoop):
    """A fixed number of callers, each sending again when its last answer has come."""

    by_kernel = False  # each caller waits for the process as well, and asking the kernel takes time

    def __init__(self, job: Job) -> None:
        super().__init__(job, min(job.limit or CHUNK, CHUNK))
        self.end_ns = job.start_ns + job.duration_ns
        self.limit = job.limit if job.limit is not None else 1 << 62
        self.order: list[int] = job.payload.tolist()
        self.callers = 0

    async def fire(self) -> None:
        wanted = min(self.job.concurrency, self.limit)
        opened = await asyncio.gather(*(self.connect() for _ in range(wanted)))
        while (early_ns := self.job.start_ns - clock()) > 0:
            await asyncio.sleep(early_ns / 1e9)  # may end a millisecond early
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
            self.grow()
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
                self.grow()
            self.sent_ns[index] = began
            self.record(index, clock(), _CONNECT)
            # A server that refuses at once would else be refused thousands of times a second.
            await asyncio.sleep(_RETRY_S)

    def _leave(self) -> None:
        self.callers -= 1
        if not self.callers and not self.finished.done():
            self.finished.set_result(None)
