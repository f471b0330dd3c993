"""The outcome of each run of a tune, and the estimate from all runs of a setting together."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.setup.knobs import Setting
from harness.stored.identity import Cell, Subject
from harness.stored.tunings import TODAY, Tuning, TuningStep

_LEAST_SPREAD = 0.03  # of the logarithm: no start of a server is known better
_OPEN_SPREAD = 0.35  # if every tried rate met the SLO


@dataclass(frozen=True, slots=True)
class Lowest:
    """The observation at the lowest rate that a search tried."""

    rate_per_s: float
    over: float  # share of the requests that failed, or took longer than the SLO's limit
    percentile_ms: float | None  # the SLO's; None where too few answers came


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The outcome of a setting's run."""

    capacity: float | None  # requests/s; None: it failed, is in doubt, or met the SLO at no rate
    low: float | None
    high: float | None  # None: every tried rate met the SLO
    memory_bytes: int | None  # the most that its processes held; None: not known
    failed: str = ""  # why
    doubt: str = ""  # why its capacity does not count
    lowest: Lowest | None = None
    ready_s: float | None = None  # from its start
    wall_s: float = 0.0
    overhead_s: float = 0.0  # of that, beside the search

    @property
    def counts(self) -> bool:
        """Whether anything is known of its capacity."""
        return not self.failed and not self.doubt

    @property
    def level(self) -> float | None:
        """Its capacity; where it met the SLO at no rate, half the lowest that was too much."""
        if self.capacity is None and self.counts and self.high:
            return self.high / 2
        return self.capacity

    @property
    def spread(self) -> float:
        """Standard deviation of the logarithm of its capacity, as the search itself knows it."""
        if not self.low or not self.high:
            return _OPEN_SPREAD
        return max(math.log(self.high / self.low) / (2 * 1.96), _LEAST_SPREAD)


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A setting, with all that was measured of it."""

    variant: str
    number: int
    setting: Setting
    runs: tuple[tuple[TuningStep, Outcome], ...]

    @property
    def name(self) -> str:
        """Its name in the report."""
        return name_of(self.variant, self.number)

    @property
    def outcomes(self) -> list[Outcome]:
        return [outcome for _, outcome in self.runs]

    @property
    def counted(self) -> list[Outcome]:
        """Its runs of whose capacity anything is known."""
        return [outcome for outcome in self.outcomes if outcome.counts]

    @property
    def failed(self) -> str:
        """Why it can't be chosen: a setting that fails once may fail again."""
        return next((found.failed for found in self.outcomes if found.failed), "")

    @property
    def doubt(self) -> str:
        """Why nothing is known of its capacity; empty where one run counts."""
        return "" if self.counted else next((found.doubt for found in self.outcomes), "")

    @property
    def memory_bytes(self) -> int | None:
        return max((m for found in self.outcomes if (m := found.memory_bytes)), default=None)

    @property
    def capacity(self) -> float | None:
        """The capacity over all its runs; None if it failed, or met the SLO at no rate in half of
        them."""
        met = [found for found in self.counted if found.capacity is not None]
        if self.failed or 2 * len(met) <= len(self.counted):
            return None
        known = [found for found in self.counted if found.level]
        weights = [1 / found.spread**2 for found in known]
        logs = [math.log(found.level or 1.0) for found in known]
        return math.exp(sum(w * x for w, x in zip(weights, logs, strict=True)) / sum(weights))

    @property
    def spread(self) -> float:
        """Standard deviation of the logarithm of `capacity`, as its searches know it."""
        return 1 / math.sqrt(sum(1 / found.spread**2 for found in self.counted if found.level))

    def fits(self, memory_bytes: int | None) -> bool:
        """Whether it needs no more than that."""
        return memory_bytes is None or (self.memory_bytes or 0) <= memory_bytes

    def confirming(self) -> list[Outcome]:
        """Runs that had no say in its being chosen."""
        return [outcome for step, outcome in self.runs if step.stage == "confirm"]


def cell_of(tuning: Tuning, step: TuningStep) -> Cell:
    """The cell of a step's run."""
    own = Subject(name_of(step.variant, step.candidate))
    return Cell(subject=own, benchmark=tuning.benchmark, point=None, round=step.round)


def name_of(variant: str, candidate: int) -> str:
    """The name of a setting's rows: that of today's setting is the variant's own."""
    return variant if candidate == TODAY else f"{variant}-candidate-{candidate}"


def candidates(variant: str, runs: Iterable[tuple[TuningStep, Outcome]]) -> list[Candidate]:
    """The settings of a variant that were measured, in the order in which they were first tried."""
    found: dict[int, list[tuple[TuningStep, Outcome]]] = {}
    for step, outcome in runs:
        if step.variant == variant:
            found.setdefault(step.candidate, []).append((step, outcome))
    return [
        Candidate(variant=variant, number=number, setting=each[0][0].setting, runs=tuple(each))
        for number, each in found.items()
    ]


def choices(tried: Sequence[Candidate], memory_bytes: int | None) -> list[Candidate]:
    """The candidates that meet the SLO within the memory, the highest capacity first."""
    able = [t for t in tried if t.capacity is not None and t.fits(memory_bytes)]
    return sorted(able, key=lambda candidate: -(candidate.capacity or 0.0))
