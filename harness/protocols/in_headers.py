"""Plain JSON whose answers tell something of themselves in headers, which becomes marks."""

from __future__ import annotations

from dataclasses import dataclass

from harness.base.errors import AnswerError
from harness.protocols import protocol
from harness.protocols.exchange import Done, Exchange, Exchanges, Response, Step, exchanging
from harness.protocols.plain import PlainJson

HEADERS = {"stored": "answer-stored", "version": "model-version"}  # by mark


@exchanging("told-in-headers")
@dataclass(frozen=True, slots=True)
class Telling(Exchanges):
    """The first answer is the last one. `needed` is a mark without which an answer is none."""

    needed: str = ""

    def begin(self, number: int) -> Exchange:  # noqa: ARG002
        return Told(self.needed)


class Told(Exchange):
    """The exchange of one request."""

    def __init__(self, needed: str) -> None:
        self._needed = needed

    def received(self, response: Response, now_ns: int) -> Step:  # noqa: ARG002
        found = {mark: response.header(name) for mark, name in HEADERS.items()}
        marks = tuple((mark, int(v)) for mark, v in found.items() if v and v.isdecimal())
        if response.is_success and self._needed and self._needed not in dict(marks):
            name, said = HEADERS[self._needed], found[self._needed]
            raise AnswerError(f"the header {name!r} says {said!r}, which is no {self._needed}")
        return Done(marks=marks)


@protocol("json-stored")
class StoredJson(PlainJson):
    """`{"instances": [...]}` to `{"predictions": [...]}`, with the headers `Answer-Stored` (1 or
    0) and `Model-Version`."""

    def exchanges(self, path: str) -> Exchanges:  # noqa: ARG002
        return Telling()


@protocol("versioned")
class Versioned(PlainJson):
    """`{"instances": [...]}` to `{"predictions": [...]}` and a header `Model-Version`."""

    def exchanges(self, path: str) -> Exchanges:  # noqa: ARG002
        return Telling("version")
