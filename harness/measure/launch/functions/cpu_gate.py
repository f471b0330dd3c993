"""CPU only while a request is there: an instance without one is held to about nothing.

Written into its control group where this process may; else the engine pauses its container, which
takes so long that it is done only some time after the last request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from harness.measure.launch.containers.cgroup import Cgroup

SHUT_US = 1000  # of each period: the least that the kernel takes
PAUSE_AFTER_S = 1.0


class CpuGate(Protocol):
    """Of one instance; it begins open."""

    how: str  # it holds an instance, in a few words

    async def open(self) -> None:
        """Give it its CPU: a request has come, or it is to end."""

    def shut(self) -> None:
        """Take it away: no request is left."""


@dataclass(slots=True, kw_only=True)
class QuotaGate:
    """Writes the quota of a control group."""

    path: Path
    opened: str
    closed: str
    how: str = "its control group's quota"
    _is_open: bool = True

    async def open(self) -> None:
        if not self._is_open:
            self._write(self.opened)
            self._is_open = True

    def shut(self) -> None:
        if self._is_open:
            self._write(self.closed)
            self._is_open = False

    def _write(self, text: str) -> None:
        with suppress(OSError):  # its container has just ended, and the group with it
            self.path.write_text(text)


@dataclass(slots=True, kw_only=True)
class PauseGate:
    """Has the engine freeze and thaw its processes."""

    freeze: Callable[[], Awaitable[None]]
    thaw: Callable[[], Awaitable[None]]
    how: str = f"paused by the engine {PAUSE_AFTER_S:g} s after its last request"
    _later: asyncio.Task[None] | None = None
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _is_frozen: bool = False

    async def open(self) -> None:
        if self._later is not None:
            self._later.cancel()
            self._later = None
        if self._is_frozen or self._turn.locked():
            async with self._turn:
                if self._is_frozen:
                    await self.thaw()
                    self._is_frozen = False

    def shut(self) -> None:
        if self._later is None:
            self._later = asyncio.create_task(self._freeze())

    async def _freeze(self) -> None:
        await asyncio.sleep(PAUSE_AFTER_S)
        self._later = None  # from here on it is not cut off
        async with self._turn:
            if not self._is_frozen:
                await self.freeze()
                self._is_frozen = True


@dataclass(slots=True)
class NoGate:
    """Of an instance whose CPU can't be taken away here."""

    how: str = "not at all: its control group can't be written here, and the engine can't pause it"

    async def open(self) -> None:
        """It has its CPU."""

    def shut(self) -> None:
        """It keeps it."""


def of_group(group: Cgroup | None) -> QuotaGate | None:
    """The gate of a control group; None where this process may not write its quota."""
    if group is None:
        return None
    path = group.cpu / ("cpu.cfs_quota_us" if group.version == 1 else "cpu.max")
    try:
        told = path.read_text(encoding="ascii").split()
        with path.open("a", encoding="ascii"):
            pass  # whether it may be written
    except OSError:
        return None
    opened = " ".join(told)
    closed = " ".join([str(SHUT_US), *told[1:]])
    return QuotaGate(path=path, opened=opened, closed=closed)
