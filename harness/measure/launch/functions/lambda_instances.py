"""An instance as Lambda runs it: its initialisation, one invocation at a time, its end."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import Any

from harness.measure.launch.functions import limits
from harness.measure.launch.functions.fleet import Fleet
from harness.measure.launch.functions.http_server import Incoming
from harness.measure.launch.functions.instance_places import (
    InstanceEnd,
    InstancePlace,
    RunningInstance,
)
from harness.measure.launch.functions.invocation import Invocation, InvocationFailure
from harness.measure.launch.functions.orders import FunctionOrder
from harness.measure.launch.functions.runtime_api import RuntimeApi, give
from harness.measure.launch.functions.to_the_end import to_the_end


class LambdaInstance:
    """One of them; its runtime drives it through the Runtime API."""

    def __init__(
        self, number: int, order: FunctionOrder, place: InstancePlace, fleet: Fleet
    ) -> None:
        self._number = number
        self._order = order
        self._place = place
        self._fleet = fleet
        self.pid = 0
        self.begun_ns: int | None = None
        self.ready_ns: int | None = None
        self._asked_ns = time.monotonic_ns()
        self._api = RuntimeApi(self)
        self._running: RunningInstance | None = None
        self._asker: Incoming | None = None  # its runtime waits for an event
        self._current: Invocation | None = None
        self._delivered = False
        self._timer: asyncio.TimerHandle | None = None
        self._first_ns = 0  # of the first attempt, until an invocation was charged with it
        self._second_ns = 0  # of the second attempt, which is a part of its invocation

    async def live(self) -> None:
        """See InstanceWorker."""
        try:
            address = await self._api.listen(self._place.host)
            failure = await self._initialise(address)
            if failure is not None:
                self._fleet.ended(self._number, failure=failure)
                return
            assert self._running is not None
            self._fleet.ready(self._number)
            ended = await self._running.ended()
            undelivered = self._break_off(ended)
            await self._discard()  # before another one takes its place
            self._fleet.ended(self._number, undelivered)
        finally:
            self._api.close()
            await to_the_end(self._discard())

    def serve(self, invocation: Invocation) -> None:
        """See InstanceWorker."""
        self._current, self._delivered = invocation, False
        seconds = max(0.0, self._order.timeout_s - self._second_ns / 1e9)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._time_out)
        if self._asker is not None and not self._asker.gone:
            self._deliver(seconds)

    def end(self) -> None:
        """See InstanceWorker."""
        if self._running is not None:
            self._running.terminate()
            asyncio.get_running_loop().call_later(self._order.grace_s, self.kill)

    def kill(self) -> None:
        """See InstanceWorker."""
        if self._running is not None:
            self._running.kill()

    def asks(self, exchange: Incoming) -> None:
        """See Runtime."""
        self._asker = exchange
        if not self._came_up.done():
            self.ready_ns = time.monotonic_ns()
            self._came_up.set_result(None)
        elif self._current is not None and not self._delivered:
            self._deliver(self._order.timeout_s)

    def responds(self, request_id: str, result: bytes | InvocationFailure) -> bool:
        """See Runtime."""
        found = self._current
        if found is None or not self._delivered or found.request_id != request_id:
            return False
        self._conclude(found, result)
        return True

    def fails(self, failure: InvocationFailure) -> None:
        """See Runtime."""
        if not self._came_up.done():
            self._came_up.set_result(failure)

    async def _initialise(self, address: str) -> InvocationFailure | None:
        """Two attempts, the second as a part of the invocation; why both failed, or None."""
        failure = None
        for attempt, limit_s in ((1, self._order.init_s), (2, self._order.timeout_s)):
            began = time.monotonic_ns()
            self._came_up: asyncio.Future[InvocationFailure | None] = (
                asyncio.get_running_loop().create_future()
            )
            failure = await self._begin(address, limit_s)
            began = self.begun_ns or began
            taken_ns = (self.ready_ns or time.monotonic_ns()) - began
            if attempt == 1:
                self._first_ns = taken_ns
            else:
                self._second_ns = taken_ns
            if failure is None:
                return None
            self._fleet.log.say(limits.init_report(taken_ns, attempt, failure))
            self._fleet.log.say(f"instance {self._number}: {failure.kind}: {failure.message}\n")
            self._asker = None
            await self._discard()
        return failure

    async def _begin(self, address: str, limit_s: float) -> InvocationFailure | None:
        """One attempt; why it failed, or None."""
        told = {
            "AWS_LAMBDA_RUNTIME_API": address,
            "AWS_LAMBDA_LOG_STREAM_NAME": f"instance-{self._number}",
            "HARNESS_INSTANCE": str(self._number),
        }
        try:
            self._running = await self._place.begin(self._number, told)
        except OSError as error:
            return InvocationFailure(kind="Runtime.InvalidEntrypoint", message=str(error))
        self.pid, self.begun_ns = self._running.pid, self._running.begun_ns
        ended = asyncio.ensure_future(self._running.ended())
        try:
            either: set[asyncio.Future[Any]] = {self._came_up, ended}
            await asyncio.wait(either, timeout=limit_s, return_when=asyncio.FIRST_COMPLETED)
            if self._came_up.done():
                return self._came_up.result()
            if ended.done():
                return limits.exited(ended.result(), self._order.memory_mib)
            return limits.init_timed_out(limit_s)
        finally:
            ended.cancel()

    def _deliver(self, seconds: float) -> None:
        assert self._asker is not None
        assert self._current is not None
        asker, self._asker, self._delivered = self._asker, None, True
        give(asker, self._current, self._order.name, seconds)

    def _time_out(self) -> None:
        if self._current is not None:
            self._break_with(self._current, limits.timed_out(self._order.timeout_s))
            self.kill()

    def _break_off(self, ended: InstanceEnd) -> list[Invocation]:
        """The process is gone: what it had has no result; what it had not seen goes to others."""
        found, self._current = self._current, None
        if found is None:
            return []
        if not self._delivered:
            self._stop_timer()
            return [found]
        self._break_with(found, limits.exited(ended, self._order.memory_mib))
        return []

    def _break_with(self, found: Invocation, failure: InvocationFailure) -> None:
        self._current = None
        self._stop_timer()
        self._fleet.answer(found, failure)
        self._fleet.log.say(f"RequestId: {found.request_id} Error: {failure.message}\n")
        if failure.kind == limits.OUT_OF_MEMORY:
            found.peak_bytes = self._order.memory_mib << 20
        self._report(found, *self._charged(found), failure)

    def _conclude(self, found: Invocation, result: bytes | InvocationFailure) -> None:
        self._current = None
        self._stop_timer()
        self._fleet.answer(found, result)
        took = self._charged(found)
        self._fleet.done(self._number)  # it may have the next one now
        self._report(found, *took, result if isinstance(result, InvocationFailure) else None)

    def _charged(self, found: Invocation) -> tuple[int, int]:
        """(how long an invocation took, how long the initialisation before it)."""
        duration_ns = found.answered_ns - found.dispatched_ns + self._second_ns
        init_ns, self._first_ns, self._second_ns = self._first_ns, 0, 0
        if found.cold and self.ready_ns is not None:
            found.init_ns = self.ready_ns - self._asked_ns
        return duration_ns, init_ns

    def _report(
        self, found: Invocation, duration_ns: int, init_ns: int, failure: InvocationFailure | None
    ) -> None:
        """Say and keep what it took."""
        if self._running is not None:
            found.peak_bytes = max(found.peak_bytes, self._running.peak_bytes())
        found.billed_ms = limits.billed_ms(duration_ns, init_ns)
        took = {"duration_ns": duration_ns, "init_ns": init_ns}
        memory_mib = self._order.memory_mib
        self._fleet.log.say(limits.report(found, **took, memory_mib=memory_mib, failure=failure))
        self._fleet.keep(found)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    async def _discard(self) -> None:
        """Kill what is left of its processes."""
        running, self._running = self._running, None
        if running is not None:
            running.kill()
            with suppress(asyncio.CancelledError):
                await running.ended()
            await running.remove()
