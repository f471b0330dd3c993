"""Plain JSON whose answers say which version of the model has predicted."""

from __future__ import annotations

from dataclasses import dataclass

from harness.base.errors import AnswerError
from harness.protocols import protocol
from harness.protocols.exchange import Done, Exchange, Exchanges, Response, Step, exchanging
from harness.protocols.plain import PlainJson

HEADER = "model-version"


@exchanging("versioned")
@dataclass(frozen=True, slots=True)
class Versions(Exchanges):
    """The first answer is the last one."""

    def begin(self, number: int) -> Exchange:  # noqa: ARG002
        return VersionTold()


class VersionTold(Exchange):
    """One request."""

    def received(self, response: Response, now_ns: int) -> Step:  # noqa: ARG002
        if not response.is_success:
            return Done()
        told = response.header(HEADER)
        if told is None or not told.isdecimal():
            raise AnswerError(f"the header {HEADER!r} says {told!r}, which is no version")
        return Done(marks=(("version", int(told)),))


@protocol("versioned")
class Versioned(PlainJson):
    """`{"instances": [...]}` to `{"predictions": [...]}` and a header `Model-Version`."""

    def exchanges(self, path: str) -> Exchanges:  # noqa: ARG002
        return Versions()
