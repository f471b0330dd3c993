"""The closed loop: a fixed number of callers, each waiting for its answer before it sends again."""

from __future__ import annotations

import asyncio

from harness.measure.load.generator.connection import DISCONNECTED, IDLE, STATUS, Connection
from harness.measure.load.generator.job import Job
from harness.measure.load.generator.loop import CHUNK, HttpLoop
from harness.measure.load.generator.reaching import Known
from harness.measure.load.generator.thinking import Thinking
from harness.measure.load.generator.timer import clock
from harness.windows.samples import ERRORS, MISSING

_CONNECT = ERRORS.index("connect")
_RETRY_S = 0.02


class ClosedLoop(HttpLoop):
    """A fixed number of callers, each sending again when its last answer has come."""

    by_kernel = False  # each caller waits for the process as well, and asking the kernel takes time

    def __init__(self, job: Job, known: Known) -> None:
        super().__init__(job, min(job.limit or CHUNK, CHUNK), known)
        self.end_ns = 0
        self.limit = job.limit if job.limit is not None else 1 << 62
        self.order: list[int] = job.payload.tolist()
        self.callers = 0
        self.opened: list[Connection | None] = []
        self.thinking: Thinking[Connection | None] | None = None
        if job.think_ns is not None:
            self.thinking = Thinking(job.think_ns, job.number, self._thought)

    async def prepare(self) -> None:
        wanted = min(self.job.concurrency, self.limit)
        self.opened = await asyncio.gather(*(self.connect() for _ in range(wanted)))

    def begin(self, start_ns: int) -> None:
        super().begin(start_ns)
        self.end_ns = start_ns + self.job.duration_ns

    async def fire(self) -> None:
        while (early_ns := self.start_ns - clock()) > 0:
            await asyncio.sleep(early_ns / 1e9)  # may end a millisecond early
        self.callers = len(self.opened)
        for connection in self.opened:
            if self.thinking is not None:  # at first too, or all would ask at once
                self.thinking.begin(connection, self.end_ns)
            elif connection is None:
                self.spawn(self._reopen())
            else:
                connection.fresh = self.next
                self._send(connection)

    def cut(self) -> None:
        self.end_ns = min(self.end_ns, clock())
        if self.thinking is not None:
            self.thinking.end()

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            if self.thinking is not None:
                self.thinking.close()

    def _thought(self, connection: Connection | None) -> None:
        """A user has thought, and asks."""
        if connection is None or connection.gone:
            self.spawn(self._reopen())
            return
        if connection.fresh == IDLE:
            connection.fresh = self.next
        self._send(connection)

    def _send(self, connection: Connection) -> None:
        index = self.next
        now = clock()
        if now >= self.end_ns or index >= self.limit:
            self._leave()
            return
        if connection.gone:  # the server has closed it meanwhile
            self.spawn(self._reopen())
            return
        self.next = index + 1
        if index >= len(self.sent_ns):
            self.grow()
        self.sent_ns[index] = now
        connection.index = index
        order = self.order
        connection.transport.write(self.messages[order[index % len(order)]])

    def answered(self, connection: Connection | None, index: int, now: int, status: int) -> None:
        self.done_ns[index] = now
        self.status[index] = status
        if not 200 <= status < 300:
            self.error[index] = STATUS
        if self.thinking is not None:
            self.thinking.begin(connection, self.end_ns)
        elif connection is not None:
            self._send(connection)
        else:
            self.spawn(self._reopen())

    def failed(self, index: int, error: int) -> None:
        self.record(index, clock(), error)
        if self.thinking is not None:
            self.thinking.begin(None, self.end_ns)
        else:
            self.spawn(self._reopen(self.sent_ns[index]))

    def answered_on(self) -> int:
        first = [c.fresh for c in self.connections if IDLE < c.fresh < self.next]
        return sum(self.done_ns[row] != MISSING and not self.error[row] for row in first)

    async def _reopen(self, failed_ns: int | None = None) -> None:
        if failed_ns is not None:
            # A server that refuses at once would else be asked thousands of times a second.
            await asyncio.sleep(_RETRY_S - (clock() - failed_ns) / 1e9)
        while True:
            began = clock()
            # Once at least it is asked in vain, so that it is seen why.
            hopeless = self.hopeless and self.next
            if began >= self.end_ns or self.next >= self.limit or hopeless:
                self._leave()
                return
            connection = await self.connect()
            if connection is not None and not connection.gone:
                connection.fresh = self.next
                self._send(connection)
                return
            index = self.next
            if index >= self.limit:  # another caller has asked the last one meanwhile
                continue
            self.next = index + 1
            if index >= len(self.sent_ns):
                self.grow()
            self.sent_ns[index] = began
            self.record(index, clock(), _CONNECT if connection is None else DISCONNECTED)
            await asyncio.sleep(_RETRY_S)

    def _leave(self) -> None:
        self.callers -= 1
        if not self.callers and not self.finished.done():
            self.finished.set_result(None)
