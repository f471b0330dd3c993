"""The additional records of a `tune` campaign: the request, and the purpose of each run.

The search keeps no other state: what is next follows from these and the runs, so that one that was
interrupted goes on from what is stored.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.setup.knobs import Value

Stage = Literal["explore", "sift", "confirm"]
TODAY = 1  # the candidate that is the variant as server.toml has it


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningStep:
    """A run of a setting."""

    variant: str  # that is tuned
    candidate: int  # which of its settings, from 1; 1 is today's
    setting: dict[str, Value]
    stage: Stage
    round: int  # which run of that setting, from 1
    search_s: float  # for its capacity


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning:
    """The request, and every run so far, in order."""

    benchmark: str
    slo: str
    memory_bytes: int | None  # that a setting may need; None: any
    budget_s: float
    search_s: float  # for the capacity of a setting that is first tried
    knobs: dict[str, dict[str, tuple[Value, ...]]]  # by variant, by knob; values that may be tried
    steps: tuple[TuningStep, ...] = ()
