"""Cold starts of a function's instances, by how cold they were."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

Temperature = Literal["image", "files", "process", "idle"]
IMAGE: Temperature = "image"  # its image was absent: layers are unpacked first
FILES: Temperature = "files"  # its files were dropped from the page cache
PROCESS: Temperature = "process"  # a new process; its files are in the page cache
IDLE: Temperature = "idle"  # a process that waits for work
TEMPERATURES: tuple[Temperature, ...] = get_args(Temperature)  # the coldest first


@dataclass(frozen=True, slots=True, kw_only=True)
class Start:
    """One request to a function at that temperature; the parts add up to the whole."""

    temperature: Temperature
    create_s: float  # the front had the request, and the instance's program was begun
    runtime_s: float  # the runtime came up, and turned to the handler's module
    import_s: float  # the handler's imports
    load_s: float  # the model
    answer_s: float  # the rest: the runtime asks for work, the first prediction, the way back
    whole_s: float  # from the request to its answer, as the client saw it
    major_faults: int  # pages that the instance read from disk until it was ready, by its own count


@dataclass(frozen=True, slots=True, kw_only=True)
class ThrownAway:
    """Samples that were not as cold, or as warm, as they should have been."""

    temperature: Temperature
    count: int
    reason: str  # of the last one


@dataclass(frozen=True, slots=True, kw_only=True)
class Starts:
    """The samples of a run."""

    samples: tuple[Start, ...] = ()
    thrown_away: tuple[ThrownAway, ...] = ()
    impossible: tuple[tuple[Temperature, str], ...] = ()  # here, with the reason

    def of(self, temperature: Temperature) -> tuple[Start, ...]:
        """The samples at that temperature."""
        return tuple(each for each in self.samples if each.temperature == temperature)
