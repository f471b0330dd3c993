"""How much a metric moves where nothing has changed: what a gate must not take for a regression.

A variant beside itself (A/A) has a true ratio of 1, so the logarithms of its rounds' ratios are
noise. Where nothing was measured beside itself, a variant's own next round stands in for it: that
is noise without interleaving, and so rather too much.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from harness.analyse.field import comparison, paired
from harness.analyse.field.comparison import COLUMNS, Row
from harness.analyse.run.metrics import Metric

BESIDE = "a variant beside itself"
NEXT_ROUND = "a variant's next round"
Logs = Mapping[str, Sequence[Sequence[float]]]  # by metric name: of each variant


@dataclass(frozen=True, slots=True)
class Noise:
    """The noise of one metric on one benchmark."""

    deviation: float  # of the logarithm of a round's ratio; the median over the variants
    values: int  # that it was estimated from
    source: str

    def smallest(self, rounds: int, among: int = 1) -> float:
        """The smallest change that so many rounds can show, as a share: in one comparison of fifty
        chance alone takes one of so many variants beyond it."""
        reach = paired.student(self.values, among) * self.deviation / math.sqrt(rounds)
        return math.expm1(min(reach, 700.0))


def numbers(row: Row, metric: Metric) -> dict[int, float]:
    """A row's number in each round that counts, as it is compared.

    Of failures, the share that did not fail: it has a ratio also where nothing does. A capacity
    that is only known to be above what was tried has none.
    """
    values = comparison.by_round(row, metric.name)
    if counts_failures(metric):
        return {number: 100 - value for number, value in values.items()}
    if metric.name == "capacity":
        found = {d.cell.round: d.found.estimate for d in row.digests if d.found is not None}
        return {
            n: v for n, v in values.items() if not v or n not in found or found[n].high is not None
        }
    return values


def counts_failures(metric: Metric) -> bool:
    """Whether it is a share of what went wrong, which is 0 where all is well."""
    return metric.unit == "%" and metric.better == "lower"


def logs(new: Row, base: Row, metric: Metric, *, same_load: bool) -> dict[int, float]:
    """The logarithm of new by base in each round."""
    if metric.name == "latency_p50":
        return comparison.logs(new, base, metric.name, same_load=same_load)
    return paired.logs_of_values(numbers(new, metric), numbers(base, metric))


def beside(pairs: Sequence[tuple[Row, Row]]) -> Logs:
    """The logarithms of the ratios of pairs without any difference, measured in one campaign."""
    return {
        name: [
            list(found.values())
            for new, base in pairs
            if (found := logs(new, base, metric, same_load=True))
        ]
        for name, metric in COLUMNS.items()
    }


def next_rounds(rows: Sequence[Row]) -> Logs:
    """The logarithms of the ratios between each variant's successive rounds."""
    return {
        name: [_steps(numbers(row, metric)) for row in rows] for name, metric in COLUMNS.items()
    }


def _steps(values: Mapping[int, float]) -> list[float]:
    known = [value for _, value in sorted(values.items()) if value > 0]
    return [math.log(b / a) for a, b in pairwise(known)]


def estimate(found: Logs, source: str) -> dict[str, Noise]:
    """The noise of each metric that there is something of.

    The median over the variants, for one of them that is noisier than the others says so in its
    own interval.
    """
    made = {}
    for name, by_variant in found.items():
        known = [values for values in by_variant if values]
        if known:
            deviations = [_deviation(values) for values in known]
            count = sum(len(values) for values in known)
            made[name] = Noise(float(np.median(deviations)), count, source)
    return made


def _deviation(values: Sequence[float]) -> float:
    """The median-unbiased standard deviation of values around 0, also for few values."""
    from scipy.special import chdtri

    return math.sqrt(float(np.sum(np.square(values))) / float(chdtri(len(values), 0.5)))
