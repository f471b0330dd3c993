"""Protocols that need more than one answer, or an answer's pieces: they stand for those to come."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from harness.protocols import Message, json_message, parsed
from harness.protocols.exchange import (
    Content,
    Done,
    Exchange,
    Exchanges,
    Fail,
    Response,
    Send,
    Step,
    exchanging,
)
from harness.protocols.plain import PlainJson


@exchanging("submit-and-poll")
@dataclass(frozen=True, slots=True)
class Polling(Exchanges):
    """A submission is answered by an id, whose job is asked after until it is done."""

    path: str = "/jobs"
    every_ns: int = 4_000_000
    limit_s: float = 20.0

    def begin(self, number: int) -> Exchange:  # noqa: ARG002
        return Poll(self)


class Poll(Exchange):
    """One job."""

    def __init__(self, way: Polling) -> None:
        self._way = way
        self._job = ""
        self._polls = 0

    def received(self, response: Response, now_ns: int) -> Step:
        if not response.is_success:
            return Done()
        told = parsed(response.body)
        if told.get("status") == "completed":
            return Done(marks=(("polls", self._polls), ("finished_ns", now_ns)))
        if told.get("status") == "failed":
            return Fail(told["error"], marks=(("polls", self._polls),))
        self._job = self._job or told["id"]
        self._polls += 1
        question = Message(b"", method="GET", path=f"{self._way.path}/{self._job}")
        return Send(question, now_ns + self._way.every_ns)


class SubmitAndPoll(PlainJson):
    """`{"instances"}` to an id, and from that to `{"predictions"}`."""

    path: ClassVar[str] = "/jobs"

    def exchanges(self, path: str) -> Exchanges:
        return Polling(path)


@exchanging("words-by-line")
@dataclass(frozen=True, slots=True)
class Lines(Exchanges):
    """An answer is lines, each of some words; the last one says that it is the end."""

    chunked: ClassVar[bool] = True
    limit_s: float = 20.0

    def begin(self, number: int) -> Exchange:  # noqa: ARG002
        return Listening()


class Listening(Exchange):
    """One answer, line by line, however it is cut."""

    def __init__(self) -> None:
        self._rest = b""

    def content(self, piece: bytes) -> Iterable[Content]:
        *lines, self._rest = (self._rest + piece).split(b"\n")
        return [(len(line), len(line.split())) for line in lines if line != b"end"]

    def received(self, response: Response, now_ns: int) -> Step:  # noqa: ARG002
        if response.is_success and not response.body.endswith(b"end\n"):
            return Fail("it ends before its end", "garbage")
        return Done(response.body.removesuffix(b"end\n"))


class Words(PlainJson):
    """`{"instances"}` to lines."""

    def exchanges(self, path: str) -> Exchanges:  # noqa: ARG002
        return Lines()


@exchanging("obedient")
@dataclass(frozen=True, slots=True)
class Obedient(Exchanges):
    """Does what answers say: "again", "wait", "fail", "raise"; anything else is the last one."""

    limit_s: float = 20.0

    def begin(self, number: int) -> Exchange:
        return Obeying(number)


class Obeying(Exchange):
    """One request, whose number stands in what it sends."""

    def __init__(self, number: int) -> None:
        self._number = number
        self._answers = 0

    def received(self, response: Response, now_ns: int) -> Step:
        self._answers += 1
        word = response.body.partition(b" ")[0]
        if word in (b"again", b"wait"):
            later_ns = 30_000_000 if word == b"wait" else 0
            return Send(json_message([self._number, self._answers]), now_ns + later_ns)
        if word == b"fail":
            return Fail("on purpose")
        if word == b"raise":
            raise ZeroDivisionError("as of a protocol with a mistake")
        known: dict[bytes, Step] = {b"other": Done(b"what is judged")}
        return known.get(word, Done(marks=(("polls", self._answers - 1),)))
