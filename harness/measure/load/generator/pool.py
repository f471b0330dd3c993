"""The native driver: one generator process for each generator CPU, kept for a whole campaign."""

from __future__ import annotations

import contextlib
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from types import TracebackType
from typing import IO, Any

import numpy as np

from harness.base.errors import HarnessError
from harness.measure.load import pipe
from harness.measure.load.generator.job import Fired, Job, lost
from harness.stored.hosts import WorkerFacts
from harness.windows import marks, wire
from harness.windows.causes import merged
from harness.windows.samples import Requests, joined

_LEAD_NS = 20_000_000  # from telling when the window starts until it does
_PATIENCE_NS = 30_000_000_000  # with a process that should have told what it fired
_STOPPED = "Was it stopped?"


class Pending:
    """A window that is being fired, by these processes."""

    def __init__(self, workers: Sequence[subprocess.Popen[bytes]], job: Job) -> None:
        self._waiting = {_pipe(worker.stdout): worker for worker in workers}
        self._order = list(workers)
        self._fired: dict[int, Fired] = {}
        self._lost: dict[int, str] = {}  # why
        self._parts: dict[int, Job] = {}
        self._job = job
        self._latest_ns = 0
        self.start_ns = 0

    def begin(self, parts: Sequence[Job]) -> None:
        """Give out the job's parts, and start the window when all connections stand or failed: how
        long that takes is not the generator's lag. Raises HarnessError."""
        for worker, part in zip(self._order, parts, strict=True):
            self._parts[worker.pid] = part
            _tell(worker, part)
        latest_ns = time.monotonic_ns() + self._job.timeout_ns + _PATIENCE_NS
        for worker in self._order:
            left_s = max(latest_ns - time.monotonic_ns(), 0) / 1e9
            if not select.select([_pipe(worker.stdout)], [], [], left_s)[0]:
                for each in self._order:
                    self._kill(each)
                raise HarnessError(f"A generator process did not begin in time. {_STOPPED}")
            _told(worker)
        self.start_ns = time.monotonic_ns() + _LEAD_NS
        # The last answer may take a time-out, and so may a connection that is opened for it.
        end_ns = self.start_ns + self._job.duration_ns
        self._latest_ns = end_ns + self._job.timeout_ns + self._job.patience_ns + _PATIENCE_NS
        for worker in self._order:
            _tell(worker, self.start_ns)

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; whether the window is over. A process that is lost meanwhile leaves
        its share as rows that are."""
        ready, _, _ = select.select(list(self._waiting), [], [], seconds)
        for stream in ready:
            worker = self._waiting.pop(stream)
            try:
                self._fired[worker.pid] = _told(worker)
            except _Gone as gone:
                self._lost[worker.pid] = gone.why
        if self._waiting and time.monotonic_ns() > self._latest_ns:
            for worker in self._waiting.values():
                self._kill(worker)
                self._lost[worker.pid] = f"it did not end its window in time. {_STOPPED}"
            self._waiting.clear()
        return self.over

    def cut(self) -> None:
        """Have every process that still fires end its share."""
        for worker in self._waiting.values():
            with contextlib.suppress(_Gone):  # `wait` notices it
                _tell(worker, None)

    @staticmethod
    def _kill(worker: subprocess.Popen[bytes]) -> None:
        worker.kill()
        worker.wait()

    @property
    def over(self) -> bool:
        """Whether every process has told what it fired, or is lost."""
        return not self._waiting

    def result(self) -> Fired:
        """Everything that was fired, in one table, ordered by planned or actual send time."""
        parts = [
            self._fired.get(worker.pid) or lost(self._parts[worker.pid]) for worker in self._order
        ]
        merged = merge(parts)
        if not self._lost:
            return merged
        # If all are lost, the elapsed time is unknown.
        elapsed_s = merged.elapsed_s or self._job.duration_ns / 1e9
        facts = tuple(map(self._facts, self._order, parts))
        return replace(merged, elapsed_s=elapsed_s, workers=facts)

    def _facts(self, worker: subprocess.Popen[bytes], part: Fired) -> WorkerFacts:
        """Its clock is the harness's own."""
        why, rows = self._lost.get(worker.pid, ""), len(part.columns["due_ns"])
        name, moved = f"{socket.gethostname()}/{worker.pid}", None if why else 0
        return WorkerFacts(
            name=name, requests=rows, offset_ns=0, uncertainty_ns=0, drift_ns=moved, lost=why
        )


