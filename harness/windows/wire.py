"""Bytes on the network: of requests as HTTP has them, of answers as TCP counts them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """Bytes of all requests of a window, and of their answers, header blocks included."""

    sent: int
    received: int


def added(parts: Iterable[Wire | None]) -> Wire | None:
    """The sum over several parts of a window; None if one of them is unknown."""
    sent = received = 0
    for part in parts:
        if part is None:
            return None
        sent, received = sent + part.sent, received + part.received
    return Wire(sent=sent, received=received)
