"""The cold starts of a function: medians with intervals, and where their time goes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analyse.statistics import resampling
from harness.stored.records import RunFacts
from harness.stored.starts import FILES, IDLE, IMAGE, PROCESS, Start, Temperature

PARTS = ("create_s", "runtime_s", "import_s", "load_s", "answer_s")
METRICS: dict[str, Temperature] = {
    "cold_image": IMAGE,
    "cold_files": FILES,
    "cold_process": PROCESS,
    "warm_idle": IDLE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStart:
    """The starts at one temperature."""

    temperature: Temperature
    count: int
    median_s: float
    low_s: float  # 95% interval of the median
    high_s: float
    parts_s: dict[str, float]  # means, which add up to `mean_s`
    mean_s: float


def of_run(facts: RunFacts) -> tuple[ColdStart, ...]:
    """The temperatures that have samples, the coldest first."""
    found = ((each, samples(facts, each)) for each in METRICS.values())
    return tuple(_summed_up(each, starts) for each, starts in found if starts)


def samples(facts: RunFacts, temperature: Temperature) -> tuple[Start, ...]:
    """The starts of a run at a temperature."""
    life = facts.lifecycle
    return () if life is None or life.starts is None else life.starts.of(temperature)


def median_s(starts: Sequence[Start], part: str = "whole_s") -> float | None:
    """The median of a part; None of nothing."""
    return float(np.median([getattr(each, part) for each in starts])) if starts else None


def replicates(facts: RunFacts) -> dict[str, Any]:
    """Replicates of the medians, by metric."""
    return {
        name: _drawn(found) for name, each in METRICS.items() if (found := samples(facts, each))
    }


def _summed_up(temperature: Temperature, starts: Sequence[Start]) -> ColdStart:
    low_s, high_s = resampling.interval([_drawn(starts)])
    median = median_s(starts)
    assert median is not None
    return ColdStart(
        temperature=temperature,
        count=len(starts),
        median_s=median,
        low_s=low_s,
        high_s=high_s,
        parts_s={part: float(np.mean([getattr(s, part) for s in starts])) for part in PARTS},
        mean_s=float(np.mean([each.whole_s for each in starts])),
    )


def _drawn(starts: Sequence[Start]) -> Any:
    return resampling.medians([each.whole_s for each in starts])
