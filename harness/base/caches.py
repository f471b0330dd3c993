"""The cache: one marked folder for each kind of thing, made when the first of them is kept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock

from harness.base import marks, paths
from harness.base.errors import StoreError


def folder(kind: str) -> Path:
    """The folder of a kind, made if need be. Raises StoreError."""
    place = paths.cache_dir() / kind
    try:
        return marks.make(place)
    except OSError as error:
        raise _unwritable(place, error) from error


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold a lock file of the cache; others wait. Raises StoreError where it can't be opened."""
    lock = FileLock(path)
    try:
        lock.acquire()
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def require_writable() -> None:
    """Find out before anything is measured where nothing can be cached. Raises StoreError."""
    place = paths.cache_dir()
    try:
        try_writing(place)
    except OSError as error:
        raise _unwritable(place, error) from error


def try_writing(folder: Path) -> None:
    """Make a folder and write into it, leaving nothing there. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):
        pass


def _unwritable(place: Path, error: OSError) -> StoreError:
    return StoreError(
        f"The cache {place} can't be written: {error.strerror or error}. Let HARNESS_CACHE name a "
        "folder that you can write to."
    )
