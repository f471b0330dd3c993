"""When a change is one, and when it stops a gate."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from harness.analyse.field.paired import Ratio
from harness.analyse.run.metrics import Metric


class Judgement(StrEnum):
    """The verdict on a change."""

    BETTER = "better"
    WORSE = "worse"
    SAME = "same"
    UNSURE = "can't tell"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The rows that are requested, and the changes that are worth reporting."""

    of: Mapping[str, float] = field(default_factory=dict)  # least effects by metric name
    every: float | None = None  # of all other metrics; None: each metric's own
    variants: frozenset[str] = frozenset()  # empty: all
    benchmarks: frozenset[str] = frozenset()

    def takes(self, variant: str, benchmark: str) -> bool:
        """Whether a row is asked for."""
        named = not self.variants or variant in self.variants
        return named and (not self.benchmarks or benchmark in self.benchmarks)

    def effect(self, metric: Metric) -> float | None:
        """The least change that is judged; None: the metric is not judged."""
        if metric.name in self.of:
            return self.of[metric.name]
        if metric.effect is None or self.every is None:
            return metric.effect
        return self.every


def verdict(ratio: Ratio, better: str, effect: float, smallest: float | None) -> Judgement:
    """Better or worse: the whole interval lies beyond 1 and beyond the least effect, and the ratio
    is beyond the smallest change that can be shown. Same: the whole interval lies within the least
    effect."""
    worse = ratio if better == "lower" else _turned(ratio)
    edge, shown = 1 + effect, 1 + (smallest or 0.0)
    if worse.low > edge and worse.ratio > shown:
        return Judgement.WORSE
    if worse.high < 1 / edge and worse.ratio < 1 / shown:
        return Judgement.BETTER
    if 1 / edge <= worse.low and worse.high <= edge:
        return Judgement.SAME
    return Judgement.UNSURE


def _turned(ratio: Ratio) -> Ratio:
    """The ratio of the reciprocals."""
    return Ratio(_over(ratio.ratio), _over(ratio.high), _over(ratio.low), ratio.rounds)


def _over(value: float) -> float:
    return 1 / value if value else math.inf
