"""An instance as Cloud Run runs it: it must listen in time, has several requests at once, and its
CPU only while it has one."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from harness.measure.launch.functions import cpu_gate, proxy
from harness.measure.launch.functions.billed_time import BilledTime
from harness.measure.launch.functions.cpu_gate import CpuGate, NoGate, PauseGate
from harness.measure.launch.functions.fleet import Fleet
from harness.measure.launch.functions.instance_places import InstanceEnd, InstancePlace
from harness.measure.launch.functions.invocation import Invocation, InvocationFailure
from harness.measure.launch.functions.orders import FunctionOrder
from harness.measure.launch.functions.proxy import InstanceLost, InstanceReply, InstanceWay
from harness.measure.launch.functions.proxy_caller import ProxyCaller
from harness.measure.launch.functions.to_the_end import to_the_end

if TYPE_CHECKING:
    from harness.measure.launch.functions.container_instances import ContainerInstance

_NOTICED_S = 1.0  # until the end of a container is known whose connections have ended
_HEAD = b"HEAD "


class CloudRunInstance:
    """One of them, in a container."""

    def __init__(
        self, number: int, order: FunctionOrder, place: InstancePlace, fleet: Fleet
    ) -> None:
        self._number, self._order, self._place, self._fleet = number, order, place, fleet
        self.pid = 0
        self.begun_ns: int | None = None
        self.ready_ns: int | None = None
        self._asked_ns = time.monotonic_ns()
        self._running: ContainerInstance | None = None
        self._way: InstanceWay | None = None
        self._gate: CpuGate = NoGate()
        self._over: asyncio.Future[InstanceEnd] | None = None
        self._requests: set[asyncio.Task[None]] = set()
        self._undelivered: list[Invocation] = []
        self._billed = BilledTime()

    async def live(self) -> None:
        """See Worker."""
        try:
            failure = await self._come_up()
            if failure is not None:
                self._fleet.log.say(f"instance {self._number}: {failure.message}\n")
                self._fleet.ended(self._number, failure=failure)
                return
            assert self._over is not None
            self._fleet.ready(self._number)
            self._shut_if_idle()
            ended = await self._over
            self._fleet.log.say(f"instance {self._number}: {self._words(ended)}\n")
            if self._requests:
                await asyncio.wait(self._requests)  # they have lost their connections
            await self._discard()
            self._fleet.ended(self._number, self._undelivered)
        finally:
            await to_the_end(self._discard())

    def serve(self, invocation: Invocation) -> None:
        """See Worker."""
        if self._over is not None and self._over.done():
            self._undelivered.append(invocation)
            return
        self._billed.more(time.monotonic_ns())
        task = asyncio.get_running_loop().create_task(self._serve(invocation))
        self._requests.add(task)
        task.add_done_callback(self._requests.discard)

    def end(self) -> None:
        """See Worker."""
        self._ending = asyncio.get_running_loop().create_task(self._end())

    def kill(self) -> None:
        """See Worker."""
        if self._running is not None:
            self._running.kill()

    async def _end(self) -> None:
        if self._running is not None:
            await self._gate.open()  # it has its CPU while it shuts down
            self._running.terminate()
            asyncio.get_running_loop().call_later(self._order.grace_s, self.kill)

    async def _come_up(self) -> InvocationFailure | None:
        """Begin it, and wait until it listens; why it does not, or None."""
        told = {"HARNESS_INSTANCE": str(self._number)}
        try:
            running = await self._place.begin(self._number, told)
        except OSError as error:
            return InvocationFailure(kind="ContainerMissing", message=str(error))
        self._running = found = cast("ContainerInstance", running)
        self.pid, self.begun_ns = found.pid, found.begun_ns
        self._over = asyncio.ensure_future(found.ended())
        self._way = InstanceWay(found.host, found.port, published=found.published)
        listens = asyncio.ensure_future(self._way.until_listening())
        try:
            await asyncio.wait(
                {listens, self._over},
                timeout=self._order.init_s,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            listens.cancel()
        if not listens.done() or self._over.done():
            return self._not_listening(self._over.result() if self._over.done() else None)
        self.ready_ns = time.monotonic_ns()
        self._billed.began(found.begun_ns)
        self._gate = cpu_gate.of_group(found.group) or PauseGate(
            freeze=found.pause, thaw=found.unpause
        )
        if self._number == 1:
            self._fleet.log.say(f"an instance without a request is held by {self._gate.how}\n")
        return None

    def _not_listening(self, ended: InstanceEnd | None) -> InvocationFailure:
        port = self._order.own["ports"][0]
        how = f"within {self._order.init_s:g} s" if ended is None else f"({self._words(ended)})"
        return InvocationFailure(
            kind="ContainerFailed",
            message="The user-provided container failed to start and listen on the port defined by "
            f"the PORT={port} environment variable {how}; it must do so on 0.0.0.0",
        )

    def _words(self, ended: InstanceEnd) -> str:
        if ended.out_of_memory:
            return f"it was killed: out of memory, an instance may use {self._order.memory_mib} MiB"
        return f"its container ended with exit code {ended.code}"

    async def _serve(self, found: Invocation) -> None:
        assert self._way is not None
        result: InstanceReply | InvocationFailure
        try:
            await self._gate.open()
            async with asyncio.timeout(self._order.timeout_s):
                result = await self._way.ask(found.event, bodiless=found.event.startswith(_HEAD))
        except TimeoutError:
            result = InvocationFailure(kind=proxy.TIMED_OUT, message="upstream request timeout")
        except InstanceLost as lost:
            result = await self._lost(lost)
        self._conclude(found, result)

    async def _lost(self, lost: InstanceLost) -> InvocationFailure:
        """Why; where its container has ended, that is soon known."""
        assert self._over is not None
        await asyncio.wait({self._over}, timeout=_NOTICED_S)
        why = self._words(self._over.result()) if self._over.done() else str(lost)
        return InvocationFailure(
            kind="InstanceLost", message=f"The request failed at instance {self._number}: {why}"
        )

    def _conclude(self, found: Invocation, result: InstanceReply | InvocationFailure) -> None:
        if found.cold and self.ready_ns is not None:
            found.init_ns = self.ready_ns - self._asked_ns
        if isinstance(result, InstanceReply):
            assert isinstance(found.caller, ProxyCaller)
            found.caller.reply = result
            self._fleet.answer(found, result.body)
        else:
            self._fleet.answer(found, result)
        found.billed_ms = self._billed.less(time.monotonic_ns())
        if self._running is not None:
            found.peak_bytes = self._running.peak_bytes()
        if self._over is not None and not self._over.done():
            self._fleet.done(self._number)  # it may have the next one now
            self._shut_if_idle()
        self._fleet.keep(found)

    def _shut_if_idle(self) -> None:
        if not self._billed.active:
            self._gate.shut()

    async def _discard(self) -> None:
        """Kill what is left of it."""
        running, self._running = self._running, None
        if self._way is not None:
            self._way.close()
        if running is not None:
            with suppress(OSError):
                await self._gate.open()
            running.kill()
            await running.ended()
            await running.remove()
