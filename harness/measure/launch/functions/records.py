"""The records that a front and its instances write, in the folder of the server's records.

The front: `invocations.bin`, a row of integers for each invocation that is over (`invocation.ROW`),
`instances.jsonl`, a line for each instance that is started, is ready or is over, and `hopeless`,
while no instance has come up and the last one could not: why. An instance: `steps-N.jsonl` and
`handler-N.bin` (servers/shared/steps.py).
"""

from __future__ import annotations

import json
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from harness.measure.launch.functions.invocation import Invocation

INVOCATIONS, INSTANCES, HOPELESS = "invocations.bin", "instances.jsonl", "hopeless"
_APPEND = os.O_WRONLY | os.O_APPEND | os.O_CREAT


class Records:
    """The front's, being written."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._invocations = os.open(folder / INVOCATIONS, _APPEND, 0o644)
        self._instances = os.open(folder / INSTANCES, _APPEND, 0o644)
        self._has_hope = False

    def invocation(self, done: Invocation) -> None:
        """One is over."""
        os.write(self._invocations, done.row())

    def instance(self, **facts: Any) -> None:
        """One has changed."""
        os.write(self._instances, json.dumps(facts).encode() + b"\n")

    def came_up(self) -> None:
        """An instance did."""
        if not self._has_hope:
            self._has_hope = True
            with suppress(FileNotFoundError):
                (self._folder / HOPELESS).unlink()

    def did_not(self, why: str) -> None:
        """An instance did not come up, and none had before."""
        if not self._has_hope:
            (self._folder / HOPELESS).write_text(why)


def hopeless(folder: Path) -> str | None:
    """Why no instance has come up so far; None where one has, or none has failed."""
    with suppress(OSError):
        return (folder / HOPELESS).read_text() or None
    return None


def lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of JSON lines that are whole; none where there is no file."""
    found = []
    with suppress(OSError):
        for line in path.read_bytes().split(b"\n")[:-1]:
            with suppress(ValueError):
                found.append(json.loads(line))
    return found
