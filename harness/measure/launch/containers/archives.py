"""Archives that an engine hands out: of an image, which anybody may have made."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator

MOST_BYTES = 16 << 20
# `tarfile` calls itself for each header that only announces the next, and counts in what it reads.
_ODD = (tarfile.TarError, ArithmeticError, EOFError, LookupError, RecursionError, TypeError)


def only_file(chunks: Iterable[bytes], name: str) -> bytes:
    """The content of the file of that name. Raises ValueError if there is none: a folder or a link,
    a file too large, or no archive. Never keeps more of it than a file may have."""
    stream = _Stream(chunks)
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:  # type: ignore[call-overload]
            found = _first(archive, name)
    except _ODD as error:
        raise ValueError(f"it is not an archive: {error}") from error
    finally:
        stream.drain()
    if found is None:
        raise ValueError(f"it holds no file {name} of {MOST_BYTES >> 20} MiB at most")
    return found


def _first(archive: tarfile.TarFile, name: str) -> bytes | None:
    member = archive.next()
    if member is None or member.name != name or not member.isreg() or member.size > MOST_BYTES:
        return None
    file = archive.extractfile(member)
    data = file.read() if file is not None else b""
    return data if len(data) == member.size else None


class _Stream:
    """Chunks as a file that is read from its beginning to its end."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks: Iterator[bytes] = iter(chunks)
        self._rest = b""
        self._read = 0

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end, and beyond what an archive of one file has."""
        while len(self._rest) < size and (chunk := self._next()):
            self._rest += chunk
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def drain(self) -> None:
        """Read what is left, as far as it is read at all: a connection that is not read to its end
        can't be used again."""
        while self._next():
            pass

    def _next(self) -> bytes:
        chunk = next(self._chunks, b"") if self._read <= 2 * MOST_BYTES else b""
        self._read += len(chunk)
        return chunk
