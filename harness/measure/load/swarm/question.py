"""Prepared messages, taken apart for Locust's own HTTP client."""

from __future__ import annotations

from dataclasses import dataclass

from harness.measure.load.generator.coding import accepted
from harness.measure.load.generator.job import Target


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request's parts."""

    method: str
    path: str
    headers: dict[str, str | list[str]]
    body: bytes | None  # None where there is none: an empty one has a length

    def accepts(self, encoding: bytes) -> bool:
        """Whether it names the codings of an answer among those that it accepts."""
        known = {name.lower(): value for name, value in self.headers.items()}
        value = known["accept-encoding"]
        told = value if isinstance(value, str) else ", ".join(value)
        return accepted(told, encoding)


def question(message: bytes) -> Question:
    """The parts of a whole HTTP request."""
    head, _, body = message.partition(b"\r\n\r\n")
    first, *lines = head.decode("ascii").split("\r\n")
    method, path, _ = first.split(" ")
    fields: dict[str, list[str]] = {}
    names: dict[str, str] = {"accept-encoding": "Accept-Encoding"}  # its client would add its own
    for name, _, value in (line.partition(": ") for line in lines):
        fields.setdefault(names.setdefault(name.lower(), name), []).append(value)
    fields.setdefault("Accept-Encoding", ["identity"])
    # Its client writes this header itself.
    sized = fields.pop(names.get("content-length", ""), None) is not None
    headers = {name: values if values[1:] else values[0] for name, values in fields.items()}
    return Question(method=method, path=path, headers=headers, body=body if sized else None)


def base_url(target: Target) -> str:
    """The base URL of users."""
    host = f"[{target.host}]" if ":" in target.host else target.host
    return f"{'https' if target.tls else 'http'}://{host}:{target.port}"
