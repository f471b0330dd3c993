"""The exchange between a request's first message and its last answer, for protocols that need
several.

Most protocols send one message and read one answer. They have no exchange, and drivers fire their
messages without asking anybody. A protocol that submits a job and polls for its result, or that
reads a stream, has `Exchanges`: they make one small state machine for each request, which every
driver and everybody else who asks a server obeys.

An exchange is given whole answers, whose framing is taken off: status, headers, body. Raw bytes
would have each protocol parse HTTP once more, and would not exist over gRPC. A poll is decided on
nothing less than its whole answer. A stream is one answer, so it is given the pieces of its content
besides, as they come and before the answer ends. A piece is what arrived together: an event may
begin in one piece and end in another.

Exchanges are pure: they read no clock, sleep nowhere, and send nothing themselves. What they are
told is all that they know, so that a test can tell them anything.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar, TypeVar

from harness.base.errors import AnswerError, unknown
from harness.protocols.messages import Message
from harness.windows.marks import Told
from harness.windows.samples import ERRORS, MISSING


@dataclass(frozen=True, slots=True)
class Response:
    """One whole answer."""

    status: int  # of HTTP; over gRPC 200, since a call that failed ends its request
    headers: tuple[tuple[str, str], ...]  # names in lower case, in their order; none over gRPC
    body: bytes  # without its compression

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    def header(self, name: str) -> str | None:
        """The first of that name, in lower case."""
        return next((value for known, value in self.headers if known == name), None)


@dataclass(frozen=True, slots=True)
class Done:
    """The last answer: by its status, the request succeeded or failed."""

    body: bytes | None = None  # what is judged and shown in its place; None: the answer's own
    marks: Told = ()  # what it told of the request: see harness.windows.marks


@dataclass(frozen=True, slots=True)
class Send:
    """The request goes on: this is sent at that time, or at once if it has passed."""

    message: Message
    at_ns: int  # CLOCK_MONOTONIC, as the time that `received` is told


@dataclass(frozen=True, slots=True)
class Fail:
    """The request has failed, whatever the status of the answer."""

    why: str = ""  # in the server's words
    error: str = "failed"  # one of harness.windows.samples.ERRORS
    marks: Told = ()

    @property
    def code(self) -> int:
        return ERRORS.index(self.error)


Step = Done | Send | Fail


Content = tuple[int, int]  # a row of the window's chunks: size in bytes, and a count or MISSING


class Exchange(ABC):
    """One request, from its first answer on."""

    def content(self, piece: bytes) -> Iterable[Content]:
        """A piece of an answer's body has come; the content that it completes, often one or none.
        What is counted, such as tokens, is the protocol's to say.

        Asked only where `Exchanges.chunked`. Raises AnswerError if the piece is not content.
        """
        return ((len(piece), MISSING),)

    @abstractmethod
    def received(self, response: Response, now_ns: int) -> Step:
        """A whole answer has come, of any status. Raises AnswerError for what is none."""


class Exchanges(ABC):
    """The factory of each request's exchange: a frozen dataclass of numbers and texts, so that it
    travels to other processes and machines by its registered name and its fields."""

    name: ClassVar[str] = ""  # of `exchanging`
    chunked: ClassVar[bool] = False  # whether pieces of content are looked at and recorded
    limit_s: float = 60.0  # from the first sending to the last answer; then it has timed out

    @abstractmethod
    def begin(self, number: int) -> Exchange:
        """The exchange of a request; `number` is the place of its message among the target's."""


EXCHANGES: dict[str, type[Exchanges]] = {}
Made = TypeVar("Made", bound=type[Exchanges])


def exchanging(name: str) -> Callable[[Made], Made]:
    """Register exchanges under a name, by which other machines know them."""

    def register(cls: Made) -> Made:
        cls.name = name
        EXCHANGES[name] = cls
        return cls

    return register


def by_name(name: str, fields: dict[str, object]) -> Exchanges:
    """Registered exchanges with those fields.

    Raises UsageError for a name that is not registered, TypeError for other fields.
    """
    if name not in EXCHANGES:
        raise unknown("exchange", name, EXCHANGES)
    return EXCHANGES[name](**fields)


def next_step(exchange: Exchange, response: Response, now_ns: int) -> Step:
    """The step that an exchange takes after an answer; an unreadable answer is garbage."""
    try:
        return exchange.received(response, now_ns)
    except AnswerError as error:
        return Fail(str(error), "garbage")
    except Exception as error:  # whatever came: else the request would never end
        return Fail(f"{type(error).__name__}: {error}", "garbage")


def contents(exchange: Exchange, piece: bytes) -> tuple[Content, ...]:
    """The content that a piece completes. Raises AnswerError for what is none."""
    try:
        return tuple(exchange.content(piece))
    except AnswerError:
        raise
    except Exception as error:  # as above
        raise AnswerError(f"{type(error).__name__}: {error}") from error
