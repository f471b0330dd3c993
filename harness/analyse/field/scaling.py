"""Variants on a cluster: their capacity by the number of replicas, how even these are used, and
what changes under load did."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from harness.analyse.field.comparison import Comparison, Row, contest_of, counted
from harness.analyse.run.changed import Changed
from harness.analyse.run.pod_time import PodBalance
from harness.analyse.statistics.stats import Spread
from harness.setup.changes import CHANGES, REPLICAS, ChangeName
from harness.stored.identity import subject_name
from harness.stored.pods import ClusterChange, PodFacts

_NORMAL = 1.96  # standard errors of an interval of 95%


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """Capacity divided by that of as many pods as the one alone; 1: each adds as much as it."""

    value: float
    low: float | None  # None: no interval is known
    high: float | None
    by_rounds: bool  # the interval is that of the ratio over rounds, else of both searches


@dataclass(frozen=True, slots=True, kw_only=True)
class PodPoint:
    """A variant with so many replicas."""

    replicas: int
    row: Row
    efficiency: Efficiency | None  # None where one capacity is not known, or for one pod
    balance: PodBalance | None  # of the first round that counts and has it

    @property
    def capacity(self) -> Spread | None:
        """At the SLO, over the rounds; None where nothing but bounds is known."""
        return self.row.spreads["capacity"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownChange:
    """A change of a variant's Deployment, in all rounds that count."""

    name: ChangeName
    variant: str  # without the number of replicas
    row: Row
    rounds: tuple[Changed, ...]  # those with a window
    failures: tuple[str, ...]  # why it is not whole in others

    @property
    def first(self) -> Changed | None:
        """That of the first round that has one: what is drawn."""
        return next(iter(self.rounds), None)

    @property
    def lost(self) -> int:
        """Requests, in all rounds."""
        return sum(each.lost for each in self.rounds)

    @property
    def requests(self) -> int:
        """In all rounds."""
        return sum(each.requests for each in self.rounds)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScaledVariant:
    """A variant on a benchmark, on a cluster."""

    variant: str
    benchmark: str
    points: tuple[PodPoint, ...]  # by replicas
    changes: tuple[ShownChange, ...]
    pod: PodFacts | None  # how its first run went

    @property
    def is_swept(self) -> bool:
        """Whether it was measured with several numbers of replicas."""
        return len(self.points) > 1


def of_comparisons(comparisons: Iterable[Comparison]) -> tuple[ScaledVariant, ...]:
    """The variants that ran with several replicas, or were changed under load."""
    groups: dict[tuple[str, str], list[Row]] = {}
    for comparison in comparisons:
        for row in comparison.rows:
            if _replicas(row):
                key = (subject_name(row.cell.subject), row.cell.benchmark)
                groups.setdefault(key, []).append(row)
    found = [_scaled(name, benchmark, rows) for (name, benchmark), rows in groups.items()]
    return tuple(each for each in found if each.changes or _balanced(each) or each.is_swept)


def _balanced(found: ScaledVariant) -> bool:
    return any(point.balance is not None for point in found.points)


def _scaled(name: str, benchmark: str, rows: Sequence[Row]) -> ScaledVariant:
    ordered = sorted(rows, key=_replicas)
    one = next((row for row in ordered if _replicas(row) == 1), None)
    pods = [facts for row in ordered if (facts := _pod(row)) is not None]
    return ScaledVariant(
        variant=name,
        benchmark=benchmark,
        points=tuple(_point(row, one) for row in ordered),
        changes=tuple(each for row in ordered for each in _changes(row)),
        pod=next(iter(pods), None),
    )


def _replicas(row: Row) -> int:
    """How many its cell says, or its Deployment had; 0: it was none."""
    point, pod = row.cell.point, _pod(row)
    if point is not None and point.axis == REPLICAS:
        return point.value
    if pod is not None:
        return pod.replicas
    return int(any(digest.changed for digest in row.digests))


def _pod(row: Row) -> PodFacts | None:
    containers = (digest.facts.container for digest in row.digests)
    return next((each.pod for each in containers if each is not None and each.pod), None)


def _point(row: Row, one: Row | None) -> PodPoint:
    balances = (digest.balance for digest in counted(row.digests))
    replicas = _replicas(row)
    efficient = one is not None and row is not one and not row.invalid and not one.invalid
    return PodPoint(
        replicas=replicas,
        row=row,
        efficiency=_efficiency(row, one, replicas) if efficient and one is not None else None,
        balance=next((each for each in balances if each is not None), None),
    )


def _efficiency(row: Row, one: Row, replicas: int) -> Efficiency | None:
    """By the ratio of the two capacities, round by round; of a single round, by their intervals."""
    found = contest_of((row, one), "capacity").ratio(row.variant, one.variant)
    if found is None:
        return None
    if found.rounds > 1:
        low, high = found.low / replicas, found.high / replicas
        return Efficiency(value=found.ratio / replicas, low=low, high=high, by_rounds=True)
    errors = [_error(each.spreads["capacity"]) for each in (row, one)]
    value = found.ratio / replicas
    if None in errors:
        return Efficiency(value=value, low=None, high=None, by_rounds=False)
    reach = _NORMAL * math.hypot(*(error for error in errors if error is not None))
    low, high = value * math.exp(-reach), value * math.exp(reach)
    return Efficiency(value=value, low=low, high=high, by_rounds=False)


def _error(capacity: Spread | None) -> float | None:
    """The standard error of the logarithm; None where no interval is known."""
    if capacity is None or not 0 < capacity.low < capacity.high < math.inf:
        return None
    return math.log(capacity.high / capacity.low) / (2 * _NORMAL)


def _changes(row: Row) -> list[ShownChange]:
    digests = counted(row.digests) or list(row.digests)
    seen = [each for digest in digests for each in digest.changed]
    lives = [digest.facts.lifecycle for digest in row.digests if digest.facts.lifecycle is not None]
    planned: list[ClusterChange] = [change for life in lives for change in life.changes]
    return [
        ShownChange(
            name=name,
            variant=subject_name(row.cell.subject),
            row=row,
            rounds=tuple(each for each in seen if each.name == name),
            failures=tuple(
                dict.fromkeys(
                    each.failure for each in planned if each.name == name and each.failure
                )
            ),
        )
        for name in CHANGES
        if any(each.name == name for each in planned)
    ]


def _failures(changes: Iterable[ClusterChange]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.failure for each in changes if each.failure))
