"""The folder of a pod's records, seen from this machine: also once the pod is deleted."""

from __future__ import annotations

import os
import stat
from contextlib import suppress
from pathlib import Path

from harness.measure.launch import calls

_CHUNK = 1 << 20


class RecordFolder:
    """Files that a pod on this machine writes, followed by descriptors: a file that is removed can
    be read to its end by those who have it open."""

    def __init__(self, pid: int, folder: str, proc: Path = Path("/proc")) -> None:
        """Of the process `pid`, which sees the folder under that name. Raises OSError."""
        place = f"{proc}/{pid}/root{folder}"
        self._folder = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        self._files: dict[str, int] = {}

    def read(self, known: dict[str, bytes]) -> None:
        """Add what is new to the content that is known, by the file's name."""
        for name in filter(calls.is_record, os.listdir(self._folder)):  # noqa: PTH208
            if name not in self._files or not calls.grows(name):
                self._open(name)
        for name, file in self._files.items():
            have = known.get(name, b"") if calls.grows(name) else b""
            known[name] = have + _rest(file, len(have))

    def close(self) -> None:
        """No more of it."""
        for file in (*self._files.values(), self._folder):
            with suppress(OSError):
                os.close(file)
        self._files = {}

    def _open(self, name: str) -> None:
        # What is there was put there by a server: a link could lead anywhere, a pipe never ends.
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK
        with suppress(OSError):
            file = os.open(name, flags, dir_fd=self._folder)
            if not stat.S_ISREG(os.fstat(file).st_mode):
                os.close(file)
                return
            with suppress(KeyError):
                os.close(self._files.pop(name))
            self._files[name] = file


def _rest(file: int, at: int) -> bytes:
    parts = []
    while part := os.pread(file, _CHUNK, at):
        parts.append(part)
        at += len(part)
    return b"".join(parts)
