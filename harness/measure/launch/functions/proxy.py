"""The way to an instance that listens itself: requests on kept connections, one at a time on each.

What an instance answers is handed on whole, as its bytes mean it; see `generator.answer`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import cast

from harness.measure.load.generator.answer import Answer, Unfit, headers_of

Headers = Iterable[tuple[str, str]]
TIMED_OUT = "TimedOut"  # kind of failure: an instance took too long, and goes on
_MOST = 1 << 30  # bytes of an answer
_KEPT_S = 1.0  # that a connection waits for another request: gunicorn closes it after 2 s
_PROBE_S = 0.01  # between two looks whether it listens
_CLOSES_S = 0.1  # a port that is published is accepted at once, and closed if nothing listens
# Of one connection alone, or made anew for the next one.
_OF_HOP = {
    *("connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"),
    *("te", "trailer", "transfer-encoding", "upgrade", "expect", "content-length"),
}


class InstanceLost(Exception):
    """An instance did not answer a request, and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceReply:
    """What an instance answered."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes


def message(method: str, target: str, headers: Headers, body: bytes) -> bytes:
    """A request as it is sent to an instance."""
    kept = [f"{name}: {value}" for name, value in headers if name.lower() not in _OF_HOP]
    if body or method not in ("GET", "HEAD"):
        kept.append(f"content-length: {len(body)}")
    return "\r\n".join([f"{method} {target} HTTP/1.1", *kept, "", ""]).encode("latin-1") + body


class InstanceWay:
    """To one instance."""

    def __init__(self, host: str, port: int, *, published: bool = False) -> None:
        self._host, self._port = host, port
        self._published = published  # its port is the engine's own until something listens
        self._free: list[_Connection] = []
        self._all: set[_Connection] = set()

    async def until_listening(self) -> None:
        """Return once its port takes connections."""
        while True:
            with suppress(OSError):
                made = await self._connected()
                if not self._published or await made.lasts(_CLOSES_S):
                    self._keep(made)
                    return
            await asyncio.sleep(_PROBE_S)

    async def ask(self, data: bytes, *, bodiless: bool = False) -> InstanceReply:
        """Send a request and wait for its answer. Raises InstanceLost."""
        connection = self._kept()
        if connection is None:
            try:
                connection = await self._connected()
            except OSError as error:
                raise InstanceLost(f"it takes no connection ({error.strerror or error})") from error
        try:
            reply = await connection.ask(data, bodiless=bodiless)
        except asyncio.CancelledError:  # its time is over: what it answers later is nobody's
            connection.close()
            raise
        self._keep(connection)
        return reply

    def _kept(self) -> _Connection | None:
        while self._free:
            found = self._free.pop()  # the latest: the others age
            if found.is_open and asyncio.get_running_loop().time() - found.used_s < _KEPT_S:
                return found
            found.close()
        return None

    def _keep(self, connection: _Connection) -> None:
        if connection.is_open:
            connection.used_s = asyncio.get_running_loop().time()
            self._free.append(connection)

    async def _connected(self) -> _Connection:
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(lambda: _Connection(self), self._host, self._port)
        return made

    def close(self) -> None:
        """Close all connections; requests on them are lost."""
        for connection in list(self._all):
            connection.close()

    def opened(self, connection: _Connection) -> None:
        """Note a connection that was made."""
        self._all.add(connection)

    def closed(self, connection: _Connection) -> None:
        """Forget a connection that has ended."""
        self._all.discard(connection)
        if connection in self._free:
            self._free.remove(connection)


class _Connection(asyncio.Protocol):
    def __init__(self, way: InstanceWay) -> None:
        self._way = way
        self._transport: asyncio.Transport | None = None
        self._answer: Answer | None = None
        self._asked: asyncio.Future[InstanceReply] | None = None
        self._ended = asyncio.get_running_loop().create_future()
        self.used_s = 0.0  # when it became free, by the loop's clock

    @property
    def is_open(self) -> bool:
        return self._transport is not None and not self._transport.is_closing()

    async def lasts(self, seconds: float) -> bool:
        """Whether it is still open after so long."""
        await asyncio.wait([self._ended], timeout=seconds)
        return self.is_open

    def ask(self, data: bytes, *, bodiless: bool) -> asyncio.Future[InstanceReply]:
        assert self._transport is not None
        self._answer = Answer(keep=True, most=_MOST, bodiless=bodiless)
        self._asked = asyncio.get_running_loop().create_future()
        self._transport.write(data)
        return self._asked

    def close(self) -> None:
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none of asyncio's
        self._way.opened(self)

    def data_received(self, data: bytes) -> None:
        if self._answer is None or self._asked is None:
            self.close()  # nobody asked
            return
        try:
            is_whole = self._answer.feed(data)
        except Unfit as error:
            self._lose(str(error))
            self.close()
            return
        if is_whole:
            if not (self._answer.keep_alive and self._answer.alone):
                self.close()
            self._done()

    def connection_lost(self, _: Exception | None) -> None:
        self._transport = None
        self._way.closed(self)
        if not self._ended.done():
            self._ended.set_result(None)
        if self._answer is None:
            return
        how = "in the middle of its answer" if self._answer.begun else "without an answer"
        if self._answer.end():
            self._done()
        else:
            self._lose(f"it closed the connection {how}")

    def _done(self) -> None:
        answer, asked = self._answer, self._asked
        self._answer = self._asked = None
        if answer is not None and asked is not None and not asked.done():
            reply = InstanceReply(
                status=answer.status, headers=headers_of(answer.head), body=b"".join(answer.body)
            )
            asked.set_result(reply)

    def _lose(self, why: str) -> None:
        asked = self._asked
        self._answer = self._asked = None
        if asked is not None and not asked.done():
            asked.set_exception(InstanceLost(why))


def handed_on(headers: Headers) -> list[tuple[str, str]]:
    """The headers of an answer that the next one may see."""
    return [(name, value) for name, value in headers if name.lower() not in _OF_HOP]
