"""Addresses where a Docker engine may listen: those named by the user, then the usual sockets.

Formats: the contexts of Docker's command line (docker/cli, cli/context/store).
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.base import paths

UNIX = "unix://"
_USUAL = "/var/run/docker.sock"


def candidates() -> list[str]:
    """URLs, the likeliest first. One that the user named is the only one: another engine's
    containers would be measured in place of those that were meant."""
    if named := paths.variable("DOCKER_HOST"):
        return [named]
    if told := _of_context():
        return [told]
    return [f"{UNIX}{path}" for path in dict.fromkeys(_sockets())]


def _of_context() -> str | None:
    """The engine of the current context; None for the default context, or if the context names
    none."""
    folder = _config_folder()
    if folder is None:
        return None
    name = paths.variable("DOCKER_CONTEXT") or _json(folder / "config.json").get("currentContext")
    if not isinstance(name, str) or name == "default":
        return None
    place = hashlib.sha256(name.encode()).hexdigest()
    endpoint = _json(folder / "contexts" / "meta" / place / "meta.json").get("Endpoints")
    docker = endpoint.get("docker") if isinstance(endpoint, dict) else None
    host = docker.get("Host") if isinstance(docker, dict) else None
    return host if isinstance(host, str) and host else None


def _sockets() -> Iterator[str]:
    """The sockets of a system engine, of a rootless one, and of Docker Desktop, in this order."""
    yield _USUAL
    if runtime := paths.variable("XDG_RUNTIME_DIR"):
        yield f"{runtime}/docker.sock"
    yield f"/run/user/{os.getuid()}/docker.sock"
    if folder := _config_folder():
        yield f"{folder}/run/docker.sock"
        yield f"{folder}/desktop/docker.sock"


def _config_folder() -> Path | None:
    if named := paths.variable("DOCKER_CONFIG"):
        return Path(named)
    try:
        return Path.home() / ".docker"
    except RuntimeError:
        return None


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
