"""Starts of a function's instances over the rounds of a variant, by how cold they were."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from harness.analyse.field.comparison import Row, counted
from harness.analyse.run.cold_starts import PARTS
from harness.analyse.statistics import resampling
from harness.analyse.statistics.stats import Spread, spread
from harness.stored.starts import TEMPERATURES, Start, Starts, Temperature, ThrownAway


@dataclass(frozen=True, slots=True, kw_only=True)
class Cold:
    """The samples at one temperature. Medians do not add up, so means are told too."""

    temperature: Temperature
    samples: int
    whole: Spread  # the median
    parts: dict[str, Spread]  # medians
    means: dict[str, float]

    @property
    def largest(self) -> tuple[str, float]:
        """(the part that takes longest, its share of the whole), by means."""
        name = max(self.means, key=lambda part: self.means[part])
        return name, self.means[name] / max(sum(self.means.values()), 1e-12)


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStarts:
    """All temperatures of a variant."""

    known: tuple[Cold, ...]  # the coldest first
    thrown_away: tuple[ThrownAway, ...]
    impossible: dict[Temperature, str]  # here, with the reason

    def at(self, temperature: Temperature) -> Cold | None:
        """Those at that temperature."""
        return next((each for each in self.known if each.temperature == temperature), None)


def of_row(row: Row) -> ColdStarts | None:
    """Over the rounds that count; None where none was to be sampled."""
    runs = (digest.invoked for digest in counted(row.digests))
    found = [run.starts for run in runs if run is not None and run.starts is not None]
    if not found:
        return None
    known = (_cold(each, found) for each in TEMPERATURES)
    thrown = (_thrown(each, found) for each in TEMPERATURES)
    return ColdStarts(
        known=tuple(each for each in known if each is not None),
        thrown_away=tuple(each for each in thrown if each is not None),
        impossible={name: reason for each in found for name, reason in each.impossible},
    )


def _cold(temperature: Temperature, found: Sequence[Starts]) -> Cold | None:
    rounds = [samples for each in found if (samples := each.of(temperature))]
    if not rounds:
        return None
    every = [start for samples in rounds for start in samples]
    whole = _median(rounds, "whole_s")
    return Cold(
        temperature=temperature,
        samples=len(every),
        whole=whole,
        parts={part: _median(rounds, part) for part in PARTS},
        means={part: sum(getattr(each, part) for each in every) / len(every) for part in PARTS},
    )


def _median(rounds: Sequence[Sequence[Start]], part: str) -> Spread:
    values = [[getattr(each, part) for each in samples] for samples in rounds]
    medians = [float(np.median(each)) for each in values]
    found = spread(medians, [resampling.medians(each) for each in values])
    assert found is not None  # of no round otherwise
    return found


def _thrown(temperature: Temperature, found: Sequence[Starts]) -> ThrownAway | None:
    told = [each for starts in found for each in starts.thrown_away]
    told = [each for each in told if each.temperature == temperature]
    if not told:
        return None
    count = sum(each.count for each in told)
    return ThrownAway(temperature=temperature, count=count, reason=told[-1].reason)
