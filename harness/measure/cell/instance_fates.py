"""What became of a function's instances, as the log of its front says it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from harness.stored.functions import EXITED, INIT_FAILED, OUT_OF_MEMORY, TIMED_OUT, Fate, Lost

# An instance that did not come up, by its number; and one that was lost with what it was asked.
_INIT = re.compile(r"instance (\d+): \S+: (.*)")
_INVOKED = re.compile(r"RequestId: (\S+) Error: (.*)")
_MEMORY, _TIME, _EXIT = "out of memory", "Task timed out", "Runtime exited"
_SAID = 200


def of_log(log: Path) -> tuple[Lost, ...]:
    """The instances that were lost, by their fate."""
    found: dict[Fate, dict[str, str]] = {}
    for fate, which, said in _told(log):
        found.setdefault(fate, {})[which] = said[:_SAID]
    return tuple(
        Lost(fate=fate, count=len(each), said=[*each.values()][-1]) for fate, each in found.items()
    )


def _told(log: Path) -> Iterator[tuple[Fate, str, str]]:
    """(fate, which one, in the front's words)."""
    try:
        text = log.read_text(errors="replace")
    except OSError:
        return
    for line in text.splitlines():
        if (match := _INIT.match(line)) is not None:
            yield OUT_OF_MEMORY if _MEMORY in line else INIT_FAILED, match[1], match[2]
        elif (match := _INVOKED.match(line)) is not None:
            fate = _fate(match[2])
            if fate is not None:
                yield fate, match[1], match[2]


def _fate(said: str) -> Fate | None:
    if _MEMORY in said:
        return OUT_OF_MEMORY
    if said.startswith(_TIME):
        return TIMED_OUT
    return EXITED if said.startswith(_EXIT) else None
