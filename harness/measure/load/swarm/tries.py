"""One try of a request by Locust's own HTTP client, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import gevent
from geventhttpclient._parser import HTTPParseError
from geventhttpclient.response import HTTPConnectionClosed

from harness.base.errors import AnswerError
from harness.measure.load.generator import why
from harness.measure.load.generator.answer import Unfit
from harness.measure.load.generator.coding import decoded, require_known
from harness.measure.load.swarm.question import Question
from harness.windows.causes import printable
from harness.windows.samples import ERRORS

_UNHEARD = (HTTPConnectionClosed, ConnectionResetError, BrokenPipeError)
_PIECE = 1 << 16
_START = 1024  # bytes of an error's body
_STATUS = ERRORS.index("status")


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """The result of one attempt: a status, or the failure."""

    status: int = 0
    body: bytes | None = None  # where it is kept
    headers: tuple[tuple[str, str], ...] = ()
    said: why.Said = (b"", b"", b"")  # of an answer that is an error
    failure: BaseException | None = None

    @property
    def unheard(self) -> bool:
        """Whether the connection was closed instead of an answer."""
        return isinstance(self._reason, _UNHEARD)

    @property
    def error(self) -> int:
        """How it ended, as the native driver says it."""
        if self.status:
            return 0 if 200 <= self.status < 300 else _STATUS
        kinds: tuple[tuple[Any, str], ...] = (
            (HTTPConnectionClosed, "disconnected"),
            ((TimeoutError, gevent.Timeout), "timeout"),
            ((ConnectionResetError, BrokenPipeError), "disconnected"),
            (HTTPParseError, "garbage"),
            (OSError, "connect"),
        )
        found = (name for kind, name in kinds if isinstance(self._reason, kind))
        return ERRORS.index(next(found, "garbage"))

    @property
    def why(self) -> why.Why:
        """Why no answer came, as the native driver says it; a time-out says enough."""
        kind, reason = ERRORS[self.error], self._reason
        if kind == "connect" and reason is not None:
            return why.of_connecting(reason)
        if kind == "disconnected":
            closed = isinstance(reason, HTTPConnectionClosed)
            return why.of_ending(None if closed else reason, tls=False, silent=False)
        if kind == "garbage":
            (said, *_) = getattr(reason, "args", None) or (type(reason).__name__,)
            return "malformed", printable(str(said))
        return why.NOBODY_KNOWS

    @property
    def _reason(self) -> BaseException | None:
        """The reason why its client gave up."""
        return getattr(self.failure, "original", None) or self.failure


def once(
    client: Any,
    asked: Question,
    *,
    keep: bool,
    most: int,
    tell: Callable[[bytes], None] | None = None,
) -> Try:
    """Ask; `tell` each piece of the answer's body as it comes."""
    answer = client.request(
        asked.method,
        asked.path,
        data=asked.body,
        headers=asked.headers,
        allow_redirects=False,
        stream=True,
    )
    status = answer.status_code or 0
    if not status:
        return Try(failure=answer.error)
    body, size, is_right = bytearray(), 0, 200 <= status < 300
    try:
        for piece in _pieces(answer) if tell else iter(lambda: answer.read(_PIECE), b""):
            size += len(piece)
            if size > most:
                raise Unfit("the answer is longer than what is taken")
            if keep or not is_right:
                body += piece if keep else piece[: max(_START - len(body), 0)]
            if tell is not None:
                tell(bytes(piece))
        encoding = _all_of(answer, "content-encoding", "transfer-encoding")
        whole = decoded(bytes(body), encoding, most) if keep else None
        _require_read(asked, encoding if is_right else b"")
        headers = tuple((name.lower(), value) for name, value in answer.headers.items())
        said = (bytes(body[:_START]), _all_of(answer, "location"), encoding)
        return Try(status=status, body=whole, headers=headers, said=said)
    except (Unfit, AnswerError, HTTPParseError, OSError) as error:
        return Try(failure=error)
    finally:
        answer.release()


def _require_read(asked: Question, encoding: bytes) -> None:
    """Raises Unfit for a body whose coding is not decoded, and was not asked for either."""
    if encoding and asked.method != "HEAD" and not asked.accepts(encoding):
        require_known(encoding)


def _all_of(answer: Any, *names: str) -> bytes:
    """The values of its headers of these names."""
    values = (value for name in names for value in answer.headers.getlist(name))
    return ",".join(values).encode("latin-1", "replace")


def _pieces(answer: Any) -> Iterator[bytes]:
    """Its body as it comes: `read` would wait for as many bytes as it is asked for."""
    response = answer._response
    while True:
        if piece := response.read(len(response._body_buffer)):
            yield piece
        if response.message_complete:
            return
        response.feed(response._sock.recv(_PIECE))
