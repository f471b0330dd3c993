"""The classic think-time profile: Locust's own users ask, wait for the answer, think, ask again."""

from __future__ import annotations

import random
import time
from typing import Any, ClassVar

import gevent
import numpy as np
from gevent.event import AsyncResult
from geventhttpclient._parser import HTTPParseError
from geventhttpclient.response import HTTPConnectionClosed
from locust import FastHttpUser, task
from locust.exception import StopUser

from harness.measure.driver.job import Fired, Job
from harness.measure.swarm.question import question
from harness.samples import ERRORS, MISSING

_STATUS = ERRORS.index("status")
_COLUMNS = ("payload", "sent_ns", "done_ns", "status", "error")


class Crowd:
    """What the users of one worker share in a window: the payloads in order, and the rows."""

    def __init__(self, job: Job, worker: int) -> None:
        self.job = job
        self.start: AsyncResult[int] = AsyncResult()  # by this host's clock
        self.flying = 0
        self._worker = worker
        self._users = 0
        self._questions = [question(message) for message in job.target.messages]
        self._order: list[int] = job.payload.tolist()
        self._rows: list[list[int]] = []
        self._bodies: dict[int, bytes] = {}
        self._cpu = time.process_time()

    def joined(self) -> random.Random:
        """One more user: where its think times come from, the same ones in each window."""
        self._users += 1
        return random.Random(f"{self._worker}/{self._users}")

    def over(self) -> bool:
        """Whether nobody may ask any more."""
        end_ns: int = self.start.get() + self.job.duration_ns
        return time.monotonic_ns() >= end_ns

    def ask(self, client: Any) -> None:
        """One question of one user, and its row."""
        index = len(self._rows)
        payload = self._order[index % len(self._order)]
        asked, sent_ns = self._questions[payload], time.monotonic_ns()
        row = [payload, sent_ns, MISSING, 0, ERRORS.index("lost")]
        self._rows.append(row)
        self.flying += 1
        try:
            with gevent.Timeout(self.job.timeout_ns / 1e9):
                answer = client.request(
                    asked.method,
                    asked.path,
                    data=asked.body or None,
                    headers=asked.headers,
                    allow_redirects=False,
                )
            body, failure = answer.content, getattr(answer, "error", None)
            status = answer.status_code or 0
        except gevent.Timeout as error:
            body, failure, status = None, error, 0
        finally:
            self.flying -= 1
        row[2:] = time.monotonic_ns(), status, _kind(failure, status)
        if self.job.keep_every and index % self.job.keep_every == 0 and body is not None:
            self._bodies[index] = body

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
        elapsed_ns = int(columns["done_ns"].max(initial=self.job.duration_ns))
        cpu_s = time.process_time() - self._cpu
        return Fired(columns, self._bodies, cpu_s, elapsed_ns / 1e9)


def _kind(failure: BaseException | None, status: int) -> int:
    """How a request ended, as the native driver says it."""
    if status:
        return 0 if 200 <= status < 300 else _STATUS
    kinds: tuple[tuple[Any, str], ...] = (
        (HTTPConnectionClosed, "disconnected"),
        ((TimeoutError, gevent.Timeout), "timeout"),
        ((ConnectionResetError, BrokenPipeError), "disconnected"),
        (HTTPParseError, "garbage"),
        (OSError, "connect"),
    )
    reason = getattr(failure, "original", None) or failure  # what its client gave up after
    found = (name for kind, name in kinds if isinstance(reason, kind))
    return ERRORS.index(next(found, "garbage"))


class ThinkingUser(FastHttpUser):  # type: ignore[misc]
    """Thinks, asks, and so on until the window is over."""

    crowd: ClassVar[Crowd]
    max_retries = 0
    max_redirects = 0
    insecure = False

    def on_start(self) -> None:
        self.network_timeout = self.connection_timeout = self.crowd.job.timeout_ns / 1e9
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
