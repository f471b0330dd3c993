"""When an answer came, by the kernel's stamp: the two clocks can't be read at one moment."""

from __future__ import annotations

import asyncio
import socket
import time
from types import SimpleNamespace
from typing import Any

import pytest

from harness.measure.load.generator import stamped

LATE_S = 0.05
BEGINS_S = (0.3, 3.0, 30.0)  # a busy kernel takes longer
STALL_NS = 30_000_000


class Received:
    """Takes what comes in the place of a connection."""

    def __init__(self) -> None:
        self.came = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def received(self, data: bytes, now: int) -> None:
        self.came.set_result((data, now))

    def connection_lost(self, error: OSError | None) -> None:
        pass


async def _stamp_of_an_answer_read_late(begins_s: float) -> tuple[int, int, int]:
    """(before it was sent, its stamp, after it was read) of the monotonic clock."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        received: Any = Received()
        sock = socket.create_connection(server.getsockname())
        stamped.ask_for_stamps(sock)
        sock.setblocking(False)
        received.connection_made(stamped.Stamped(sock, received))
        peer, _ = server.accept()
        # The kernel switches its stamps on in the background, some time after the first socket
        # that wants them is there; until then an answer has the time at which it is read.
        time.sleep(begins_s)
        before = time.monotonic_ns()
        peer.sendall(b"answer")
        time.sleep(LATE_S)  # the loop is not there to read it
        data, stamp = await received.came
        after = time.monotonic_ns()
        assert data == b"answer"
        received.transport.abort()
        peer.close()
        return before, stamp, after


def test_an_answer_is_stamped_when_it_came_not_when_it_was_read() -> None:
    early = False
    for begins_s in BEGINS_S:
        before, stamp, after = asyncio.run(_stamp_of_an_answer_read_late(begins_s))
        assert before <= stamp
        early = early or stamp < after - LATE_S * 1e9 / 2
        if early:
            break
    assert early


def test_a_process_that_waits_between_two_clocks_stamps_no_answer_too_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It loses its CPU whenever it has read one of them."""
    passed = 0

    def stalling(clock: Any) -> Any:
        def read() -> int:
            nonlocal passed
            value = int(clock()) + passed
            passed += STALL_NS
            return value

        return read

    monkeypatch.setattr(stamped, "clock", stalling(time.monotonic_ns))
    monkeypatch.setattr(stamped, "time", SimpleNamespace(time_ns=stalling(time.time_ns)))
    before, stamp, _ = asyncio.run(_stamp_of_an_answer_read_late(BEGINS_S[0]))
    assert before <= stamp


class Unstamped:
    """A socket whose first answers have no stamp: the kernel has yet to begin with them."""

    def __init__(self, sock: socket.socket, without: int) -> None:
        self._sock, self._without = sock, without

    def __enter__(self) -> Unstamped:
        return self

    def __exit__(self, *_: object) -> None:
        self._sock.close()

    def setsockopt(self, *_: object) -> None:
        pass

    def settimeout(self, _: float) -> None:
        pass

    def recvmsg(self, size: int, _: int) -> tuple[bytes, list[tuple[int, int, bytes]]]:
        self._without -= 1
        stamps = [(socket.SOL_SOCKET, stamped._SO_TIMESTAMPNS, b"")] if self._without < 0 else []
        return self._sock.recv(size), stamps


@pytest.mark.parametrize(("without", "expected"), [(0, True), (3, True), (1000, False)])
def test_a_kernel_that_begins_late_to_stamp_does_stamp(
    monkeypatch: pytest.MonkeyPatch, without: int, expected: bool
) -> None:
    connect = socket.create_connection
    monkeypatch.setattr(
        socket, "create_connection", lambda address: Unstamped(connect(address), without)
    )
    monkeypatch.setattr(stamped, "_TRY_S", 0.0)
    assert stamped.by_kernel() is expected
