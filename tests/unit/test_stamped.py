"""When an answer came, by the kernel's stamp: the two clocks can't be read at one moment."""

from __future__ import annotations

import asyncio
import socket
import time
from types import SimpleNamespace
from typing import Any

import pytest

from harness.measure.driver import stamped

LATE_S = 0.05
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


async def _stamp_of_an_answer_read_late() -> tuple[int, int, int]:
    """(before it was sent, its stamp, after it was read) of the monotonic clock."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        received: Any = Received()
        family = (socket.AF_INET, socket.SOCK_STREAM, 0, "", server.getsockname())
        await stamped.connect([family], None, received)
        peer, _ = server.accept()
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
    before, stamp, after = asyncio.run(_stamp_of_an_answer_read_late())
    assert before <= stamp
    assert stamp < after - LATE_S * 1e9 / 2


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
    before, stamp, _ = asyncio.run(_stamp_of_an_answer_read_late())
    assert before <= stamp
