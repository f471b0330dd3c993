"""The header names that a user may give."""

from __future__ import annotations

import re

_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.1
_FRAMING = ("content-length", "transfer-encoding")


def why_not(name: str) -> str:
    """Why a header of that name can't be given; empty where it can."""
    if not _NAME.fullmatch(name):
        return f"{name!r} is not a header's name"
    if name.lower() in _FRAMING:
        return (
            f"The header {name!r} says where a request ends, which only the harness may say: leave "
            "it out"
        )
    return ""
