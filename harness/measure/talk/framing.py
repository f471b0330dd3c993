"""A message of a protocol as the bytes of a whole HTTP request."""

from __future__ import annotations

from dataclasses import dataclass

from harness.base.errors import UsageError
from harness.base.secrecy import shown
from harness.measure.talk.headers import over
from harness.protocols.messages import Message
from harness.setup.endpoints import Headers

# These methods declare even an empty body; others have a body only if it is given.
_WITH_BODY = ("POST", "PUT", "PATCH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """The common framing of all requests to a target."""

    path: str = "/"  # and query, where a message names none
    own: Headers = ()  # of the tool
    users: Headers = ()  # which replace those of messages, and of the tool
    method: str = "POST"  # where a message names none

    def whole(self, message: Message) -> bytes:
        """The request. Raises UsageError for what can't be sent."""
        method = message.method or self.method
        sent = over((*self.own, *message.headers.items()), self.users)
        if message.body or method in _WITH_BODY:
            sent = (*sent, ("Content-Length", str(len(message.body))))
        first = f"{method} {_place(self.path, message)} HTTP/1.1"
        if not first.isascii() or not first.isprintable() or first.count(" ") != 2:
            raise UsageError(f"{shown(first)!r} can't stand in a request.")
        require_sendable(sent)
        lines = (first, *(f"{name}: {value}" for name, value in sent), "", "")
        return "\r\n".join(lines).encode("ascii") + message.body


USUAL = Framing()


def require_sendable(headers: Headers) -> None:
    """Raises UsageError."""
    for name, value in headers:
        if not f"{name}{value}".isascii() or not f"{name}{value}".isprintable():
            raise UsageError(f"The header {name!a} can't stand in a request.")


def _place(path: str, message: Message) -> str:
    """Path and query of a message; both paths may have a query already."""
    own, _, asked = path.partition("?")
    named, _, told = message.path.partition("?")
    query = "&".join(filter(None, (asked, told, message.query.removeprefix("?"))))
    return (named or own) + (f"?{query}" if query else "")
