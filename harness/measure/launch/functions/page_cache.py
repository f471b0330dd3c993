"""Files of an environment, dropped from the page cache: their next reader reads the disk."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path


def drop(places: Iterable[Path]) -> int:
    """Drop all files in folders, and files; how many there were. Pages that a process has mapped
    stay, and so do those that are not yet on disk."""
    os.sync()
    count = 0
    for path in _files(places):
        with suppress(OSError):
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
            try:
                os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
                count += 1
            finally:
                os.close(descriptor)
    return count


def _files(places: Iterable[Path]) -> Iterator[Path]:
    for place in dict.fromkeys(place.resolve() for place in places):
        if place.is_dir():
            for folder, _, names in os.walk(place):
                yield from (Path(folder) / name for name in names)
        else:
            yield place
