"""Reading lock files."""

from __future__ import annotations

import re
from pathlib import Path

FOLLOWS = re.compile(r"\\\n\s*")
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>\S+)(?P<rest>.*)$", re.MULTILINE)


def pins(lock: Path) -> dict[str, str]:
    """What follows the version of each pinned package: markers and hashes."""
    text = FOLLOWS.sub(" ", lock.read_text(encoding="utf-8"))
    return {found["name"]: found["rest"] for found in PIN.finditer(text)}


def without_hash(lock: Path) -> set[str]:
    """Pinned packages that anybody could replace."""
    return {
        name
        for name, rest in pins(lock).items()
        if not re.search(r"--hash=sha256:[0-9a-f]{64}", rest)
    }
