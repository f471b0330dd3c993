"""The place where instances run, as a front sees it: processes of this machine, or containers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

PROCESS, CONTAINER = "process", "container"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceEnd:
    """How an instance's main process ended."""

    code: int | None  # negative: by that signal; None where it can't be known
    out_of_memory: bool


class RunningInstance(Protocol):
    """An instance's processes."""

    pid: int  # of the main one, on this machine; 0 where it is not known
    begun_ns: int  # CLOCK_MONOTONIC, when its program was begun

    async def ended(self) -> InstanceEnd:
        """Wait until the main process has ended; may be asked again, and by many."""

    def terminate(self) -> None:
        """SIGTERM to the main process; nothing where it has ended."""

    def kill(self) -> None:
        """SIGKILL to all processes; nothing where they have ended."""

    def peak_bytes(self) -> int:
        """The most memory that it has held so far, file cache left out; 0 where it can't be
        known."""

    async def remove(self) -> None:
        """What is left of it, when the main process has ended."""


class InstancePlace(Protocol):
    """Starts instances."""

    host: str  # an address of this machine, or of a network, at which they reach the front

    async def begin(self, number: int, environment: Mapping[str, str]) -> RunningInstance:
        """Begin the program of an instance, told so beside what the order says. Raises OSError
        with the reason."""

    async def remove_image(self) -> None:
        """Make the next start load its image first. Raises OSError where there is none, or an
        instance has it."""

    async def layers(self) -> tuple[str, ...]:
        """The folders of this machine that have what is in the image, where they can be seen."""

    async def close(self) -> None:
        """When no instance is left."""
