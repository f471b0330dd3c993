"""Files that are written whole or not at all: who reads one finds what was there, or all of it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A place beside a file for what replaces it when the block ends, unless by an error.

    Each block has a place of its own, so that two processes may write one file. Raises OSError.
    """
    part = path.with_name(f".{secrets.token_hex(8)}.part")
    try:
        yield part
        part.replace(path)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def write(path: Path, data: bytes, *, lasting: bool = False) -> None:
    """Write a file, in a folder that is made if need be. Raises OSError.

    `lasting`: it is on the disk when this returns, and survives a loss of power.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with replacing(path) as part, part.open("wb") as file:
        file.write(data)
        if lasting:
            file.flush()
            os.fsync(file.fileno())
