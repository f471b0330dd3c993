"""Archives that an engine hands out: of an image, which anybody may have made."""

from __future__ import annotations

import tarfile
from collections.abc import Iterable, Iterator

MOST_BYTES = 16 << 20


def only_file(chunks: Iterable[bytes], name: str) -> bytes:
    """What is in the file of that name. Raises ValueError where there is none such: a folder or a
    link, a file too large, or no archive at all. No more is kept of it than a file may have."""
    try:
        with tarfile.open(fileobj=_Stream(chunks), mode="r|") as archive:  # type: ignore[call-overload]
            for member in archive:
                if member.name == name and member.isreg() and member.size <= MOST_BYTES:
                    file = archive.extractfile(member)
                    assert file is not None
                    data: bytes = file.read()
                    if len(data) == member.size:
                        return data
                break
    except (tarfile.TarError, EOFError, OverflowError) as error:
        raise ValueError(f"it is no archive: {error}") from error
    raise ValueError(f"it holds no file {name} of {MOST_BYTES >> 20} MiB at most")


class _Stream:
    """Chunks as a file that is read from its beginning to its end."""

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks: Iterator[bytes] = iter(chunks)
        self._rest = b""
        self._read = 0

    def read(self, size: int) -> bytes:
        """At most so many bytes; none at the end, and beyond what an archive of one file has."""
        while len(self._rest) < size and self._read <= 2 * MOST_BYTES:
            chunk = next(self._chunks, b"")
            if not chunk:
                break
            self._rest += chunk
            self._read += len(chunk)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken
