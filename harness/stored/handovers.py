"""The record of a pipeline: its stages, and the load that went on meanwhile."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.stored.records import Window

TRAIN, REFERENCE, START, VERIFY = "train", "reference", "start", "verify"
TURN, DRAIN, STOP = "turn", "drain", "stop"
STAGES = (TRAIN, REFERENCE, START, VERIFY, TURN, DRAIN, STOP)


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineStage:
    """One stage of one run; times are of CLOCK_MONOTONIC."""

    name: str  # one of STAGES
    began_ns: int
    ended_ns: int
    problems: tuple[str, ...] = ()  # of the tries that failed

    @property
    def seconds(self) -> float:
        return (self.ended_ns - self.began_ns) / 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class PipelineRun:
    """One run of the pipeline: a version that was trained, and what became of it."""

    version: int
    stages: tuple[PipelineStage, ...]
    serves: bool  # whether the front turned to it; else the version before went on
    accuracy: float | None = None
    problem: str | None = None  # why it does not serve, or what went wrong once it did
    replaced: int | None = None  # the version that served before; None: there was none, or it does

    def stage(self, name: str) -> PipelineStage | None:
        """The stage of that name, where the run came to it."""
        return next((stage for stage in self.stages if stage.name == name), None)

    @property
    def began_ns(self) -> int:
        return self.stages[0].began_ns

    @property
    def ended_ns(self) -> int:
        return self.stages[-1].ended_ns


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontCost:
    """The median service time of one caller, without and with the front."""

    direct_ms: float
    through_ms: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Handovers:
    """All runs of a pipeline, and the load."""

    benchmark: str
    variant: str
    route: str
    front: str  # the program, with its release
    every_s: float
    runs: tuple[PipelineRun, ...]
    cost: FrontCost | None = None  # None where a signal came before
    start_ns: int = 0  # of the load, by CLOCK_MONOTONIC
    window: Window | None = None  # None where a signal came before
    right: NDArray[np.bool_] | None = None  # by request and version: which could have answered so
    versions: tuple[int, ...] = ()  # of the columns
    unanswered: int | None = None  # where the load was ended: requests that were not awaited
    problem: str | None = None  # why the load was ended, where no signal came

    def of(self, version: int) -> NDArray[np.bool_]:
        """The requests whose answer is right for that version."""
        assert self.right is not None
        found: NDArray[np.bool_] = self.right[:, self.versions.index(version)]
        return found
