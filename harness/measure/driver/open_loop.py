"""The open loop: each request is sent when it is due, whatever came of the ones before."""

from __future__ import annotations

import asyncio
from collections import deque

from harness.measure.driver.connection import DISCONNECTED, STATUS, Connection, clock
from harness.measure.driver.job import Job
from harness.measure.driver.loop import HttpLoop
from harness.measure.driver.timer import Timer
from harness.samples import ERRORS

_CONNECT = ERRORS.index("connect")
_UNSENT = ERRORS.index("unsent")


class OpenLoop(HttpLoop):
    """Sends each request when it is due, whatever came of the ones before."""

    by_kernel = True

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

    def give_up_overdue(self, before: int) -> None:
        """Those too that have waited for a connection since before then."""
        super().give_up_overdue(before)
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
