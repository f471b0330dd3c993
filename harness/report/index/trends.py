"""How a variant went from campaign to campaign."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from harness.analyse.campaigns.summary import BenchmarkSummary, Summary, VariantSummary

# Two figures on one line share all of these: machine, preset, device, benchmark,
# its version, SLO, metric, track, variant. A variant of another name is another variant.
Key = tuple[str | int | None, ...]


@dataclass(slots=True)
class Trend:
    """One variant's figure over the campaigns that have it, oldest first."""

    values: list[float] = field(default_factory=list)
    places: dict[str, int] = field(default_factory=dict)  # of each campaign, by name


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
    """The key of the trend that a standing belongs to."""
    return (
        *(summary.machine, summary.preset, summary.device),
        *(benchmark.name, benchmark.version, benchmark.slo, benchmark.ranked_by),
        *(standing.track, standing.variant),
    )
