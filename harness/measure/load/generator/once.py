"""One request by itself, over a connection as those of the load are: what load gets, control gets.

The caller waits; no time measured here is reported.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import Future
from threading import Thread

import numpy as np

from harness.measure.load.generator.answer import Unfit
from harness.measure.load.generator.coding import beginning, decoded
from harness.measure.load.generator.connection import Connection
from harness.measure.load.generator.exchanging import Exchanging
from harness.measure.load.generator.job import Job, Target, without_late
from harness.measure.load.generator.loop import HttpLoop
from harness.measure.load.generator.reaching import Known
from harness.measure.load.generator.timer import clock
from harness.windows.causes import HINTS
from harness.windows.samples import ERRORS, Ints

_STATUS, _FAILED = ERRORS.index("status"), ERRORS.index("failed")


class NoAnswer(Exception):
    """Why no answer came."""


class SaidToHaveFailed(NoAnswer):
    """The request was taken, and the last answer says why it failed."""


def ask(target: Target, timeout_s: float) -> tuple[int, bytes]:
    """(status, body) of the last answer to the target's one message. Raises NoAnswer."""
    status, body, _ = asked(target, timeout_s)
    return status, body


def asked(target: Target, timeout_s: float) -> tuple[int, bytes, bytes]:
    """The same, and where an answer that is none sends on to. Raises NoAnswer.

    However many answers there are, all of them are given that time together.
    """
    nothing = np.zeros(1, np.int64)
    timeout_ns = int(timeout_s * 1e9)
    job = Job(
        target=target,
        start_ns=0,
        duration_ns=0,
        payload=nothing,
        due_ns=None,
        concurrency=1,
        limit=1,
        timeout_ns=timeout_ns,
        keep_every=1,
    )
    answered: Future[tuple[int, bytes, bytes]] = Future()
    # A signal ends the waiting here. In the event loop it would end anything half done.
    Thread(target=_answer, args=(job, answered), daemon=True).start()
    return answered.result()


def _answer(job: Job, answered: Future[tuple[int, bytes, bytes]]) -> None:
    try:
        answered.set_result(asyncio.run(_ask(job)))
    except BaseException as error:
        answered.set_exception(error)


async def _ask(job: Job) -> tuple[int, bytes, bytes]:
    loop = (_Once if job.target.exchanges is None else _OnceExchanges)(job, Known())
    loop.begin(clock())
    await loop.run()
    exact = without_late(_row(loop), job.timeout_ns)
    error = int(exact["error"][0])
    if error not in (0, _STATUS):
        raise (SaidToHaveFailed if error == _FAILED else NoAnswer)(
            _why(loop, ERRORS[error], job.timeout_ns / 1e9)
        )
    encoding = loop.encodings.get(0, b"")
    status = loop.status[0]
    if error == _STATUS:  # which says more than a body that can't be read
        _, location, _ = loop.first_said.get(status, (b"", b"", b""))
        return status, beginning(loop.bodies[0], encoding), location
    try:
        return status, decoded(loop.bodies[0], encoding, job.max_answer_bytes), b""
    except Unfit as unfit:
        raise NoAnswer(str(unfit)) from unfit


def _why(loop: HttpLoop, error: str, seconds: float) -> str:
    if error == "timeout":
        return f"no whole answer within {seconds:g} s"
    (_, (kind, said)), *_ = (*loop.causes, (0, (error, "")))
    told = f"{kind}: {said}" if said else kind
    hint = HINTS.get(kind) if loop.job.target.tls else None  # of ours, none is encrypted
    return f"{told}; {hint}" if hint else told


def _row(loop: HttpLoop) -> dict[str, Ints]:
    names = ("sent_ns", "first_byte_ns", "done_ns", "status", "error")
    return {name: np.array(getattr(loop, name), dtype=np.int64) for name in names}


class _Once(HttpLoop):
    by_kernel = False

    def __init__(self, job: Job, known: Known) -> None:
        super().__init__(job, 1, known)

    def cut(self) -> None:
        """A single request cannot be cut short."""

    async def prepare(self) -> None:
        """No connection is opened beforehand."""

    async def fire(self) -> None:
        self.sent_ns[0] = clock()
        await self.send_on_a_new_one(0)

    def answered(self, _: Connection | None, index: int, now: int, status: int) -> None:
        self.done_ns[index] = now
        self.status[index] = status
        self.error[index] = 0 if 200 <= status < 300 else _STATUS
        self.finished.set_result(None)

    def failed(self, index: int, error: int) -> None:
        self.record(index, clock(), error)
        self.finished.set_result(None)

    def answered_on(self) -> int:
        return 0


class _OnceExchanges(Exchanging, _Once):
    def __init__(self, job: Job, known: Known) -> None:
        super().__init__(job, known)
        self.patience_ns = min(self.patience_ns, job.timeout_ns)

    def ended(self, connection: Connection | None, index: int, now: int, status: int) -> None:
        _Once.answered(self, connection, index, now, status)

    def failed(self, index: int, error: int) -> None:
        self.forget(index)
        super().failed(index, error)
