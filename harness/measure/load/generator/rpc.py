"""The open and the closed loop over gRPC: the same schedules and columns as over HTTP.

One channel, as gRPC clients have; calls share its connection. A first byte can't be seen.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any

import grpc
import grpc.aio

from harness.base.errors import AnswerError
from harness.measure.load.generator import why
from harness.measure.load.generator.connection import STATUS
from harness.measure.load.generator.job import Job
from harness.measure.load.generator.loop import CHUNK, Loop
from harness.measure.load.generator.thinking import Thinking
from harness.measure.load.generator.timer import Timer, clock
from harness.measure.talk.ask import GRPC_OPTIONS
from harness.measure.talk.tls import credentials
from harness.protocols.exchange import (
    Done,
    Exchange,
    Fail,
    Response,
    Send,
    Step,
    contents,
    next_step,
)
from harness.windows.samples import ERRORS

_OK = 200  # as HTTP says it; any other status is gRPC's own code
_KINDS = {
    grpc.StatusCode.UNAVAILABLE: ERRORS.index("disconnected"),
    grpc.StatusCode.DEADLINE_EXCEEDED: ERRORS.index("timeout"),
}
_CONNECT, _TIMEOUT = ERRORS.index("connect"), ERRORS.index("timeout")
_RETRY_S = 0.02


class _Ended(Exception):
    """A request has failed otherwise than by gRPC, and its row says how."""


class RpcLoop(Loop):
    """The common part of both loops over gRPC."""

    def __init__(self, job: Job, rows: int) -> None:
        super().__init__(job, rows)
        target = job.target
        host = f"[{target.host}]" if ":" in target.host else target.host
        address = f"{host}:{target.port}"
        self.channel = (
            grpc.aio.secure_channel(address, credentials(target.trust), GRPC_OPTIONS)
            if target.tls
            else grpc.aio.insecure_channel(address, GRPC_OPTIONS)
        )
        # Without serialisers: bytes go in and come out.
        self._call: Any = self.channel.unary_unary(target.method)
        self._metadata = target.metadata or None
        self._timeout_s = job.timeout_ns / 1e9
        self._order: list[int] = job.payload.tolist()
        self._exchanges = target.exchanges
        self._chunked = target.exchanges is not None and target.exchanges.chunked

    async def prepare(self) -> None:
        with contextlib.suppress(TimeoutError):  # else each call says so
            await asyncio.wait_for(self.channel.channel_ready(), self._timeout_s)

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            await self.channel.close()

    async def ask(self, index: int) -> bool:
        """Send one request and fill its row; whether an answer of any kind came."""
        number = self._order[index % len(self._order)]
        self.sent_ns[index] = clock()
        try:
            body = await self._called(self.messages[number], self._timeout_s)
            if self._exchanges is not None:
                body = await self._last(index, self._exchanges.begin(number), body)
        except grpc.aio.AioRpcError as error:
            return self._failed(index, error)
        except _Ended:
            return True
        self.done_ns[index], self.status[index] = clock(), _OK
        if self.keep_every and index % self.keep_every == 0:
            self.bodies[index] = body
        return True

    def _called(self, message: bytes, timeout_s: float) -> Awaitable[bytes]:
        called: Awaitable[bytes] = self._call(message, timeout=timeout_s, metadata=self._metadata)
        return called

    def _failed(self, index: int, error: grpc.aio.AioRpcError) -> bool:
        now = clock()
        kind = _KINDS.get(error.code())
        if kind is None:
            self.done_ns[index], self.status[index] = now, error.code().value[0]
            self.error[index] = STATUS
            said = (str(error.details()).encode(), b"", b"")
            self.first_said.setdefault(self.status[index], said)
            return True
        self.why = why.of_words(str(error.details()))
        never = self.channel.get_state() is grpc.ChannelConnectivity.TRANSIENT_FAILURE
        self.record(index, now, _CONNECT if never else kind)
        return False

    async def _last(self, index: int, exchange: Exchange, body: bytes) -> bytes:
        """Go on until the last answer; what is judged of it. Raises _Ended where the row says how
        it failed."""
        until_ns = self.sent_ns[index] + self.job.patience_ns
        while True:
            now = clock()
            step = self._step(index, exchange, body, now)
            if not isinstance(step, Send):
                self.marks.add(index, step.marks)
            if isinstance(step, Done):
                return body if step.body is None else step.body
            if isinstance(step, Fail):
                self.why = why.of_exchange(step)
                self.record(index, now, step.code)
                self.status[index] = _OK
                raise _Ended
            await asyncio.sleep((min(step.at_ns, until_ns) - now) / 1e9)
            left_s = (until_ns - clock()) / 1e9
            if left_s <= 0:
                self.record(index, until_ns, _TIMEOUT)
                raise _Ended
            body = await self._called(step.message.body, min(self._timeout_s, left_s))

    def _step(self, index: int, exchange: Exchange, body: bytes, now: int) -> Step:
        if self._chunked:
            try:
                self.chunks.add(index, now, contents(exchange, body))
            except AnswerError as error:
                return Fail(str(error), "garbage")
        return next_step(exchange, Response(_OK, (), body), now)


class OpenRpc(RpcLoop):
    """Calls each when it is due, whatever came of the ones before."""

    def __init__(self, job: Job) -> None:
        assert job.due_ns is not None
        super().__init__(job, len(job.due_ns))
        self.due: list[int] = []
        self.timer = Timer()

    def begin(self, start_ns: int) -> None:
        super().begin(start_ns)
        assert self.job.due_ns is not None
        self.due = (start_ns + self.job.due_ns).tolist()

    async def fire(self) -> None:
        asyncio.get_running_loop().add_reader(self.timer.fd, self._tick)
        self.timer.arm(self.due[0] if self.due else self.start_ns)

    def cut(self) -> None:
        if self.next < len(self.due):
            del self.due[self.next :]
            self.timer.arm(0)

    def _tick(self) -> None:
        index, count = self.next, len(self.due)
        while index < count and self.due[index] <= clock():
            self.open_requests += 1
            self.spawn(self._one(index))
            index += 1
        self.next = index
        if index < count:
            self.timer.arm(self.due[index])
            return
        asyncio.get_running_loop().remove_reader(self.timer.fd)
        self.timer.close()
        self._end_if_idle()

    async def _one(self, index: int) -> None:
        await self.ask(index)
        self.open_requests -= 1
        self._end_if_idle()

    def _end_if_idle(self) -> None:
        if self.next == len(self.due) and not self.open_requests and not self.finished.done():
            self.finished.set_result(None)


class ClosedRpc(RpcLoop):
    """A fixed number of callers, each calling again when its last answer has come."""

    def __init__(self, job: Job) -> None:
        super().__init__(job, min(job.limit or CHUNK, CHUNK))
        self.end_ns = 0
        self.limit = job.limit if job.limit is not None else 1 << 62
        self.thinking: Thinking[asyncio.Future[None]] | None = None
        if job.think_ns is not None:
            self.thinking = Thinking(job.think_ns, job.number, lambda user: user.set_result(None))

    def begin(self, start_ns: int) -> None:
        super().begin(start_ns)
        self.end_ns = start_ns + self.job.duration_ns

    async def fire(self) -> None:
        while (early_ns := self.start_ns - clock()) > 0:
            await asyncio.sleep(early_ns / 1e9)
        await asyncio.gather(*(self._caller() for _ in range(self.job.concurrency)))
        if self.thinking is not None:
            self.thinking.close()
        self.finished.set_result(None)

    def cut(self) -> None:
        self.end_ns = min(self.end_ns, clock())
        if self.thinking is not None:
            self.thinking.end()

    async def _think(self) -> bool:
        """Once, where callers are users who do; whether the window goes on."""
        if self.thinking is not None:
            user: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self.thinking.begin(user, self.end_ns)
            await user
        return clock() < self.end_ns

    async def _caller(self) -> None:
        while await self._think() and (index := self.next) < self.limit:
            self.next = index + 1
            if index >= len(self.sent_ns):
                self.grow()
            if not await self.ask(index):
                # A server that refuses at once would else be refused thousands of times a second.
                await asyncio.sleep(_RETRY_S)
