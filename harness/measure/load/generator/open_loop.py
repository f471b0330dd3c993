"""The open loop: each request is sent when it is due, whatever came of the ones before."""

from __future__ import annotations

import asyncio
from collections import deque

from harness.measure.load.generator import why
from harness.measure.load.generator.connection import DISCONNECTED, IDLE, STATUS, Connection
from harness.measure.load.generator.job import Job
from harness.measure.load.generator.loop import HttpLoop
from harness.measure.load.generator.reaching import Known
from harness.measure.load.generator.timer import Timer, clock
from harness.windows.samples import ERRORS, MISSING

_CONNECT = ERRORS.index("connect")
_UNSENT = ERRORS.index("unsent")
_OTHERS_S = 1.0  # that the other connections get when the first stands
_STARVED_NS = 250_000_000
_LONG, _LAST = 4, 64  # times as long as usual, by the last so many


class OpenLoop(HttpLoop):
    """Sends each request when it is due, whatever came of the ones before."""

    by_kernel = True

    def __init__(self, job: Job, known: Known) -> None:
        assert job.due_ns is not None
        super().__init__(job, len(job.due_ns), known)
        self.due: list[int] = []
        self.order: list[int] = job.payload.tolist()
        self.free: list[Connection] = []
        self.place = -1 if job.renew_ns is None else 0  # in it, of the one that is used next
        self.waiting: deque[int] = deque()
        self.opening = 0
        self.timer = Timer()

    async def prepare(self) -> None:
        # As many as the server has answered on: one that serves a connection at a time waits for
        # a request on the first that it gets, and would never come to the others. Over TLS it has
        # answered on each that stands.
        known = self.job.concurrency if self.job.target.tls else max(self.known.answered_on, 1)
        wanted = min(self.job.concurrency, known)
        tasks = [asyncio.ensure_future(self.connect()) for _ in range(wanted)]
        _, rest = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if rest:
            _, rest = await asyncio.wait(rest, timeout=_OTHERS_S)
        for task in rest:
            task.cancel()
        opened = [task.result() for task in tasks if task not in rest]
        self.free.extend(found for found in opened if found is not None and not found.gone)

    def begin(self, start_ns: int) -> None:
        super().begin(start_ns)
        assert self.job.due_ns is not None
        self.due = (start_ns + self.job.due_ns).tolist()

    async def fire(self) -> None:
        asyncio.get_running_loop().add_reader(self.timer.fd, self.tick)
        self.timer.arm(self.due[0] if self.due else self.start_ns)

    def cut(self) -> None:
        if self.next < len(self.due):
            del self.due[self.next :]
            self.timer.arm(0)

    def tick(self) -> None:
        if self.hopeless:
            self._leave_the_rest(self.hopeless)
        due, free, index, count = self.due, self.free, self.next, len(self.due)
        place = self.place
        while index < count and due[index] <= clock():
            self.open_requests += 1
            while free and free[place].gone:
                free.pop(place)
            if free:
                self.send(free.pop(place), index)
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
        if not self.waiting:  # another connection was free before
            if connection is not None:
                self._keep_or_close(connection)
            return
        index = self.waiting.popleft()
        if connection is not None and not connection.gone:
            connection.fresh = index
            self.send(connection, index)
        else:  # a server may hang up on a connection that it has just taken
            self.unreached(index, began, _CONNECT if connection is None else DISCONNECTED)

    def unreached(self, index: int, began: int, error: int) -> None:
        """The connection that it waited for does not stand."""
        self.sent_ns[index] = began
        self.failed(index, error)

    def _keep_or_close(self, connection: Connection) -> None:
        if not connection.gone and len(self.free) < max(self.answered_on(), 1):
            self.free.append(connection)
        else:
            connection.transport.abort()

    def answered(self, connection: Connection | None, index: int, now: int, status: int) -> None:
        self.done_ns[index] = now
        self.status[index] = status
        if not 200 <= status < 300:
            self.error[index] = STATUS
        self.open_requests -= 1
        if connection is not None:
            connection.served = True
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

    def answered_on(self) -> int:
        return sum(connection.served for connection in self.connections)

    def give_up_overdue(self, before: int) -> None:
        """Give up requests, also those that have waited for a connection since before then."""
        super().give_up_overdue(before)
        while self.waiting and self.due_ns(self.waiting[0]) < before:
            none = why.NO_HANDSHAKE if self.way.mute else why.NONE_IN_TIME
            self.why = why.NOBODY_KNOWS if self.connections else none
            self.failed(self.waiting.popleft(), _UNSENT)
        self._make_room(clock())

    def due_ns(self, index: int) -> int:
        """When what it waits to send was due."""
        return self.due[index]

    def _make_room(self, now: int) -> None:
        """Close idle connections where a request has waited for long, and as no other does, on one
        on which the server has never answered: it may serve one connection after another."""
        flying = [c for c in self.connections if c.index != IDLE]
        if not self.free or not flying or any(c.served for c in flying):
            return
        longest = now - min(self.asked_ns(c.index) for c in flying)
        if longest > _STARVED_NS and longest > _LONG * self._usual_ns():
            for connection in self.free:
                connection.transport.abort()
            self.free.clear()

    def _usual_ns(self) -> int:
        """How long the last answers took, by their median."""
        rows = range(max(self.next - _LAST, 0), self.next)
        answered = [row for row in rows if self.done_ns[row] != MISSING and not self.error[row]]
        taken = sorted(self.done_ns[row] - self.sent_ns[row] for row in answered)
        return taken[len(taken) // 2] if taken else 0

    def _use(self, connection: Connection) -> None:
        if connection.gone:
            if self.waiting:
                self.open_more()
        elif self._is_old(connection):
            connection.abort()
            if self.waiting or len(self.free) < self.job.concurrency:
                self.opening += 1
                self.spawn(self._open_another())
        elif self.waiting:
            self.send(connection, self.waiting.popleft())
        else:
            self.free.append(connection)

    def _is_old(self, connection: Connection) -> bool:
        renew_ns = self.job.renew_ns
        return renew_ns is not None and clock() - connection.made_ns > renew_ns

    async def _open_another(self) -> None:
        """In place of one that was used for long enough."""
        connection = await self.connect()
        self.opening -= 1
        if connection is not None and not connection.gone:
            self._use(connection)
        elif self.waiting:
            self.open_more()

    def _leave_the_rest(self, hopeless: why.Why) -> None:
        now = clock()
        for index in range(self.next, len(self.due)):
            self.why = hopeless
            self.record(index, max(now, self.due[index]), _UNSENT)
        self.next = len(self.due)
        while self.waiting:
            self.why = hopeless
            self.failed(self.waiting.popleft(), _UNSENT)

    def _end_if_idle(self) -> None:
        if self.next == len(self.due) and not self.open_requests and not self.finished.done():
            self.finished.set_result(None)
