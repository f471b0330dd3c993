"""Reading lock files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

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


def node_pins(folder: Path) -> dict[str, dict[str, Any]]:
    """What a server's package-lock.json says of each package of Node.js; nothing without one."""
    lock = folder / "package-lock.json"
    told = json.loads(lock.read_bytes())["packages"] if lock.exists() else {}
    return {place.rpartition("node_modules/")[2]: said for place, said in told.items() if place}


def assert_locked(variant: Variant, version: str | None) -> None:
    """The version that was read back from a running server is the locked one."""
    assert version
    if variant.server.table.version_path:  # the package that brings it has a number of its own
        assert f"{version}, as the package" in variant.server.table.note
    elif variant.server.table.package in (pinned := node_pins(variant.server.folder)):
        assert version == pinned[variant.server.table.package]["version"]
    else:
        assert f"=={version}" in variant.server.lock(variant.table.backend).read_text()
