"""How the reporting half writes: whole or not at all."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from harness.errors import StoreError


def write(path: Path, text: str) -> Path:
    """Write a file, in a folder that is made if need be; its path. Raises StoreError."""
    part = path.with_name(f".{path.name}.part")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink()
        raise StoreError(f"{path} can't be written: {error.strerror or error}.") from error
    return path
