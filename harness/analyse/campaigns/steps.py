"""Change points in one number over many nights, separated from changes of the canaries.

Everything is in logarithms, so that a step of 0.05 is 5%. The number of a night is modelled as a
level, which changes at few nights, plus the canaries' own numbers, each with a weight: a host that
is slower for a night slows a variant and the canaries alike, but not always by the same factor.
Pure functions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

LEAST_NIGHTS = 3  # on each side of a change: one or two odd nights are none
LEAST_CHANGE = 0.03  # less is not acted on, and most false alarms would be less
# Expected a night over all series if each were looked at once and at one place. Looking again night
# after night at every place makes it some ten times as many; scripts/bench_history.py counts them.
FALSE_ALARMS = 0.0001
_PENALTY = 8.0  # in variances: cuts that could never be significant need not be tried
# How far a canary's weight may be from an equal share of 1: there is no telling from a few nights.
_PRIOR = 0.4
_FINEST = 1e-4  # no noise is less: a series that never moved must not make 0.1% a certainty


@dataclass(frozen=True, slots=True, kw_only=True)
class LevelShift:
    """A change of level, in logarithms."""

    at: int  # the first night of the new level
    change: float
    low: float  # interval of 95%
    high: float
    chance: float  # that noise alone gives as much at that place


@dataclass(frozen=True, slots=True, kw_only=True)
class Fitted:
    """A series, explained."""

    steps: tuple[LevelShift, ...]
    adjusted: Floats  # the series on a night on which the canaries are as they usually are
    levels: Floats  # its level on each night
    noise: float  # standard deviation of a night about its level, in logarithms
    visible: float | None  # the least step that five nights would show; None with too few nights


def fit(values: Floats, canaries: Floats, level: float) -> Fitted:
    """Levels and changes of a series of night values.

    `canaries` has a row for each night and a column for each canary, none where there is no
    control. A change is kept where chance alone gives it less often than `level`.
    """
    count = len(values)
    others = canaries - canaries.mean(axis=0) if count else canaries
    cuts = _candidates(values, others) if count >= 2 * LEAST_NIGHTS + 2 else []
    while True:
        model = _model(values, others, cuts)
        steps = _steps(model, cuts)
        worst = max(steps, key=lambda step: step.chance, default=None)
        if worst is None or worst.chance < level:
            break
        cuts.remove(worst.at)
    return Fitted(
        steps=tuple(steps),
        adjusted=values - others @ model.weights,
        levels=model.levels,
        noise=model.noise,
        visible=_visible(model, level),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Model:
    """Least squares: a level for each segment, a weight for each canary."""

    edges: Sequence[int]
    means: Floats
    weights: Floats
    inverse: Floats  # of the normal equations
    levels: Floats
    noise: float
    freedom: int

    def error(self, contrast: Floats) -> float:
        """Standard error of a combination of the coefficients."""
        return self.noise * math.sqrt(float(contrast @ self.inverse @ contrast))


def _model(values: Floats, others: Floats, cuts: Sequence[int]) -> _Model:
    """Fit levels between the cuts; the weights are drawn to equal shares of 1."""
    count, width = len(values), others.shape[1]
    edges = [0, *cuts, count]
    parts = len(edges) - 1
    pull = _spread(values, others) / _PRIOR
    rows = np.zeros((count + width, parts + width))
    for part, (begin, end) in enumerate(pairwise(edges)):
        rows[begin:end, part] = 1
    rows[:count, parts:] = others
    rows[count:, parts:] = pull * np.eye(width)
    wanted = np.concatenate((values, np.full(width, pull / max(width, 1))))
    inverse = np.linalg.pinv(rows.T @ rows)
    found = inverse @ rows.T @ wanted
    rest = values - rows[:count] @ found
    freedom = max(count - parts - min(width, 1), 1)
    return _Model(
        edges=edges,
        means=found[:parts],
        weights=found[parts:],
        inverse=inverse,
        levels=rows[:count, :parts] @ found[:parts],
        noise=_noise(rest, freedom),
        freedom=freedom,
    )


def _noise(rest: Floats, freedom: int) -> float:
    """Standard deviation of what is left, widened where neighbouring nights are alike: then many
    of them tell as little as few."""
    power = float((rest**2).sum())
    if power <= 0:
        return _FINEST
    alike = float((rest[1:] * rest[:-1]).sum()) / power + 1 / len(rest)
    alike = min(max(alike, 0.0), 0.9)
    return max(math.sqrt(power / freedom * (1 + alike) / (1 - alike)), _FINEST)


def _steps(model: _Model, cuts: Sequence[int]) -> list[LevelShift]:
    from scipy.special import stdtr, stdtrit

    found = []
    for place, cut in enumerate(cuts):
        contrast = np.zeros(len(model.inverse))
        contrast[place], contrast[place + 1] = -1, 1
        change = float(model.means[place + 1] - model.means[place])
        error = model.error(contrast)
        chance = 2 * float(stdtr(model.freedom, -abs(change) / error))
        if abs(change) < math.log1p(LEAST_CHANGE):
            chance = 1.0
        reach = float(stdtrit(model.freedom, 0.975)) * error
        found.append(
            LevelShift(
                at=cut, change=change, low=change - reach, high=change + reach, chance=chance
            )
        )
    return found


def _candidates(values: Floats, others: Floats) -> list[int]:
    """The cuts of the best piecewise constant fit, at a price for each (ruptures, exactly)."""
    import ruptures

    weights = _weights(values, others)
    signal = (values - others @ weights) / _spread(values, others, weights)
    kernel: Any = ruptures.KernelCPD(kernel="linear", min_size=LEAST_NIGHTS)
    return [int(cut) for cut in kernel.fit(signal[:, None]).predict(pen=_PENALTY)[:-1]]


def _weights(values: Floats, others: Floats) -> Floats:
    """The canaries' weights from night to night differences, in which a step is one of many."""
    width = others.shape[1]
    ours, theirs = np.diff(values), np.diff(others, axis=0)
    pull = 2 * (_spread(values, others) / _PRIOR) ** 2
    wanted = theirs.T @ ours + pull / max(width, 1)
    found: Floats = np.linalg.solve(theirs.T @ theirs + pull * np.eye(width), wanted)
    return found


def _spread(values: Floats, others: Floats, weights: Floats | None = None) -> float:
    """Standard deviation of a night, from the median difference between neighbours; the canaries
    have equal weights where none are given."""
    width = others.shape[1]
    rest = values - others @ (np.full(width, 1 / max(width, 1)) if weights is None else weights)
    if len(rest) < 2:
        return _FINEST
    return max(float(np.median(np.abs(np.diff(rest)))) / (0.6745 * math.sqrt(2)), _FINEST)


def _visible(model: _Model, level: float) -> float | None:
    from scipy.special import stdtrit

    before = model.edges[-1] - model.edges[-2]
    if before < 2 * LEAST_NIGHTS:
        return None
    sure = -float(stdtrit(model.freedom, level / 2))
    return max(sure * model.noise * math.sqrt(1 / 5 + 1 / before), math.log1p(LEAST_CHANGE))
