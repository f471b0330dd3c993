"""Reading lock files."""

from __future__ import annotations

import re
from pathlib import Path

from harness.setup.catalog import Variant

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


def assert_locked(variant: Variant, version: str | None) -> None:
    """The version that was read back from a running server is the locked one."""
    assert version
    if variant.server.table.version_path:  # the package that brings it has a number of its own
        assert f"{version}, as the package" in variant.server.table.note
    else:
        assert f"=={version}" in variant.server.lock(variant.table.backend).read_text()
