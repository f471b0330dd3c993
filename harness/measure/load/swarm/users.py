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

from harness.measure.load.generator.answer import Unfit
from harness.measure.load.generator.coding import decoded
from harness.measure.load.generator.cutting import GRACE_S, fitted
from harness.measure.load.generator.job import Fired, Job, without_late
from harness.measure.load.swarm.question import Question, question
from harness.windows.samples import ERRORS, MISSING

_UNHEARD = (HTTPConnectionClosed, ConnectionResetError, BrokenPipeError)
_PIECE = 1 << 16
_STATUS = ERRORS.index("status")
_COLUMNS = ("payload", "sent_ns", "done_ns", "status", "error", "resent")


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
        self._answered: set[int] = set()  # clients whose connection has had an answer
        self._cpu = time.process_time()
        self._cut_ns: int | None = None

    def joined(self) -> random.Random:
        """One more user: where its think times come from, the same ones in each window."""
        self._users += 1
        return random.Random(f"{self._worker}/{self._users}")

    def over(self) -> bool:
        """Whether nobody may ask any more."""
        end_ns: int = self.start.get() + self.job.duration_ns
        return self._cut_ns is not None or time.monotonic_ns() >= end_ns

    def cut(self) -> None:
        """Have nobody ask any more."""
        self._cut_ns = self._cut_ns or time.monotonic_ns()

    def has_ended(self) -> bool:
        """Whether it is over, and nobody waits for an answer, or has waited long enough."""
        if self._cut_ns is not None and time.monotonic_ns() > self._cut_ns + int(GRACE_S * 1e9):
            return True
        return self.over() and not self.flying

    def ask(self, client: Any) -> None:
        """One question of one user, and its row."""
        index = len(self._rows)
        payload = self._order[index % len(self._order)]
        asked, sent_ns = self._questions[payload], time.monotonic_ns()
        keep = self.job.keep_every > 0 and index % self.job.keep_every == 0
        most = self.job.max_answer_bytes
        row = [payload, sent_ns, MISSING, 0, ERRORS.index("lost"), 0]
        self._rows.append(row)
        self.flying += 1
        try:
            with gevent.Timeout(self.job.timeout_ns / 1e9):
                body, failure, status = _once(client, asked, keep=keep, most=most)
                if id(client) in self._answered and isinstance(_reason(failure), _UNHEARD):
                    # As the native driver does, where a connection that was used is closed.
                    row[-1] = 1
                    body, failure, status = _once(client, asked, keep=keep, most=most)
        except gevent.Timeout as error:
            body, failure, status = None, error, 0
        finally:
            self.flying -= 1
        row[2:5] = time.monotonic_ns(), status, _kind(failure, status)
        if status:
            self._answered.add(id(client))
        else:
            self._answered.discard(id(client))
        if body is not None:
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
        columns = without_late(columns, self.job.timeout_ns)
        elapsed_ns = int(columns["done_ns"].max(initial=self.job.duration_ns))
        cpu_s = time.process_time() - self._cpu
        fired = Fired(columns, self._bodies, cpu_s, elapsed_ns / 1e9)
        return fired if self._cut_ns is None else fitted(fired, self._cut_ns - start_ns)


def _once(
    client: Any, asked: Question, *, keep: bool, most: int
) -> tuple[bytes | None, BaseException | None, int]:
    """(body where it is kept, what failed, status) of one try."""
    answer = client.request(
        asked.method,
        asked.path,
        data=asked.body,
        headers=asked.headers,
        allow_redirects=False,
        stream=True,
    )
    status = answer.status_code or 0
    if not status:
        return None, answer.error, 0
    body, size = bytearray(), 0
    try:
        while piece := answer.read(_PIECE):
            size += len(piece)
            if size > most:
                raise Unfit("the answer is longer than what is taken")
            if keep:
                body += piece
        encoding = ",".join(answer.headers.getlist("content-encoding")).encode()
        return (decoded(bytes(body), encoding, most) if keep else None), None, status
    except (Unfit, HTTPParseError, OSError) as error:
        return None, error, 0
    finally:
        answer.release()


def _reason(failure: BaseException | None) -> BaseException | None:
    """What its client gave up after."""
    return getattr(failure, "original", None) or failure


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
    reason = _reason(failure)
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
