"""What went over the wire: requests as HTTP has them, and answers as TCP counts them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """Bytes of all requests of a window, and of their answers, header blocks included."""

    sent: int
    received: int


def added(parts: Iterable[Wire | None]) -> Wire | None:
    """Of several parts of a window; None where one of them is not known."""
    sent = received = 0
    for part in parts:
        if part is None:
            return None
        sent, received = sent + part.sent, received + part.received
    return Wire(sent=sent, received=received)
