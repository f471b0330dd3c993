"""The order that a generator process receives, and the record that it returns."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from harness.base.errors import HarnessError
from harness.base.trust import SYSTEM, Trust
from harness.measure.talk.framing import USUAL, Framing
from harness.protocols.exchange import Exchanges
from harness.stored.hosts import WorkerFacts
from harness.windows.causes import Cause
from harness.windows.marks import Marks
from harness.windows.samples import ERRORS, MISSING, Chunks, Ints, empty
from harness.windows.wire import Wire

MAX_ANSWER_BYTES = 64 << 20
STANDS = "stands"  # what a process says when its connections stand, or failed
_ANSWERED = (0, ERRORS.index("status"))
_TIMEOUT = ERRORS.index("timeout")
_LOST = ERRORS.index("lost")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The destination of requests, and one message for each payload: complete over HTTP, its body
    over gRPC."""

    host: str
    port: int
    tls: bool
    messages: tuple[bytes, ...]
    method: str = ""  # of gRPC; empty: HTTP
    metadata: tuple[tuple[str, str], ...] = ()  # of gRPC
    trust: Trust = SYSTEM  # where it is encrypted
    bodiless: bool = False  # answers have no body, whatever their header block says: to HEAD
    framing: Framing = USUAL  # of what an exchange sends, over HTTP
    exchanges: Exchanges | None = None  # how requests go on; None: one answer is all


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One generator process's share of a window."""

    target: Target
    start_ns: int  # CLOCK_MONOTONIC; told when all processes of the window are ready to begin
    duration_ns: int
    payload: Ints  # payload of each request, in order; a closed loop wraps around
    due_ns: Ints | None  # planned send times since start; None in a closed loop
    concurrency: int  # callers of a closed loop; in an open one, connections kept open at most
    limit: int | None  # at most so many requests, in a closed loop
    timeout_ns: int
    keep_every: int  # the body of every so-manyth answer is kept for checking; 0 keeps none
    max_connections: int = 1024
    resends: bool = True  # what a connection that was used before has swallowed
    max_answer_bytes: int = MAX_ANSWER_BYTES  # over HTTP; a longer answer is refused
    # An open loop over HTTP uses its connections in turn, each for so long, as many clients would;
    # None: the one that was used last, as long as it stands.
    renew_ns: int | None = None
    think_ns: int | None = None  # mean think time of users; None without think time
    number: int = 0  # of the process among those of the window
    source: str = ""  # the address of this host to send from over HTTP; empty: the system chooses

    @property
    def patience_ns(self) -> int:
        """From the sending of a request to its last answer, at most; `timeout_ns` bounds each
        answer."""
        exchanges = self.target.exchanges
        return self.timeout_ns if exchanges is None else int(exchanges.limit_s * 1e9)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """The record of a job: one array per column, and the kept bodies by row."""

    columns: dict[str, Ints]
    bodies: dict[int, bytes]
    cpu_s: float
    elapsed_s: float
    workers: tuple[WorkerFacts, ...] = ()  # of the driver `locust`, and where one was lost
    causes: tuple[Cause, ...] = ()  # of what failed, as far as known
    addresses: tuple[str, ...] = ()  # where requests went, as far as known
    cut_s: float | None = None  # when the window was cut short; None where it was not
    unanswered: int = 0  # then: requests that were under way, and are left out
    chunks: Chunks = field(default_factory=lambda: empty(Chunks))  # where the protocol asks
    wire: Wire | None = None  # None: not known
    marks: Marks = field(default_factory=lambda: empty(Marks))  # where its exchanges tell them


def lost(job: Job) -> Fired:
    """The rest of a job whose process is gone: its plan, without any stamp."""
    count = 0 if job.due_ns is None else len(job.due_ns)
    columns: dict[str, Ints] = {
        name: np.full(count, MISSING, np.int64)
        for name in ("due_ns", "sent_ns", "first_byte_ns", "done_ns")
    }
    if job.due_ns is not None:
        columns["due_ns"] = job.due_ns
    zeros = np.zeros(count, np.int64)
    flags = {"status": zeros, "error": zeros + _LOST, "queued": zeros, "resent": zeros}
    return Fired(
        columns={"payload": job.payload[:count], **columns, **flags},
        bodies={},
        cpu_s=0.0,
        elapsed_s=0.0,
    )


def whole(fired: Fired) -> Fired:
    """The same, where nothing less will do. Raises HarnessError where a process was lost."""
    for worker in fired.workers:
        if worker.lost:
            raise HarnessError(
                f"The generator process {worker.name} was lost: {worker.lost}. What it sent is not "
                "known."
            )
    return fired


def without_late(columns: dict[str, Ints], timeout_ns: int) -> dict[str, Ints]:
    """The columns, where what came after the time-out is one: it is looked for now and then, so
    that an answer may be taken in before its request is given up."""
    sent, done, error = columns["sent_ns"], columns["done_ns"], columns["error"]
    limit = sent + timeout_ns
    late = (sent != MISSING) & (done > limit) & np.isin(error, (*_ANSWERED, _TIMEOUT))
    first = columns["first_byte_ns"]
    return {
        **columns,
        "first_byte_ns": np.where(late & (first > limit), MISSING, first),
        "done_ns": np.where(late, limit, done),
        "status": np.where(late, 0, columns["status"]),
        "error": np.where(late, _TIMEOUT, error),
    }
