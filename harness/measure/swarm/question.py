"""Prepared messages, taken apart for Locust's own HTTP client."""

from __future__ import annotations

from dataclasses import dataclass

from harness.measure.driver.job import Target

_NOT_SENT = ("Host", "Content-Length")  # its client writes them itself


@dataclass(frozen=True, slots=True)
class Question:
    """A request's parts."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def question(message: bytes) -> Question:
    """Of a whole HTTP request."""
    head, _, body = message.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    method, path, _ = first.split(" ")
    pairs = (line.partition(": ") for line in lines)
    headers = {name: value for name, _, value in pairs if name not in _NOT_SENT}
    return Question(method, path, {"Accept-Encoding": "identity", **headers}, body)


def base_url(target: Target) -> str:
    """Where users go."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"{'https' if target.tls else 'http'}://{host}:{target.port}"