class Generator:
    """The processes that make the load. A context manager; they end with it."""

    def __init__(self, cpus: Sequence[int]) -> None:
        self.cpus = tuple(cpus)
        self._pending: Pending | None = None
        self._begin()

    def __enter__(self) -> Generator:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def start(self, job: Job) -> Pending:
        """Fire a job, shared out over the processes; its `start_ns` is set here."""
        self.make_ready()
        parts = shards(job, len(self._workers))
        self._pending = Pending(self._workers[: len(parts)], job)
        self._pending.begin(parts)
        return self._pending

    def cut(self) -> None:
        """End the window that is under way, if any."""
        if self._pending is not None:
            self._pending.cut()

    def fire(self, job: Job, meanwhile: Callable[[], object] = lambda: None) -> Fired:
        """Fire a job and wait for its end; `meanwhile` is called twice a second."""
        pending = self.start(job)
        while not pending.wait(0.5):
            meanwhile()
        return pending.result()

    def _begin(self) -> None:
        self._said_ready = False
        self._workers = [
            subprocess.Popen(
                [sys.executable, "-m", "harness.measure.load.generator.worker", str(cpu)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                start_new_session=True,
            )
            for cpu in self.cpus
        ]

    def _end(self) -> None:
        for worker in self._workers:
            worker.kill()
            worker.wait()
            for stream in (worker.stdin, worker.stdout):
                # Discard what a window that was cut short left in the buffer.
                with contextlib.suppress(BrokenPipeError):
                    _pipe(stream).close()

    def make_ready(self) -> None:
        """Wait for the processes to have started; new ones where the last window was cut short.

        Else the columns of that window, still to come, would be taken for those of the next.
        """
        cut_short = self._pending is not None and not self._pending.over
        if cut_short or any(worker.poll() is not None for worker in self._workers):
            self._end()
            self._begin()
        if not self._said_ready:
            for worker in self._workers:
                _told(worker)
            self._said_ready = True
        self._pending = None


class _Gone(HarnessError):
    """A process ended by itself, or was killed."""

    def __init__(self, why: str) -> None:
        super().__init__(f"A generator process is gone: {why}.")
        self.why = why


def _tell(worker: subprocess.Popen[bytes], what: Job | int | None) -> None:
    """Send a process its job, or when that starts, or None to cut it short.

    Raises HarnessError where it is gone.
    """
    stream = _pipe(worker.stdin)
    try:
        pipe.send(stream, what)
    except BrokenPipeError as error:
        raise _Gone(_ended(worker)) from error


def _told(worker: subprocess.Popen[bytes]) -> Any:
    """The next message of a process. Raises HarnessError if the process ended instead."""
    try:
        return pipe.receive(_pipe(worker.stdout))
    except EOFError as error:
        raise _Gone(_ended(worker)) from error


def _ended(worker: subprocess.Popen[bytes]) -> str:
    """How a process ended, and what that may mean."""
    code = worker.wait(5)
    if code != -signal.SIGKILL:
        return f"it ended with exit code {code}" if code >= 0 else f"signal {-code} ended it"
    return "it was killed (signal 9), possibly by the kernel because memory ran out"


def _pipe(stream: IO[bytes] | None) -> IO[bytes]:
    assert stream is not None  # Popen was told to make it
    return stream


def requests_of(fired: Fired) -> Requests:
    """The columns as the record that is stored."""
    return Requests(**fired.columns)


def shards(job: Job, workers: int) -> list[Job]:
    """A job dealt out to so many processes, request by request in turn; fewer for fewer callers."""
    if job.due_ns is None:
        workers = min(workers, job.concurrency)
    dealt = []
    for number in range(workers):
        due = None if job.due_ns is None else job.due_ns[number::workers]
        limit = job.limit
        if limit is not None:
            limit = limit // workers + (number < limit % workers)
        callers = job.concurrency // workers + (number < job.concurrency % workers)
        dealt.append(
            replace(
                job,
                due_ns=due,
                payload=job.payload[number::workers],
                concurrency=max(callers, 1),
                limit=limit,
                number=number,
            )
        )
    return dealt


def merge(parts: list[Fired]) -> Fired:
    """The records of several processes as one table, ordered by planned or actual send time."""
    if len(parts) == 1:
        return parts[0]
    columns = {
        name: np.concatenate([part.columns[name] for part in parts]) for name in parts[0].columns
    }
    key = columns["due_ns"] if columns["due_ns"].max(initial=-1) >= 0 else columns["sent_ns"]
    order = np.argsort(key, kind="stable")
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    bodies, chunks, told = {}, [], []
    offset = 0
    for part in parts:
        rows = place[offset : offset + len(part.columns["sent_ns"])]
        bodies.update({int(rows[row]): body for row, body in part.bodies.items()})
        chunks.append(part.chunks.of(rows))
        told.append(part.marks.of(rows))
        offset += len(rows)
    return Fired(
        columns={name: column[order] for name, column in columns.items()},
        bodies=bodies,
        cpu_s=sum(part.cpu_s for part in parts),
        elapsed_s=max(part.elapsed_s for part in parts),
        addresses=tuple(dict.fromkeys(each for part in parts for each in part.addresses)),
        causes=merged(cause for part in parts for cause in part.causes),
        cut_s=max((part.cut_s for part in parts if part.cut_s is not None), default=None),
        unanswered=sum(part.unanswered for part in parts),
        chunks=joined(chunks),
        marks=marks.joined(told),
        wire=wire.added(part.wire for part in parts),
    )
