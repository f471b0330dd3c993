"""The instances of a function: what the scheduler decides is done, and it is told what happened."""

from __future__ import annotations

import asyncio
import os
import time
import traceback
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from harness.measure.launch.functions import scheduler
from harness.measure.launch.functions.invocation import Invocation, InvocationFailure
from harness.measure.launch.functions.orders import ScaleLimits
from harness.measure.launch.functions.records import Records
from harness.measure.launch.functions.scheduler import Scheduler

_FLUSH_S = 0.25
_STARTING, _IDLE, _ENDED = "starting", "idle", "ended"


class InstanceWorker(Protocol):
    """An instance, as its service runs it."""

    pid: int  # of its main process on this machine; 0 where it is not known
    begun_ns: int | None
    ready_ns: int | None

    async def live(self) -> None:
        """From its start to its end. It tells the fleet when it is `ready` or has `ended`; when it
        is cancelled, and when it returns, nothing of it is left."""

    def serve(self, invocation: Invocation) -> None:
        """Take an invocation; it ends with the fleet's `answer`."""

    def end(self) -> None:
        """End it: it has no work."""

    def kill(self) -> None:
        """End it at once, whatever it does."""


class Log:
    """The server's log, which is this process's standard output."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None

    def say(self, text: str) -> None:
        """Write it soon: many lines at once take less time."""
        self._lines.append(text)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_FLUSH_S, self.flush)

    def flush(self) -> None:
        self._timer = None
        data = "".join(self._lines).encode()
        self._lines.clear()
        while data:
            data = data[os.write(1, data) :]


class Fleet:
    """Its instances and its invocations."""

    def __init__(self, planned: Scheduler, records: Records) -> None:
        self.log = Log()
        self._scheduler = planned
        self._records = records
        self._make: Callable[[int], InstanceWorker] = _nothing
        self._workers: dict[int, InstanceWorker] = {}
        self._asked_ns: dict[int, int] = {}
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._open: dict[int, Invocation] = {}
        self._ending: set[int] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._failure = InvocationFailure(kind="Runtime.ExitError", message="no instance came up")

    def run_by(self, make: Callable[[int], InstanceWorker]) -> None:
        """How an instance is made, by its number."""
        self._make = make

    def arrive(self, invocation: Invocation) -> None:
        """A request has come."""
        self._open[invocation.number] = invocation
        self._do(self._scheduler.arrive(invocation.number))

    def withdraw(self, invocation: Invocation) -> None:
        """A client has gone; what was not yet given to an instance never is."""
        if self._scheduler.withdraw(invocation.number):
            self.keep(invocation)

    def ready(self, number: int) -> None:
        """An instance asks for work the first time."""
        if number in self._ending:
            return
        self._records.came_up()
        self._note(number, _IDLE)
        self._do(self._scheduler.ready(number, time.monotonic_ns()))

    def answer(self, invocation: Invocation, result: bytes | InvocationFailure) -> None:
        """The result of an invocation, for its client; `keep` comes later."""
        if invocation.answered_ns < 0:
            invocation.answered_ns = time.monotonic_ns()
        invocation.status = invocation.caller.answer(result)
        invocation.sent_ns = time.monotonic_ns()

    def done(self, number: int) -> None:
        """An instance has answered one of its requests, and takes another."""
        self._do(self._scheduler.done(number, time.monotonic_ns()))

    def keep(self, invocation: Invocation) -> None:
        """Nothing more happens to an invocation."""
        if self._open.pop(invocation.number, None) is not None:
            self._records.invocation(invocation)

    def ended(
        self,
        number: int,
        undelivered: Sequence[Invocation] = (),
        failure: InvocationFailure | None = None,
    ) -> None:
        """An instance has ended; `failure`: it did not come up."""
        if failure is not None:
            self._failure = failure
            self._records.did_not(failure.message)
        self._do(self._scheduler.died(number, [each.number for each in undelivered]))

    def scale(self, limits: ScaleLimits) -> None:
        """Other limits from now on."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._do(self._scheduler.scale(limits))

    async def retire(self) -> None:
        """End all that are idle, and wait until they are gone."""
        self._do(self._scheduler.retire())
        await self._gone(self._ending)

    def instances(self) -> list[dict[str, Any]]:
        """Those that there are, as `Instance` has them."""
        return [self._facts(number, *self._scheduler.state(number)) for number in self._running()]

    def kill(self, number: int) -> None:
        """SIGKILL to an instance; one that is gone is left alone."""
        if number in self._workers:
            self._workers[number].kill()

    async def close(self, drain_s: float) -> None:
        """End all, when what has come is answered, or time is up."""
        end = time.monotonic() + drain_s
        while self._open and time.monotonic() < end:
            await asyncio.sleep(0.02)
        self._do(self._scheduler.scale(ScaleLimits(most_instances=0, beyond="throttle", idle_s=0)))
        await self._gone(self._ending)
        for task in self._tasks.values():
            task.cancel()
        await self._gone(set(self._tasks))
        self.log.flush()

    def _running(self) -> list[int]:
        return [number for number in self._scheduler.running if number in self._workers]

    def _do(self, actions: list[scheduler.Action]) -> None:
        for action in actions:
            match action:
                case scheduler.StartInstance(number):
                    self._start(number)
                case scheduler.Dispatch(request, number, cold):
                    found = self._open[request]
                    found.instance, found.cold = number, cold
                    found.dispatched_ns = time.monotonic_ns()
                    self._workers[number].serve(found)
                case scheduler.Throttle(request):
                    found = self._open[request]
                    found.status = found.caller.throttle()
                    found.sent_ns = time.monotonic_ns()
                    self.keep(found)
                case scheduler.Lose(request):
                    self.answer(self._open[request], self._failure)
                    self.keep(self._open[request])
                case scheduler.EndInstance(number):
                    self._ending.add(number)
                    self._workers[number].end()
        self._watch_idle()

    def _start(self, number: int) -> None:
        self._asked_ns[number] = time.monotonic_ns()
        self._workers[number] = self._make(number)
        self._note(number, _STARTING)
        self._tasks[number] = asyncio.get_running_loop().create_task(self._live(number))

    async def _live(self, number: int) -> None:
        try:
            await self._workers[number].live()
        except Exception:  # a fault of ours must not leave a request without an answer
            said = traceback.format_exc()
            self.log.say(said)
            self._abandon(
                number, InvocationFailure(kind="Front.Error", message=said.splitlines()[-1])
            )
        finally:
            self._note(number, _ENDED)
            self._do(self._scheduler.died(number))
            del self._workers[number], self._tasks[number], self._asked_ns[number]
            self._ending.discard(number)

    def _abandon(self, number: int, failure: InvocationFailure) -> None:
        for found in [each for each in self._open.values() if each.instance == number]:
            self.answer(found, failure)
            self.keep(found)
        self.ended(number, failure=failure)

    async def _gone(self, numbers: set[int]) -> None:
        tasks = [self._tasks[number] for number in numbers]
        if tasks:
            await asyncio.wait(tasks)

    def _watch_idle(self) -> None:
        if self._timer is None and (due := self._scheduler.next_expiry()) is not None:
            seconds = max(0.0, (due - time.monotonic_ns()) / 1e9)
            self._timer = asyncio.get_running_loop().call_later(seconds, self._expire)

    def _expire(self) -> None:
        self._timer = None
        self._do(self._scheduler.expire(time.monotonic_ns()))

    def _facts(self, number: int, state: str, handled: int) -> dict[str, Any]:
        worker = self._workers[number]
        return {
            "number": number,
            "pid": worker.pid,
            "state": state,
            "handled": handled,
            "asked_ns": self._asked_ns[number],
            "begun_ns": worker.begun_ns,
            "ready_ns": worker.ready_ns,
        }

    def _note(self, number: int, state: str) -> None:
        facts = self._facts(number, state, 0)
        del facts["handled"]
        self._records.instance(**facts, at_ns=time.monotonic_ns())


def _nothing(number: int) -> InstanceWorker:
    raise RuntimeError(f"nobody has said how to make instance {number}")
