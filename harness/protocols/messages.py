"""One message of a protocol, before a driver completes it for its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field


@dataclass(frozen=True, slots=True)
class Message:
    """One request: its body, and over HTTP what follows the path and the headers of its own."""

    body: bytes
    _: KW_ONLY
    query: str = ""  # with its question mark
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = ""  # empty: the sender's default
    path: str = ""  # in place of the target's; empty: that one
