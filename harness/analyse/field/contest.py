"""The contest of a ranking: which variants are separated, even if only bounds are known."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from harness.analyse.field import paired, ranks
from harness.analyse.field.paired import Ratio
from harness.analyse.field.ranks import Ranks
from harness.analyse.run.held import Held

Rounds = Mapping[int, Held]


@dataclass(frozen=True, slots=True)
class Contest:
    """The variants of one ranking, by name, with what each round knows of them."""

    rounds: Mapping[str, Rounds]
    ranks: Ranks

    def tied(self, one: str, other: str) -> bool:
        """Whether two can't be separated; never one that meets the SLO at some rate and one that
        meets it at no tried rate."""
        ours, theirs = self.rounds.get(one, {}), self.rounds.get(other, {})
        if self.holds(one) is not self.holds(other):
            return False
        found = self.ratio(one, other)
        if found is not None:
            return not found.apart
        return not (_above(ours, theirs) or _above(theirs, ours))

    def holds(self, name: str) -> bool:
        """Whether some rate is known to meet the SLO, in most rounds."""
        known = [each.least > 0 for each in self.rounds.get(name, {}).values() if each.known]
        return bool(2 * sum(known) > len(known))

    def ratio(self, one: str, other: str) -> Ratio | None:
        """How many times the other's number one has; None where one is known by bounds only."""
        return self.ranks.ratio(one, other)


def of(rounds: Mapping[str, Rounds]) -> Contest:
    """The contest over the rates that each variant holds in each round; a round in which nothing is
    known of a variant takes nothing from what others tell of it."""
    rounds = {
        name: {number: each for number, each in found.items() if each.known}
        for name, found in rounds.items()
    }
    known = {
        name: {number: each.least for number, each in found.items()}
        for name, found in rounds.items()
        if found and all(each.exact for each in found.values())
    }
    doubts = {name: shared(found) for name, found in rounds.items() if name in known}
    errors = {
        name: {number: each.error for number, each in found.items()}
        for name, found in rounds.items()
        if name in known
    }
    return Contest(rounds, ranks.of(known, doubts, errors, _expected(rounds, known)))


def _expected(rounds: Mapping[str, Rounds], known: Iterable[str]) -> float | None:
    """The standard deviation of a start's logarithm that the windows of most let expect: those that
    are far less sure count for less. None where the windows of one say nothing."""
    each = [start.scatter for name in known for start in rounds[name].values()]
    return statistics.median(each) if each and all(each) else None


def of_numbers(numbers: Mapping[str, Mapping[int, float]]) -> Contest:
    """The contest over each variant's number in each round."""
    return of(
        {
            name: {number: Held(least=value, most=value) for number, value in found.items()}
            for name, found in numbers.items()
        }
    )


def shared(rounds: Rounds) -> float:
    """The variance of the logarithm that all rounds share: a law is read with what all starts say
    together."""
    return max((each.doubt for each in rounds.values()), default=0.0)


def _above(ours: Rounds, theirs: Rounds) -> bool:
    """Whether ours is surely above theirs. A rate that is only bounded is taken at its worst: the
    lower one's highest, the other's lowest; this pair by itself, round by round."""
    rounds = [r for r in ours.keys() & theirs.keys() if ours[r].known and theirs[r].known]
    if any(ours[r].least <= 0 or theirs[r].most == math.inf for r in rounds):
        return False
    least, most = {r: ours[r].least for r in rounds}, {r: theirs[r].most for r in rounds}
    found = paired.of_values(least, most)
    return found is not None and found.apart and found.low > 1
