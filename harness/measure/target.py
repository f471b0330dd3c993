"""HTTP request messages, whole and ready before the clock starts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from harness.errors import UsageError
from harness.measure.driver.job import Target


def target(
    url: str, bodies: Iterable[bytes], headers: Mapping[str, str], method: str = "POST"
) -> Target:
    """Where and what to send. Raises UsageError for a URL or header that can't be sent."""
    # urlsplit would silently drop line breaks, and what is left of a header would be in the path.
    if not url.isascii() or not url.isprintable() or " " in url:
        raise UsageError(f"{url!r} is not a URL: write spaces and the like in it as %20.")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise UsageError(f"{url!r} is not a URL: {error}.") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError(f"{url!r} is not a URL that starts with http:// or https:// and a host.")
    tls = parts.scheme == "https"
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    for line in lines:
        if not line.isascii() or not line.isprintable():
            raise UsageError(f"{line!r} can't stand in an HTTP request.")
    head = "\r\n".join(lines)
    messages = tuple(_message(head, body) for body in bodies)
    return Target(parts.hostname, (443 if tls else 80) if port is None else port, tls, messages)


def _message(head: str, body: bytes) -> bytes:
    length = f"\r\nContent-Length: {len(body)}" if body else ""
    return f"{head}{length}\r\n\r\n".encode("ascii") + body
