"""The separated pairs of a ranking, from all its comparisons together.

The unit is the start of a server: thousands of requests of one start are one observation. The
logarithm of a variant's number in a round is the variant's part, plus the round's, plus chance; the
parts come from least squares over all variants and rounds, so that one with three rounds and one
with two still share what a round did to all.

By how much two starts of one server differ is learnt from all variants together, and from what many
campaigns had where the starts' own windows were as unsure; one that differs
by more than the others is held to what it shows itself (a variance between its own and that of all,
as in Smyth, Statistical Applications in Genetics and Molecular Biology 3, 2004). A ranking of k
variants has k (k - 1) / 2 comparisons, and chance would find something in many: what is told apart
is chosen so that at most 2% of it is chance, and where all variants are the same, 98% of rankings
tell nothing apart (Benjamini and Hochberg, Journal of the Royal Statistical Society B 57, 1995; for
all pairs: Williams, Jones and Tukey, Journal of Educational and Behavioral Statistics 24, 1999).
The intervals are as wide as that choice demands (Benjamini and Yekutieli, Journal of the American
Statistical Association 100, 2005): one that leaves 1 out belongs to a pair told apart.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from harness.analyse.field.paired import Ratio

FALSE = 0.02  # the share of separated pairs that may be separated by chance
# Learning the variances takes a part of it: of simulated fields of 18 variants that are all the
# same, 1.3% to 2.3% had a pair told apart, and of variants under two names in a field that is told
# apart otherwise, 1.5% to 1.9%.
_NOMINAL = 0.75 * FALSE
# Degrees of freedom that what many campaigns had at such errors counts for: the squares of four
# campaigns' standard deviations differed from it by no more than chance makes.
_EXPECTED = 8.0
_UNLIKELY = 0.01  # chance below which a campaign's starts differ by more than that
_PRIOR = 10.0  # degrees of freedom that the variance of all counts for in that of one
_PASSES = 3  # of learning what a round did to all, for the most part from those that are alike
_LEAST = 0.001  # deviation of a start's logarithm that is never undercut
_ODD_WEIGHT = 0.01  # of the others: what nothing else tells, they do
_ODD = 0.001  # chance beyond which the starts of a variant differ by more than those of others


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """The variants of one ranking."""

    centres: Mapping[str, float]  # the logarithm of each one's number
    rounds: Mapping[str, int]
    variances: Mapping[str, float]  # of one start's logarithm
    doubts: Mapping[str, float]  # variance that all starts of a variant share
    typical: float  # variance of one start's logarithm, over all variants
    freedom: float  # that the variances were learnt from; 0: nothing is known of them
    worth: Mapping[str, float] = field(default_factory=dict)  # rounds, unsure ones as less than one
    groups: Mapping[str, int] = field(default_factory=dict)  # variants of one share rounds
    chance: float = 0.0  # that a pair of equals is separated

    def ratio(self, one: str, other: str) -> Ratio | None:
        """How many times the other's number one has, with an interval that leaves 1 out where the
        two are separated; None where either has no number."""
        if one not in self.centres or other not in self.centres:
            return None
        middle = self.centres[one] - self.centres[other]
        reach = self.reach(one, other)
        low, high = math.exp(max(middle - reach, -700.0)), math.exp(min(middle + reach, 700.0))
        return Ratio(math.exp(middle), low, high, min(self.rounds[one], self.rounds[other]))

    def reach(self, one: str, other: str) -> float:
        """Half the width of that interval, as a logarithm; infinite where no two starts of a server
        were seen."""
        if self.freedom <= 0 or self.groups.get(one) != self.groups.get(other):
            return math.inf
        return min(_reach(self.chance, self.freedom) * self.error(one, other), 700.0)

    def error(self, one: str, other: str) -> float:
        """The standard error of the difference of two logarithms."""
        return math.sqrt(self._variance(one) + self._variance(other))

    def _variance(self, name: str) -> float:
        own = max(self.variances.get(name, self.typical), _LEAST**2)
        return own / self.worth.get(name, 1.0) + self.doubts.get(name, 0.0)


def of(
    values: Mapping[str, Mapping[int, float]],
    doubts: Mapping[str, float] | None = None,
    errors: Mapping[str, Mapping[int, float]] | None = None,
    expected: float | None = None,
) -> Ranks:
    """The ranking of each variant's number in each round; numbers that are not above zero are left
    out.

    `doubts` are variances of the logarithm that all rounds of a variant share. `errors` are
    standard errors of the logarithm in one round, by its own windows: one that is far less sure
    than most counts for less. `expected` is the standard deviation of one start's logarithm that
    many campaigns had at such errors; None: not known.
    """
    known = {name: {r: v for r, v in by.items() if v > 0} for name, by in values.items()}
    known = {name: by for name, by in known.items() if by}
    names = sorted(known)
    rounds = sorted({number for by in known.values() for number in by})
    cells = [(name, number) for name in names for number in known[name]]
    if not cells:
        return Ranks(centres={}, rounds={}, variances={}, doubts={}, typical=math.inf, freedom=0)
    logs = np.array([math.log(known[name][number]) for name, number in cells])
    owner = np.array([names.index(name) for name, _ in cells])
    design = _design(owner, [rounds.index(number) for _, number in cells], len(names), len(rounds))
    weights = _weights([(errors or {}).get(n, {}).get(r, 0.0) for n, r in cells], design, logs)
    counts = np.array([len(known[name]) for name in names])
    found, variances, typical, free = _learnt(design, logs, weights, owner, counts, expected)
    ranks = Ranks(
        centres=_named(names, found),
        rounds=_named(names, counts),
        variances=_named(names, variances),
        doubts=dict(doubts or {}),
        typical=typical,
        freedom=free,
        worth=_named(names, np.bincount(owner, weights)),
        groups=_components(known),
    )
    return replace(ranks, chance=_chance(ranks))


def _weights(errors: Sequence[float], design: Any, logs: Any) -> Any:
    """1 for a number as sure as most; less for one whose own windows say less of it."""
    own = np.minimum(errors, 1.0) ** 2
    beyond = np.maximum(own - np.median(own), 0.0)
    weights = np.ones(len(logs))
    if not beyond.any():
        return weights
    for _ in range(_PASSES):
        found, free = _fitted(design, logs, weights)
        left = float((weights * (logs - design @ found) ** 2).sum())
        usual = max(left / max(free, 1), float(np.median(own)), _LEAST**2)
        weights = usual / (usual + beyond)
    return weights


def _learnt(
    design: Any, logs: Any, weights: Any, owner: Any, counts: Any, expected: float | None
) -> tuple[Any, Any, float, int]:
    """(the parts of the variants and of the rounds, each variant's variance of one start, that of
    all, the degrees of freedom that it was learnt from)."""
    found, free = _fitted(design, logs, weights)
    # The degrees of freedom of each variant's residual sum of squares.
    own = (counts - 1) * free / max(len(logs) - len(counts), 1)
    if not own.any():  # one start of each
        return found, np.zeros(0), math.inf, 0
    alike = np.ones(len(own), dtype=bool)
    for _ in range(_PASSES):
        found, _ = _fitted(design, logs, np.where(alike, 1.0, _ODD_WEIGHT)[owner] * weights)
        left = np.bincount(owner, weights * (logs - design @ found) ** 2)
        alike = _alike(left, own)
    squares, known = float(left[alike].sum()), float(own[alike].sum())
    if expected is not None and _is_likely(squares, known, expected):
        squares, known = squares + _EXPECTED * expected**2, known + _EXPECTED
    typical = squares / known
    variances = (_PRIOR * typical + left) / (_PRIOR + own)
    return found, variances, typical, round(known)


def _is_likely(squares: float, free: float, expected: float) -> bool:
    """Whether starts differ by no more than such a standard deviation explains."""
    from scipy.special import chdtri

    return squares <= expected**2 * float(chdtri(max(free, 1e-9), _UNLIKELY))


def _chance(ranks: Ranks) -> float:
    """The chance of each comparison of a ranking, by the step-up rule of Benjamini and Hochberg."""
    from scipy.special import stdtr

    if ranks.freedom <= 0:
        return 0.0
    pairs = [p for p in combinations(ranks.centres, 2) if ranks.groups[p[0]] == ranks.groups[p[1]]]
    if not pairs:
        return _NOMINAL
    far = [abs(ranks.centres[a] - ranks.centres[b]) / ranks.error(a, b) for a, b in pairs]
    chances = np.sort(2 * stdtr(ranks.freedom, -np.array(far)))
    allowed = _NOMINAL * np.arange(1, len(pairs) + 1) / len(pairs)
    return float(allowed[max(np.flatnonzero(chances <= allowed), default=0)])


def _named(names: Sequence[str], values: Any) -> dict[str, Any]:
    return dict(zip(names, values.tolist(), strict=False))


def _design(owner: Any, rounds: Sequence[int], variants: int, count: int) -> Any:
    """A row for each number: its variant's column and its round's."""
    design = np.zeros((len(owner), variants + count))
    places = np.arange(len(owner))
    design[places, owner] = 1
    design[places, variants + np.array(rounds)] = 1
    return design


def _fitted(design: Any, logs: Any, weights: Any) -> tuple[Any, int]:
    """(the parts of the variants and of the rounds, degrees of freedom that are left)."""
    roots = np.sqrt(weights)
    found, _, rank, _ = np.linalg.lstsq(design * roots[:, None], logs * roots, rcond=None)
    return found, len(logs) - int(rank)


def _components(known: Mapping[str, Mapping[int, float]]) -> dict[str, int]:
    """The groups of variants linked by shared rounds, directly or through others: only those can be
    compared."""
    group = {name: place for place, name in enumerate(known)}
    for number in {r for by in known.values() for r in by}:
        linked = {group[name] for name, by in known.items() if number in by}
        first = min(linked)
        group = {name: first if each in linked else each for name, each in group.items()}
    return group


def _alike(left: Any, own: Any) -> Any:
    """The variants whose rounds differ by no more than chance explains, judged by the others."""
    from scipy.special import chdtri

    several = own > 0
    typical = float(np.median(left[several] / chdtri(own[several], 0.5)))
    return several & (left <= typical * chdtri(np.maximum(own, 1e-9), _ODD))


def _reach(chance: float, freedom: float) -> float:
    """Standard errors that a difference of nothing exceeds with that chance: Student's."""
    from scipy.special import stdtrit

    return -float(stdtrit(freedom, chance / 2))
