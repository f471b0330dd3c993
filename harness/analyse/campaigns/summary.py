"""A campaign in a few kilobytes, for lists and trends over many of them: who was how fast.

It is made from all runs once and kept (see `brief_file`), so that the Parquet files of a thousand
campaigns are not read for a page that lists them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from harness.analyse.field import comparison
from harness.analyse.field.comparison import RANKED_BY, Comparison, Row
from harness.analyse.run.digested import Digested
from harness.analyse.statistics.stats import Spread
from harness.stored.hosts import machine_id
from harness.stored.records import Campaign

# The metrics that are kept for each variant: those of its headline, and those of trends.
KEPT = (*RANKED_BY, "throughput", "first_answer", "memory", "cpu_per_1000", "error_rate")
_LONGEST = 200  # characters of a text; names of folders are bounded by the file system
_DIGITS = 6  # of a number


# A metric over the rounds that count: the median, and the ends of its interval of 95%. No class of
# its own: a hundred thousand of them are read for a list.
Figure = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class VariantSummary:
    """One variant on one benchmark."""

    variant: str
    framework: str
    version: str | None
    track: str
    reference: bool
    rank: int | None  # within its track; equal ranks are tied
    invalid: bool
    rounds: int  # that ran
    counted: int  # whose numbers count
    figures: dict[str, Figure]  # by metric, of KEPT; those that are not known are left out

    def spread(self, metric: str) -> Spread | None:
        """A metric as the statistics know it."""
        found = self.figures.get(metric)
        return Spread(*found, self.counted) if found else None


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkSummary:
    """All variants on one benchmark, in the order of the report."""

    name: str
    version: int | None
    slo: str | None
    ranked_by: str  # a metric's name
    standings: tuple[VariantSummary, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    """The planned runs by outcome."""

    planned: int
    ok: int
    invalid: int  # ran, but their numbers must not be quoted
    failed: int
    damaged: int  # stored, but not readable any more
    missing: int  # not run, or not run yet


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """A campaign."""

    campaign: str
    started_at: str
    preset: str
    device: str
    machine: str  # hosts.machine_id
    counts: RunCounts
    benchmarks: tuple[BenchmarkSummary, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """The first-ranked variants of one track of one benchmark, and the next separated one."""

    benchmark: BenchmarkSummary
    track: str
    leaders: tuple[VariantSummary, ...]  # tied, if several; empty where nothing could be ranked
    following: VariantSummary | None

    @property
    def untold(self) -> bool:
        """Whether there was only one round, which can't separate them: that is not a tie."""
        next_one = self.following.spread(self.benchmark.ranked_by) if self.following else None
        alone = next_one is None or next_one.median == 0
        return alone and len(self.leaders) > 1 and all(s.counted == 1 for s in self.leaders)

    @property
    def spread(self) -> Spread | None:
        """The number by which the first leader is ranked."""
        return self.leaders[0].spread(self.benchmark.ranked_by) if self.leaders else None


def of(digested: Digested, comparisons: Sequence[Comparison] | None = None) -> Summary:
    """The summary of a campaign that has been read; comparisons that are not given are made."""
    if comparisons is None:
        comparisons = comparison.compare(digested)
    campaign = digested.campaign
    return Summary(
        campaign=campaign.id,
        started_at=_short(campaign.started_at),
        preset=_short(campaign.preset),
        device=_short(campaign.device),
        machine=machine_of(campaign),
        counts=counts(digested),
        benchmarks=tuple(_benchmark(found) for found in comparisons),
    )


def machine_of(campaign: Campaign) -> str:
    """The identifier of a campaign's machine."""
    return _short(machine_id(campaign.environment))


def counts(digested: Digested) -> RunCounts:
    """The planned runs of a campaign by outcome."""
    digests = digested.digests
    failed = sum(found.facts.failure is not None for found in digests)
    invalid = sum(found.invalid and found.facts.failure is None for found in digests)
    return RunCounts(
        planned=len(digested.campaign.cells),
        ok=len(digests) - failed - invalid,
        invalid=invalid,
        failed=failed,
        damaged=len(digested.damaged),
        missing=len(digested.missing),
    )


def headlines(summary: Summary) -> tuple[Headline, ...]:
    """The leaders of each benchmark and track."""
    found = []
    for benchmark in summary.benchmarks:
        competing = [s for s in benchmark.standings if not s.reference]
        for track in sorted({standing.track for standing in competing}):
            ranked = [s for s in competing if s.rank is not None and s.track == track]
            leaders = tuple(s for s in ranked if s.rank == 1)
            following = next((s for s in ranked if s.rank != 1), None)
            found.append(
                Headline(benchmark=benchmark, track=track, leaders=leaders, following=following)
            )
    return tuple(found)


def _benchmark(found: Comparison) -> BenchmarkSummary:
    return BenchmarkSummary(
        name=found.benchmark,
        version=found.facts.version if found.facts else None,
        slo=_short(found.facts.slo) if found.facts else None,
        ranked_by=found.ranked_by,
        standings=tuple(_standing(row) for row in found.rows),
    )


def _standing(row: Row) -> VariantSummary:
    server = row.server
    known = ((name, row.spreads.get(name)) for name in KEPT)
    return VariantSummary(
        variant=row.variant,
        framework=_short(server.framework),
        version=None if server.version is None else _short(server.version),
        track=_short(server.track),
        reference=server.reference,
        rank=row.rank,
        invalid=row.invalid,
        rounds=row.rounds,
        counted=row.counted,
        figures={name: made for name, spread in known if spread and (made := _figure(spread))},
    )


def _figure(spread: Spread) -> Figure | None:
    numbers = (spread.median, spread.low, spread.high)
    if not all(map(math.isfinite, numbers)):
        return None
    median, low, high = (float(f"{number:.{_DIGITS}g}") for number in numbers)
    return median, low, high


def _short(text: str) -> str:
    whole = text.encode(errors="replace").decode()  # a lone surrogate can't be written
    return whole if len(whole) <= _LONGEST else whole[: _LONGEST - 1] + "…"
