"""Variants side by side: spreads over rounds, ranks within a track, ties, no false winners."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from harness.analyse.field import contest, paired
from harness.analyse.field.contest import Contest
from harness.analyse.field.paired import Ratio
from harness.analyse.run import held
from harness.analyse.run.digested import Digest, Digested
from harness.analyse.run.findings import Finding
from harness.analyse.run.held import Held
from harness.analyse.run.metrics import METRICS
from harness.analyse.statistics.stats import Spread, spread
from harness.stored.identity import Canaries, Canary, Cell
from harness.stored.records import BenchmarkFacts, Failure, ServerFacts

COLUMNS = METRICS
# Fresh starts of one server on a busy two-core machine moved its p95 by 45%: beyond that something
# other than chance differs between the rounds.
ROUNDS_DISAGREE = 1.5
_BEFORE_LOAD = ("provision", "launch", "ready", "verify", "warm up")
_Any = TypeVar("_Any")
RANKED_BY = ("capacity", "latency_p99", "latency_p95", "latency_p50")


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class Row:
    """One variant on one benchmark, over its rounds."""

    variant: str
    server: ServerFacts
    spreads: dict[str, Spread | None]  # by column name, over the rounds that count
    rounds: int  # that ran
    counted: int  # whose numbers count: neither failed nor INVALID, unless all are
    invalid: bool
    failures: tuple[Failure, ...]
    findings: tuple[tuple[int, Finding], ...]  # (round, finding)
    digests: tuple[Digest, ...]
    rank: int | None = None  # within its track; equal ranks are tied
    beyond: Mapping[str, str] = field(default_factory=dict)  # what is known where no number is
    canary: Canary | None = None  # which it is of what stands for the host

    @property
    def cell(self) -> Cell:
        """The cell of its first round."""
        return self.digests[0].cell

    @property
    def measured(self) -> bool:
        """Whether it has any window at all."""
        return any(digest.curves for digest in self.digests)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """All variants on one benchmark."""

    benchmark: str
    facts: BenchmarkFacts | None
    rows: tuple[Row, ...]  # ranked ones first, track by track; then references; then the rest
    ranked_by: str  # a column name
    contests: Mapping[str, Contest] = field(default_factory=dict)  # by track

    def tied(self, row: Row, other: Row) -> bool:
        """Whether two variants of a track can't be separated by what the track is ranked by, all
        of its comparisons taken together."""
        return self.contests[row.server.track].tied(row.variant, other.variant)

    def ratio(self, row: Row, other: Row) -> Ratio | None:
        """How many times the other's number a row's is; None where one is known by bounds only."""
        return self.contests[row.server.track].ratio(row.variant, other.variant)

    def best(self, track: str) -> tuple[Row, ...]:
        """The variants of a track that share rank 1."""
        return tuple(row for row in self.rows if row.rank == 1 and row.server.track == track)

    @property
    def tracks(self) -> tuple[str, ...]:
        """The tracks that have a ranking, in order."""
        return tuple(dict.fromkeys(row.server.track for row in self.rows if row.rank))


def compare(digested: Digested) -> tuple[Comparison, ...]:
    """One comparison for each benchmark of the campaign."""
    by_benchmark: dict[str, dict[str, list[Digest]]] = {}
    for digest in digested.digests:
        cell = digest.cell
        rows_of = by_benchmark.setdefault(cell.benchmark_name, {})
        rows_of.setdefault(cell.variant_name, []).append(digest)
    found = []
    for benchmark, variants in by_benchmark.items():
        canaries = digested.campaign.canaries
        rows = [_row(variant, digests, canaries) for variant, digests in variants.items()]
        ranked_by = _ranked_by(rows)
        facts = digested.campaign.benchmarks.get(benchmark)
        contests = {
            track: contest_of([row for row in rows if _counts(row, track)], ranked_by)
            for track in sorted({row.server.track for row in rows})
        }
        ranked = _rank(rows, ranked_by, contests)
        found.append(
            Comparison(
                benchmark=benchmark,
                facts=facts,
                rows=ranked,
                ranked_by=ranked_by,
                contests=contests,
            )
        )
    return tuple(found)


def tied(row: Row, other: Row, column: str) -> bool:
    """Whether two variants can't be separated by the ratio of their numbers, round by round: this
    pair by itself."""
    if column == "capacity":  # of some rounds only bounds may be known
        return contest_of((row, other), column).tied(row.variant, other.variant)
    found = ratio(row, other, column)
    return found is None or not found.apart


def contest_of(rows: Iterable[Row], column: str) -> Contest:
    """The rows' numbers of a column, to be separated together."""
    if column == "capacity":
        return contest.of({row.variant: _searched(row) for row in rows})
    return contest.of_numbers({row.variant: by_round(row, column) for row in rows})


def ratio(row: Row, other: Row, column: str) -> Ratio | None:
    """How many times the other's number a row's is; None where no round has both.

    Of the median response time, request by request; of all else, round by round.
    """
    common = shared(row, column) + shared(other, column)
    return paired.of_logs(logs(row, other, column), moments(row, other), common)


def shared(row: Row, column: str) -> float:
    """The variance of the logarithm that all rounds of a row share."""
    return contest.shared(_searched(row)) if column == "capacity" else 0.0


def logs(row: Row, other: Row, column: str, *, same_load: bool = True) -> dict[int, float]:
    """The logarithm of the ratio in each round. Without the same load in both, requests are not
    paired."""
    if column == "latency_p50" and same_load:
        return paired.logs_by_request(_responses(row), _responses(other))
    return paired.logs_of_values(by_round(row, column), by_round(other, column))


