"""A connection's stamps, where the kernel's clock goes back by microseconds between two reads."""

from __future__ import annotations

from array import array
from types import SimpleNamespace
from typing import Any

import pytest

from harness.measure.load.generator.answer import Answer
from harness.measure.load.generator.connection import Connection
from harness.measure.load.generator.exchanging import Conversing
from harness.measure.load.generator.pieces import PieceAnswer

HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
MOST = 1 << 20


class Loop(SimpleNamespace):
    """One request, sent at 50."""

    def __init__(self) -> None:
        super().__init__(
            sent_ns=array("q", [50]),
            first_byte_ns=array("q", [-1]),
            heads={},
            last_head=b"",
            last_size=-1,
            keep_every=0,
            large=False,
            stamps=[],
            pieces=[],
        )

    def take(self, index: int, answer: Answer) -> None: ...
    def remember(self, answer: Answer) -> None: ...

    def asked_ns(self, index: int) -> int:
        return int(self.sent_ns[index])

    def begun(self, index: int, now: int) -> None:
        self.first_byte_ns[index] = now

    def answered(self, _: Any, __: int, now: int, ___: int) -> None:
        self.stamps.append(now)


class Whole(Loop):
    def awaited(self, _: int) -> Answer:
        return Answer(keep=True, most=MOST)


class Pieces(Loop):
    def awaited(self, _: int) -> Answer:
        return PieceAnswer(most=MOST, bodiless=False, tell=lambda _, now: self.pieces.append(now))


@pytest.mark.parametrize(
    ("connection", "loop"), [(Connection, Whole), (Conversing, Pieces)], ids=["one", "exchange"]
)
def test_later_parts_of_an_answer_do_not_come_before_its_first_byte(
    connection: type[Connection], loop: type[Loop]
) -> None:
    asked: Any = loop()
    made = connection(asked)
    made.index = 0
    made.received(HEAD, 100)
    made.received(b"he", 91)
    made.received(b"llo", 120)
    assert asked.first_byte_ns[0] == 100
    assert asked.stamps == [120]
    assert asked.pieces in ([], [100, 120])


@pytest.mark.parametrize(
    ("connection", "loop"), [(Connection, Whole), (Conversing, Pieces)], ids=["one", "exchange"]
)
def test_an_answer_does_not_end_before_its_first_byte(
    connection: type[Connection], loop: type[Loop]
) -> None:
    asked: Any = loop()
    made = connection(asked)
    made.index = 0
    made.received(HEAD, 100)
    made.received(b"hello", 91)
    assert asked.stamps == [100]
