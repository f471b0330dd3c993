"""Folders of the cache into which packages are installed, once, with what is known of them."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from harness.base import caches, marks, reading, whole
from harness.base.errors import ResultError
from harness.stored.lifecycle import Installed

_LOG = logging.getLogger(__name__)
_MARKER = "complete"


def is_whole(folder: Path) -> bool:
    """Whether such a folder is there, with all that belongs in it."""
    return (folder / _MARKER).exists()


def ensure(what: str, folder: Path, install: Callable[[], None]) -> Installed | None:
    """The facts about a folder of the cache, filled by `install` if need be; None where they can't
    be read."""
    caches.folder(folder.parent.name)
    with caches.locked(Path(f"{folder}.lock")):
        if not is_whole(folder):
            if folder.exists():
                marks.remove(folder)  # what a killed harness left
            marks.make(folder)
            _LOG.info("installing %s", what)
            began = time.monotonic()
            install()
            _note(folder, round(time.monotonic() - began, 3))
        elif not (folder / _MARKER).stat().st_size:
            _note(folder, None)  # an earlier version made it, and wrote nothing down
        return _noted(folder)


def _noted(folder: Path) -> Installed | None:
    try:
        return TypeAdapter(Installed).validate_python(reading.parsed(folder / _MARKER))
    except (ResultError, ValidationError):
        return None


def _note(folder: Path, seconds: float | None) -> None:
    """Write down that it is complete, how large it is, and how long it took."""
    sizes = {}
    for path in folder.rglob("*"):
        stat = path.lstat()
        sizes[stat.st_dev, stat.st_ino] = 512 * stat.st_blocks
    said = {"size_bytes": sum(sizes.values()), "seconds": seconds}
    whole.write(folder / _MARKER, json.dumps(said).encode())
