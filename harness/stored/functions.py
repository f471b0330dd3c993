"""The records of a function: how its service was told to run it, and what became of instances."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.setup.functions import Beyond

BURST = "burst"  # name of its window
STARTS = "starts"  # phase of a run: cold starts, and the burst
Fate = Literal["out of memory", "timed out", "init failed", "exited"]
OUT_OF_MEMORY: Fate = "out of memory"
TIMED_OUT: Fate = "timed out"
INIT_FAILED: Fate = "init failed"
EXITED: Fate = "exited"


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFacts:
    """How a service runs the instances of a variant, as its server.toml says."""

    event: str  # that the handler gets: `http` or `invoke`
    memory_mib: int  # of an instance; its share of a CPU follows from it
    timeout_s: float  # of an invocation
    concurrency: int  # requests at a time of an instance
    most_instances: int | None  # None: one for each server CPU
    beyond: Beyond  # what becomes of a request when all of them are busy
    idle_s: float  # an instance without requests is ended after it


@dataclass(frozen=True, slots=True, kw_only=True)
class Burst:
    """The limits under which the window `burst` was fired."""

    most_instances: int
    beyond: Beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class Lost:
    """Instances that ended otherwise than by being told to; others took their place."""

    fate: Fate
    count: int
    said: str  # by the service, of the last one
