"""Request messages, whole and ready before the clock starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import SplitResult, urlsplit

from harness.errors import UsageError
from harness.measure.ask import url_of
from harness.measure.driver.job import Target
from harness.measure.launchers import Launched
from harness.protocols import Message, Protocol


def target(
    url: str, messages: Iterable[Message], headers: Mapping[str, str], method: str = "POST"
) -> Target:
    """What to send over HTTP, and where. Raises UsageError for what can't be sent."""
    parts, tls, port = split(url, ("http", "https"))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    common = [f"Host: {host}", *_lines(headers)]
    whole = tuple(_whole(f"{method} {path}", common, method, message) for message in messages)
    return Target(parts.hostname or "", port, tls, whole)


def rpc_target(
    url: str, messages: Iterable[Message], headers: Mapping[str, str], method: str
) -> Target:
    """What to send over gRPC, and where. Raises UsageError for what can't be sent."""
    parts, tls, port = split(url, ("http", "https"))
    _require_sendable(_lines(headers))
    metadata = tuple((name.lower(), value) for name, value in headers.items())
    bodies = tuple(message.body for message in messages)
    return Target(parts.hostname or "", port, tls, bodies, method, metadata)


def target_of(
    launched: Launched, protocol: Protocol, path: str, messages: Sequence[Message]
) -> Target:
    """What to send to a server that was started."""
    url = url_of(launched)
    if protocol.rpc:
        return rpc_target(url, messages, launched.headers, protocol.method)
    return target(url + path, messages, {"Accept": "application/json", **launched.headers})


def split(url: str, schemes: tuple[str, str]) -> tuple[SplitResult, bool, int]:
    """(its parts, whether it is encrypted, its port) of a URL; `schemes` are plain and encrypted.

    Raises UsageError for what is no such URL.
    """
    # urlsplit would silently drop line breaks, and what is left of a header would be in the path.
    if not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"{url!r} is not a URL: write spaces and the like in it as %20.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is not a URL: {error}.") from error
    if parts.scheme not in schemes or not parts.hostname:
        wanted = " or ".join(f"{scheme}://" for scheme in schemes)
        raise UsageError(f"{url!r} is not a URL that starts with {wanted} and a host.")
    tls = parts.scheme == schemes[1]
    return parts, tls, (443 if tls else 80) if port is None else port


def _whole(request: str, common: list[str], method: str, message: Message) -> bytes:
    lines = [f"{request}{message.query} HTTP/1.1", *common, *_lines(message.headers)]
    if message.body or method == "POST":
        lines.append(f"Content-Length: {len(message.body)}")
    _require_sendable(lines)
    return "\r\n".join([*lines, "", ""]).encode("ascii") + message.body


def _lines(headers: Mapping[str, str]) -> list[str]:
    return [f"{name}: {value}" for name, value in headers.items()]


def _require_sendable(lines: Iterable[str]) -> None:
    for line in lines:
        if not line.isascii() or not line.isprintable():
            raise UsageError(f"{line!r} can't stand in a request.")