def disagreement(row: Row, column: str) -> tuple[float, float] | None:
    """(least, most) of a row's rounds, where they are too far apart for one number."""
    values = by_round(row, column).values()
    if len(values) < 2 or min(values) <= 0 or max(values) <= ROUNDS_DISAGREE * min(values):
        return None
    return min(values), max(values)


def moments(row: Row, other: Row) -> dict[int, tuple[float, float]]:
    """When the two of each round met their load."""
    ours, theirs = ({d.cell.round: _loaded_at(d) for d in each.digests} for each in (row, other))
    both = {number: (ours[number], theirs[number]) for number in ours.keys() & theirs.keys()}
    return {number: (a, b) for number, (a, b) in both.items() if a is not None and b is not None}


def _loaded_at(digest: Digest) -> float | None:
    """When its first window began, in seconds since 1970; None where its file has no such time."""
    phases = digest.facts.phases_s
    before = sum(phases.get(name, 0.0) for name in _BEFORE_LOAD)
    try:
        return datetime.fromisoformat(digest.facts.started_at).timestamp() + before
    except (ValueError, OverflowError):
        return None


def by_round(row: Row, column: str) -> dict[int, float]:
    """A row's number in each round that counts and has it."""
    values = {d.cell.round: d.values[column] for d in counted(row.digests)}
    return {number: value for number, value in values.items() if value is not None}


def counted(digests: Sequence[Digest]) -> list[Digest]:
    """Those whose numbers count: neither failed nor INVALID, unless all are."""
    good = [digest for digest in digests if not digest.invalid]
    return good or [digest for digest in digests if digest.curves]


def contends(row: Row) -> bool:
    """Whether it may be ranked."""
    return not row.server.reference and not row.invalid and row.measured


def in_ranks(
    ordered: Sequence[_Any], together: Callable[[_Any, _Any], bool]
) -> Iterator[tuple[int, _Any]]:
    """(rank, each) of what is in order: whatever is as one with the first of a rank has that."""
    rank, leader = 0, None
    for place, each in enumerate(ordered, 1):
        if leader is None or not together(each, leader):
            rank, leader = place, each
        yield rank, each


def _responses(row: Row) -> dict[int, Any]:
    known = [d for d in counted(row.digests) if d.response_ms is not None]
    return {digest.cell.round: digest.response_ms for digest in known}


def _searched(row: Row) -> dict[int, Held]:
    found = {d.cell.round: (d, d.found) for d in counted(row.digests) if d.found is not None}
    return {
        number: digest.held.get(str(each.slo)) or held.of_estimate(each.estimate)
        for number, (digest, each) in found.items()
    }


def _row(variant: str, digests: Sequence[Digest], canaries: Canaries) -> Row:
    known = counted(digests)
    # A median over the other rounds would flatter.
    beyond = {name: said for digest in known for name, said in digest.beyond.items()}
    return Row(
        variant=variant,
        server=digests[0].facts.server,
        spreads={
            name: None
            if name in beyond
            else spread(
                [digest.values[name] for digest in known],
                [digest.replicates.get(name) for digest in known],
            )
            for name in COLUMNS
        },
        rounds=len(digests),
        counted=len(known),
        invalid=all(digest.invalid for digest in digests),
        failures=tuple(d.facts.failure for d in digests if d.facts.failure is not None),
        findings=tuple((d.cell.round, finding) for d in digests for finding in d.findings),
        digests=tuple(digests),
        beyond=beyond,
        canary=canaries.role(digests[0].cell.subject),
    )


def _ranked_by(rows: Sequence[Row]) -> str:
    """The capacity where most contenders have one, the others not being ranked; else the highest
    percentile that every contender has enough samples for, one that falls among failed requests not
    being ranked."""
    contenders = [row for row in rows if contends(row)]
    for name in RANKED_BY:
        have = sum(row.spreads[name] is not None for row in contenders)
        # One whose percentile falls among failed requests must not decide by what all are ranked.
        failed = sum(name in row.beyond for row in contenders)
        enough = have + failed == len(contenders)
        if name == "capacity":
            enough = 2 * have > len(contenders)
        if have and enough:
            return name
    return RANKED_BY[-1]


def _counts(row: Row, track: str) -> bool:
    """Whether it is compared with a track's variants: references too, which have no rank."""
    return row.measured and not row.invalid and row.server.track == track


def _runs(row: Row, track: str) -> bool:
    return contends(row) and row.server.track == track


def _rank(rows: Sequence[Row], by: str, contests: Mapping[str, Contest]) -> tuple[Row, ...]:
    ranked: list[Row] = []
    for track, found in contests.items():
        medians = {
            row: spread.median
            for row in rows
            if _runs(row, track) and (spread := row.spreads[by]) is not None
        }
        sign = 1 if COLUMNS[by].better == "lower" else -1
        # Variants seen to meet the SLO, in most rounds, come before the others.
        keys = {row: (not found.holds(row.variant), sign * value) for row, value in medians.items()}
        ordered = sorted(keys, key=keys.__getitem__)

        def together(row: Row, leader: Row, known: Contest = found) -> bool:
            return known.tied(row.variant, leader.variant)

        ranked += [replace(row, rank=rank) for rank, row in in_ranks(ordered, together)]
    names = {row.variant for row in ranked}
    rest = sorted(
        (row for row in rows if row.variant not in names),
        key=lambda row: (not row.server.reference, row.variant),
    )
    return (*ranked, *rest)
