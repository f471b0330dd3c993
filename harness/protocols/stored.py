"""Answers that may have been stored: what says so of them becomes marks of their requests."""

from __future__ import annotations

from dataclasses import dataclass

from harness.protocols import protocol
from harness.protocols.exchange import Done, Exchange, Exchanges, Response, Step, exchanging
from harness.protocols.plain import PlainJson

_MARKS = {"stored": "answer-stored", "version": "model-version"}  # by the headers' names


@exchanging("told-in-headers")
@dataclass(frozen=True, slots=True)
class Telling(Exchanges):
    """One answer, whose headers tell whether it had been stored, and which version predicted."""

    def begin(self, number: int) -> Exchange:  # noqa: ARG002
        return _TELLS


class Tells(Exchange):
    """The only answer to a request."""

    def received(self, response: Response, now_ns: int) -> Step:  # noqa: ARG002
        told = ((mark, response.header(name)) for mark, name in _MARKS.items())
        return Done(marks=tuple((mark, int(v)) for mark, v in told if v and v.isdecimal()))


_TELLS = Tells()  # it remembers nothing


@protocol("json-stored")
class StoredJson(PlainJson):
    """`{"instances": [...]}` to `{"predictions": [...]}`, with the headers `Answer-Stored` (1 or
    0) and `Model-Version`."""

    def exchanges(self, path: str) -> Exchanges:  # noqa: ARG002
        return Telling()
