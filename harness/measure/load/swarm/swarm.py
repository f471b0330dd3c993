"""The harness's side of the driver `locust`: it starts the master, and talks to it by pipes."""

from __future__ import annotations

import contextlib
import select
import subprocess
import sys
from collections.abc import Sequence
from types import TracebackType
from typing import IO, Any

from harness.base.errors import HarnessError, UsageError
from harness.measure.load import pipe
from harness.measure.load.generator.job import Fired, Job

_OWN_S = 30.0  # for its own workers to come
_OTHERS_S = 300.0  # for workers that are started by hand on other machines
_BACK_S = 10.0  # for one that was lost to come back, before the next window goes without it
_END_S = 3.0


class SwarmPending:
    """A window that is being fired."""

    def __init__(self, answers: IO[bytes], start_ns: int) -> None:
        self.start_ns = start_ns
        self._answers = answers
        self._fired: Fired | None = None

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; whether the window is over. Raises HarnessError."""
        if self._fired is None and select.select([self._answers], [], [], seconds)[0]:
            (self._fired,) = _told(self._answers, "over")
        return self.over

    @property
    def over(self) -> bool:
        return self._fired is not None

    def result(self) -> Fired:
        """Everything that was fired, in one table, and what is known of each worker."""
        assert self._fired is not None  # it is over
        return self._fired


class Swarm:
    """Locust's master, and workers here or elsewhere. A context manager; they end with it.

    Raises UsageError where the master can't listen, HarnessError where too few workers come.
    """

    def __init__(self, host: str, port: int, cpus: Sequence[int], others: int | None) -> None:
        self.cpus = tuple(cpus)
        self._bind = (host, str(port))
        self._others = others
        self._pending: SwarmPending | None = None
        self._begin()

    def __enter__(self) -> Swarm:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._end()

    def start(self, job: Job) -> SwarmPending:
        """Have a job fired by all workers together; its `start_ns` is set here."""
        self.make_ready()
        self._order("fire", job, self._count, _BACK_S)
        self._pending = SwarmPending(self._answers, _told(self._answers, "began")[0])
        return self._pending

    def cut(self) -> None:
        """End the window that is under way, if any."""
        with contextlib.suppress(HarnessError):  # the waiting caller gets that error
            self._order("cut")

    def fire(self, job: Job) -> Fired:
        """Fire a job and wait for its end."""
        pending = self.start(job)
        while not pending.wait(1.0):
            pass
        return pending.result()

    @property
    def _answers(self) -> IO[bytes]:
        assert self._master.stdout is not None
        return self._master.stdout

    def _order(self, *what: Any) -> None:
        assert self._master.stdin is not None
        try:
            pipe.send(self._master.stdin, what)
        except BrokenPipeError as error:
            raise HarnessError(
                "Locust's master has ended unexpectedly: something killed it."
            ) from error

    def _begin(self) -> None:
        self._count = len(self.cpus) if self._others is None else self._others
        self._pending = None
        self._own: list[subprocess.Popen[bytes]] = []
        self._master = _process("master", *self._bind, ends=subprocess.PIPE)
        try:
            (port,) = _told(self._answers, "listening", UsageError)
            self._address = (self._bind[0], str(port))
            self._own = [self._worker(cpu) for cpu in self.cpus]
            self._order("gather", self._count, _OWN_S if self._others is None else _OTHERS_S)
            _told(self._answers, "gathered")
        except BaseException:
            self._end()
            raise

    def _end(self) -> None:
        """The master tells its workers to go home, wherever they are; what stays is killed."""
        for stream in (self._master.stdin, self._master.stdout):
            with contextlib.suppress(BrokenPipeError):
                if stream is not None:
                    stream.close()
        for process in (self._master, *self._own):
            try:
                process.wait(_END_S)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()

    def make_ready(self) -> None:
        """Cut the last window short where it still goes on; replace own processes that are gone."""
        pending, self._pending = self._pending, None
        if self._master.poll() is not None or not self._cut_short(pending):
            if self._others is not None:
                raise HarnessError("Locust's master has ended, so its workers can't be reached.")
            self._end()
            self._begin()
        elif pending is not None and pending.over and self._others is not None:
            lost = sum(bool(worker.lost) for worker in pending.result().workers)
            self._count = max(self._count - lost, 1)  # else each window would wait for them
        for place, worker in enumerate(self._own):
            if worker.poll() is not None:
                self._own[place] = self._worker(self.cpus[place])

    def _cut_short(self, pending: SwarmPending | None) -> bool:
        """End a window that still goes on; False where no master is there to end it."""
        if pending is None or pending.over:
            return True
        try:
            self._order("stop")
            while _answer(self._answers)[0] != "stopped":
                pass
        except (HarnessError, BrokenPipeError):
            return False  # it is ending, though its process may not be seen to have ended yet
        return True

    def _worker(self, cpu: int) -> subprocess.Popen[bytes]:
        return _process("locust_worker", *self._address, str(cpu), ends=subprocess.DEVNULL)


def _process(module: str, *arguments: str, ends: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", f"harness.measure.load.swarm.{module}", *arguments]
    return subprocess.Popen(command, stdin=ends, stdout=ends, start_new_session=True)


def _answer(stream: IO[bytes]) -> tuple[Any, ...]:
    """The next message of the master. Raises HarnessError if the master ended instead."""
    try:
        said: tuple[Any, ...] = pipe.receive(stream)
    except EOFError as error:
        raise HarnessError("Locust's master ended unexpectedly.") from error
    return said


def _told(stream: IO[bytes], kind: str, error: type[HarnessError] = HarnessError) -> list[Any]:
    """The answer of that kind. Raises the error where the master says that it can't."""
    said, *rest = _answer(stream)
    if said == "failed":
        raise error(rest[0])
    if said != kind:
        raise HarnessError(f"Locust's master said {said!r} where {kind!r} was expected.")
    return rest
