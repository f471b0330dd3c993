"""The pairs that a campaign has decided, and the runs that would decide the others: pure functions
of rankings.

A pair of a ranking is decided if it is separated, or where its whole interval lies within ALIKE
of no difference. Another round for both of an open pair narrows its interval by the square root of
the rounds.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from harness.analyse.field.comparison import Comparison, Row
from harness.analyse.field.contest import Contest
from harness.search import enough
from harness.search.enough import MOST_STARTS

ALIKE = 0.10  # a smaller difference does not decide which to choose on a machine like this
PLAIN = 0.15  # a difference that every reader wants to know of
MOST = MOST_STARTS  # rounds of a variant: what they leave open, more of them hardly decide
_AT_ONCE = 6  # variants that have another round before the ranking is looked at again


@dataclass(frozen=True, slots=True, kw_only=True)
class Open:
    """A pair of a track that is not decided."""

    benchmark: str
    one: str
    other: str
    depth: float  # the place of the worse one in its ranking, 0 for the first, as a share of it
    rounds: tuple[int, int]  # of each
    needed: int  # that both would have to have, as far as can be foreseen
    resolved: float = math.inf  # the least difference that these rounds separate, as a share
    around: float = math.inf  # the same of the median open pair of its ranking

    @property
    def in_reach(self) -> bool:
        """Whether as many rounds as a variant has at most would decide it."""
        return self.needed <= MOST

    @property
    def behind(self) -> list[str]:
        """The one with fewer rounds; both, where they have as many."""
        fewest = min(self.rounds)
        both = zip((self.one, self.other), self.rounds, strict=True)
        return [name for name, rounds in both if rounds == fewest]


@dataclass(frozen=True, slots=True)
class Decided:
    """How far the rankings of a campaign are decided."""

    pairs: int
    open: tuple[Open, ...]

    @property
    def in_reach(self) -> tuple[Open, ...]:
        """The open pairs that more rounds would decide, as far as can be foreseen."""
        return tuple(pair for pair in self.open if pair.in_reach)

    @property
    def out_of_reach(self) -> tuple[Open, ...]:
        """The pairs that MOST rounds of each variant would leave open."""
        return tuple(pair for pair in self.open if not pair.in_reach)

    @property
    def missing(self) -> dict[tuple[str, str], int]:
        """Rounds that each (variant, benchmark) still has until nothing is open, or it has MOST."""
        found: dict[tuple[str, str], int] = {}
        for pair in self.open:
            for variant, rounds in zip((pair.one, pair.other), pair.rounds, strict=True):
                key = (variant, pair.benchmark)
                more = max(min(pair.needed, MOST) - rounds, 0)
                found[key] = max(found.get(key, 0), more)
        return found


def of(comparisons: Sequence[Comparison]) -> Decided:
    """Every ranking of every benchmark, track by track."""
    count, found = 0, []
    for comparison in comparisons:
        for track, contest in comparison.contests.items():
            ranked = [row for row in comparison.rows if row.rank and row.server.track == track]
            count += len(ranked) * (len(ranked) - 1) // 2
            pairs = list(_open(comparison.benchmark, ranked, contest))
            found += [replace(pair, around=resolved(pairs)) for pair in pairs]
    return Decided(count, tuple(found))


def resolved(pairs: Iterable[Open]) -> float:
    """The least difference that the rounds so far separate in half of these pairs whose interval is
    known, as a share; infinite where that of none is."""
    known = [pair.resolved for pair in pairs if pair.resolved < math.inf]
    return statistics.median(known) if known else math.inf


def next_rounds(found: Decided) -> list[tuple[str, str]]:
    """(variant, benchmark) of those that should have another round now: those with the fewest, and
    among them the open pairs that are placed best, since their order matters most. All rankings
    come to the same depth at the same time, so each has turns in proportion to its size. A pair
    whose rounds would separate what is plainly different waits until all others would, too, and of
    the others, those come first whose ranking separates far less than another."""
    wanted: dict[tuple[str, str], None] = {}

    def order(pair: Open) -> tuple[bool, float, int, float]:
        vague = round(math.log(pair.around)) if pair.around < math.inf else 9
        return pair.resolved <= PLAIN, -vague, min(pair.rounds), pair.depth

    for pair in sorted(found.open, key=order):
        if min(pair.rounds) < MOST:
            wanted |= dict.fromkeys((name, pair.benchmark) for name in pair.behind)
    return list(wanted)[:_AT_ONCE]


def _open(benchmark: str, ranked: Sequence[Row], contest: Contest) -> Iterator[Open]:
    for (_, one), (place, other) in combinations(enumerate(ranked), 2):
        names = (one.variant, other.variant)
        if not contest.tied(*names):
            continue
        ratio = contest.ratio(*names)
        rounds, fewest = (one.counted, other.counted), min(one.counted, other.counted)
        depth = place / len(ranked)
        if ratio is None:  # bounds: more probes may fit something between them
            if _alike(contest, *names):
                continue
            yield Open(
                benchmark=benchmark,
                one=one.variant,
                other=other.variant,
                depth=depth,
                rounds=rounds,
                needed=fewest + 1,
            )
            continue
        reach, limit = contest.ranks.reach(*names), math.log1p(ALIKE)
        middle = abs(math.log(ratio.ratio))
        if middle + reach < limit:
            continue
        needed = 2 if reach == math.inf else _needed(fewest, reach, max(middle, limit - middle))
        resolved = enough.difference(reach)
        yield Open(
            benchmark=benchmark,
            one=one.variant,
            other=other.variant,
            depth=depth,
            rounds=rounds,
            needed=max(needed, fewest + 1),
            resolved=resolved,
        )


def _alike(contest: Contest, one: str, other: str) -> bool:
    """Whether neither is known to hold the SLO anywhere, or to break it: more rounds would say the
    same."""
    both = [*contest.rounds.get(one, {}).values(), *contest.rounds.get(other, {}).values()]
    return all(each.least <= 0 for each in both) or all(each.most == math.inf for each in both)


def _needed(rounds: int, reach: float, wanted: float) -> int:
    return math.ceil(min(rounds * (reach / wanted) ** 2, 1e6))
