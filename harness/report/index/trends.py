"""How a variant went from campaign to campaign, as lines small enough for a list."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from statistics import median

from harness.analyse.campaigns.summary import BenchmarkSummary, Summary, VariantSummary

# What must be the same for two figures to stand on one line: machine, preset, device, benchmark,
# its version, SLO, metric, track, variant. A variant of another name is another variant.
Key = tuple[str | int | None, ...]
WIDTH, HEIGHT = 100, 20
_MARGIN = 2
_MOST_POINTS = 120  # of a line some hundred pixels wide; beyond, each is a median of neighbours


@dataclass(slots=True)
class Trend:
    """One variant's figure over the campaigns that have it, oldest first."""

    values: list[float] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)  # of each campaign, by name

    @property
    def points(self) -> str:
        """The line, as SVG has it."""
        count = len(self.values)
        groups = min(count, _MOST_POINTS)
        edges = [count * number // groups for number in range(groups + 1)]
        middles = [median(self.values[a:b]) for a, b in pairwise(edges)]
        return " ".join(
            f"{_x(number, groups)},{self._y(value)}" for number, value in enumerate(middles)
        )

    def dot(self, campaign: str) -> tuple[str, str]:
        """Where a campaign is on it."""
        place = self.places[campaign]
        return _x(place, len(self.values)), self._y(self.values[place])

    def _y(self, value: float) -> str:
        low, high = min(self.values), max(self.values)
        share = (value - low) / (high - low) if high > low else 0.5
        return f"{HEIGHT - _MARGIN - share * (HEIGHT - 2 * _MARGIN):.4g}"


def collect(campaigns: Iterable[tuple[str, Summary]]) -> dict[Key, Trend]:
    """The trends of named campaigns, given oldest first."""
    found: dict[Key, Trend] = {}
    for name, summary in campaigns:
        for benchmark in summary.benchmarks:
            for standing in benchmark.standings:
                figure = standing.figures.get(benchmark.ranked_by)
                if figure is not None and not standing.invalid:
                    trend = found.setdefault(key_of(summary, benchmark, standing), Trend())
                    trend.places[name] = len(trend.values)
                    trend.values.append(figure[0])
    return found


def key_of(summary: Summary, benchmark: BenchmarkSummary, standing: VariantSummary) -> Key:
    """Which trend a standing belongs to."""
    return (
        *(summary.machine, summary.preset, summary.device),
        *(benchmark.name, benchmark.version, benchmark.slo, benchmark.ranked_by),
        *(standing.track, standing.variant),
    )


def _x(place: int, count: int) -> str:
    share = place / (count - 1) if count > 1 else 0.5
    return f"{_MARGIN + share * (WIDTH - 2 * _MARGIN):.4g}"
