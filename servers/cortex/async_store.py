"""Payloads of jobs, apart from the queue of their ids: files here, objects of S3 there."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

FOLDER = Path(tempfile.gettempdir(), "payloads")


def keep(name: str, payload: bytes) -> None:
    """Durable when this returns. Raises OSError."""
    FOLDER.mkdir(exist_ok=True)
    with (FOLDER / name).open("wb") as file:
        file.write(payload)
        file.flush()
        os.fsync(file.fileno())
    folder = os.open(FOLDER, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def read(name: str) -> bytes:
    """Raises OSError."""
    return (FOLDER / name).read_bytes()


def drop(name: str) -> None:
    """A job has ended."""
    (FOLDER / name).unlink(missing_ok=True)
