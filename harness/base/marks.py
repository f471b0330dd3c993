"""The harness's own mark in folders that it makes: what does not carry it is never removed.

A path may belong to the user: a variable may name a folder with other files in it. The mark is
written when a folder is made, never into one that was there before.
"""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path

from harness.base.errors import StoreError

NAME = ".serving-harness"
_TEXT = "The Serving Harness made this folder, and may remove it with all that is in it.\n"


def make(folder: Path) -> Path:
    """A folder, made with its mark where it is not there yet; itself. Raises OSError."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileExistsError):
        folder.mkdir()
        put(folder)
    return folder


def put(folder: Path) -> None:
    """Mark a folder that the caller has just made. Raises OSError."""
    (folder / NAME).write_text(_TEXT, encoding="utf-8")


def take_off(folder: Path) -> None:
    """A folder that is complete, and not to be removed from now on. Raises OSError."""
    (folder / NAME).unlink()


def is_on(folder: Path) -> bool:
    """Whether the harness made a folder; a link to one is not it."""
    mark = folder / NAME
    with suppress(OSError):
        regular = mark.is_file() and not mark.is_symlink() and not folder.is_symlink()
        return regular and mark.stat().st_size == len(_TEXT) and mark.read_bytes() == _TEXT.encode()
    return False


def remove(folder: Path) -> None:
    """Remove a folder that the harness made. Raises StoreError where it did not, or can't."""
    if not is_on(folder):
        raise StoreError(
            f"{folder} is in the way, and is not removed: it does not carry the harness's mark "
            f"({NAME}), so it may be yours. Move it away, or remove it yourself."
        )
    try:
        shutil.rmtree(folder)
    except OSError as error:
        raise StoreError(f"{folder} can't be removed: {error.strerror or error}.") from error
