"""How the reporting half writes: whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from harness.base import whole
from harness.base.errors import StoreError

_OURS, _HEAD = b"<title>Serving Harness", 4096  # how every page of the harness's begins


def write(path: Path, content: str | bytes) -> Path:
    """Write a file, in a folder that is made if need be; its path. Raises StoreError.

    A device or a pipe at that path is written into, not replaced.
    """
    data = content.encode(errors="replace") if isinstance(content, str) else content
    if path.exists() and not path.is_file():
        return _write_into(path, data)
    try:
        whole.write(path, data)
    except OSError as error:
        raise StoreError(f"{path} can't be written: {error.strerror or error}.") from error
    return path


def write_page(path: Path, content: str | bytes) -> Path:
    """The same, but never over a page that the harness did not write. Raises StoreError."""
    try:
        theirs = path.is_file() and _OURS not in path.read_bytes()[:_HEAD]
    except OSError as error:
        raise StoreError(f"{path} can't be read: {error.strerror or error}.") from error
    if theirs:
        raise StoreError(
            f"The harness did not write {path}, so it does not overwrite it. Move the file away, "
            "or name another folder in HARNESS_REPORTS."
        )
    return write(path, content)


def _write_into(path: Path, data: bytes) -> Path:
    try:
        # Not blocking: a pipe without a reader would never open.
        descriptor = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        os.set_blocking(descriptor, True)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
    except OSError as error:
        raise StoreError(f"{path} can't be written: {error.strerror or error}.") from error
    return path
