"""The classic think-time profile: Locust's own users ask, wait for the answer, think, ask again."""

from __future__ import annotations

import random
import time
from array import array
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any, ClassVar

import gevent
import numpy as np
from gevent.event import AsyncResult
from gevent.lock import Semaphore
from locust import FastHttpUser, task
from locust.exception import StopUser

from harness.measure.load.generator import why
from harness.measure.load.generator.chunks import ChunkColumns, MarkColumns
from harness.measure.load.generator.cutting import GRACE_S, fitted
from harness.measure.load.generator.job import Fired, Job, without_late
from harness.measure.load.swarm.nearest import answering
from harness.measure.load.swarm.question import Question, question
from harness.measure.load.swarm.tries import Try, once
from harness.protocols.exchange import (
    Done,
    Exchange,
    Exchanges,
    Fail,
    Response,
    Send,
    contents,
    next_step,
)
from harness.windows.causes import Cause, merged
from harness.windows.samples import ERRORS, MISSING

_STATUS = ERRORS.index("status")
_COLUMNS = ("payload", "sent_ns", "done_ns", "status", "error", "resent")


class Crowd:
    """The common state of one worker's users in a window: the payloads in order, and the rows."""

    def __init__(self, job: Job, worker: int) -> None:
        self.job = job
        self.start: AsyncResult[int] = AsyncResult()  # by this host's clock
        self.flying = 0
        self._worker = worker
        self._users = 0
        self._questions = [question(message) for message in job.target.messages]
        self._order: list[int] = job.payload.tolist()
        self._rows: list[list[int]] = []
        self._exchanges = job.target.exchanges
        self._chunks, self._marks = ChunkColumns(), MarkColumns()
        self._bodies: dict[int, bytes] = {}
        self._causes: Counter[tuple[int, why.Why]] = Counter()
        self._first_said: dict[int, why.Said] = {}  # by status
        self._answered: set[int] = set()  # clients whose connection has had an answer
        self._cpu = time.process_time()
        self._cut_ns: int | None = None
        self._address: str | None = None
        self._finding = Semaphore()

    def address(self) -> str:
        """The address of a name to which requests go; empty if unknown. The first user finds it."""
        with self._finding:
            if self._address is None:
                target, timeout_s = self.job.target, self.job.timeout_ns / 1e9
                self._address = answering(target.host, target.port, timeout_s)
        return self._address

    def joined(self) -> random.Random:
        """One more user: where its think times come from, the same ones in each window."""
        self._users += 1
        return random.Random(f"{self._worker}/{self._users}")

    def over(self) -> bool:
        """Whether no user may send any more."""
        end_ns: int = self.start.get() + self.job.duration_ns
        return self._cut_ns is not None or time.monotonic_ns() >= end_ns

    def cut(self) -> None:
        """Let no user send any more."""
        self._cut_ns = self._cut_ns or time.monotonic_ns()

    def has_ended(self) -> bool:
        """Whether it is over, and no user waits for an answer, or has waited long enough."""
        if self._cut_ns is not None and time.monotonic_ns() > self._cut_ns + int(GRACE_S * 1e9):
            return True
        return self.over() and not self.flying

    def ask(self, client: Any) -> None:
        """One question of one user, and its row."""
        index = len(self._rows)
        payload = self._order[index % len(self._order)]
        sent_ns = time.monotonic_ns()
        row = [payload, sent_ns, MISSING, 0, ERRORS.index("lost"), 0]
        self._rows.append(row)
        self.flying += 1
        try:
            with gevent.Timeout(self.job.patience_ns / 1e9):
                if self._exchanges is None:
                    keep = self._keeps(index)
                    tried = self._told(client, row, self._questions[payload], keep=keep)
                    code, reason = tried.error, tried.why
                else:
                    tried, code, reason = self._conversed(client, index, row, self._exchanges)
        except gevent.Timeout as error:
            self._answered.discard(id(client))
            tried = Try(failure=error)
            code, reason = tried.error, tried.why
        finally:
            self.flying -= 1
        row[2:5] = time.monotonic_ns(), tried.status, code
        if code == _STATUS:
            self._first_said.setdefault(tried.status, tried.said)
        elif code:
            self._causes[code, reason] += 1
        if tried.body is not None and self._keeps(index):
            self._bodies[index] = tried.body

    def _keeps(self, index: int) -> bool:
        return self.job.keep_every > 0 and index % self.job.keep_every == 0

    def _told(
        self,
        client: Any,
        row: list[int],
        asked: Question,
        *,
        keep: bool,
        tell: Callable[[bytes], None] | None = None,
    ) -> Try:
        """One answer, in its time."""
        most = self.job.max_answer_bytes
        with gevent.Timeout(self.job.timeout_ns / 1e9):
            tried = once(client, asked, keep=keep, most=most, tell=tell)
            if id(client) in self._answered and tried.unheard:
                # As the native driver does, where a connection that was used is closed.
                row[-1] = 1
                tried = once(client, asked, keep=keep, most=most, tell=tell)
        if tried.status:
            self._answered.add(id(client))
        else:
            self._answered.discard(id(client))
        return tried

    def _conversed(
        self, client: Any, index: int, row: list[int], exchanges: Exchanges
    ) -> tuple[Try, int, why.Why]:
        """The last answer of an exchange, how that ended, and why."""
        exchange = exchanges.begin(row[0])
        tell = partial(self._heard, index, exchange) if exchanges.chunked else None
        asked = self._questions[row[0]]
        while True:
            tried = self._told(client, row, asked, keep=True, tell=tell)
            if tried.body is None:
                return tried, tried.error, tried.why
            response = Response(tried.status, tried.headers, tried.body)
            step = next_step(exchange, response, time.monotonic_ns())
            if not isinstance(step, Send):
                self._marks.add(index, step.marks)
            if isinstance(step, Done):
                body = tried.body if step.body is None else step.body
                return replace(tried, body=body), tried.error, tried.why
            if isinstance(step, Fail):
                return tried, step.code, why.of_exchange(step)
            gevent.sleep(max(step.at_ns - time.monotonic_ns(), 0) / 1e9)
            asked = question(self.job.target.framing.whole(step.message))

    def _heard(self, index: int, exchange: Exchange, piece: bytes) -> None:
        self._chunks.add(index, time.monotonic_ns(), contents(exchange, piece))

    def fired(self) -> Fired:
        """Everything that its users did."""
        start_ns: int = self.start.get()
        table = np.array(self._rows, np.int64).reshape(-1, len(_COLUMNS))
        columns = {name: table[:, place].copy() for place, name in enumerate(_COLUMNS)}
        for name in ("sent_ns", "done_ns"):
            stamps = columns[name]
            columns[name] = np.where(stamps == MISSING, MISSING, stamps - start_ns)
        nothing = np.full(len(table), MISSING, np.int64)
        columns |= {"due_ns": nothing, "first_byte_ns": nothing, "queued": nothing - MISSING}
        columns = without_late(columns, self.job.patience_ns)
        elapsed_ns = int(columns["done_ns"].max(initial=self.job.duration_ns))
        cpu_s = time.process_time() - self._cpu
        chunks = self._chunks.since(start_ns, len(table)).by(columns["done_ns"])
        fired = Fired(
            columns=columns,
            bodies=self._bodies,
            cpu_s=cpu_s,
            elapsed_s=elapsed_ns / 1e9,
            chunks=chunks,
            causes=self._told_why(),
            addresses=(self._address,) if self._address else (),
            marks=self._marks.since(start_ns, len(table)),
        )
        return fired if self._cut_ns is None else fitted(fired, self._cut_ns - start_ns)

    def _told_why(self) -> tuple[Cause, ...]:
        status, error = array("h"), array("b")
        for row in self._rows:
            status.append(row[3])
            error.append(row[4])
        answered = why.of_statuses(status, error, self._first_said)
        return merged([*why.causes(self._causes), *answered])


class ThinkingUser(FastHttpUser):  # type: ignore[misc]
    """Thinks, asks, and so on until the window is over."""

    crowd: ClassVar[Crowd]
    max_retries = 0
    max_redirects = 0
    insecure = False

    def on_start(self) -> None:
        self.network_timeout = self.connection_timeout = self.crowd.job.timeout_ns / 1e9
        # Else its client would drop the bodies of errors, and their connections.
        self.client.client.valid_response_codes = range(100, 1000)
        if address := self.crowd.address():
            client = self.client.client.clientpool.get_client(self.host)
            client._connection_pool._connection_host = address
        self._random = self.crowd.joined()
        start_ns = self.crowd.start.get()
        # At first they think too, or all would ask at once.
        gevent.sleep(max(start_ns - time.monotonic_ns(), 0) / 1e9 + self.wait_time())

    def wait_time(self) -> float:
        """Seconds: exponential, as in the theory of closed queues."""
        return self._random.expovariate(1e9 / (self.crowd.job.think_ns or 1))

    @task  # type: ignore[untyped-decorator]
    def ask(self) -> None:
        """One question."""
        if self.crowd.over():
            raise StopUser
        self.crowd.ask(self.client)
