"""The worth of each knob of a variant: the capacity at another value over the capacity at today's.

The logarithm of the capacity is taken for a sum of one part for each knob, and the parts are fitted
to all settings that were measured (Bayesian linear regression with normal priors: settings that a
search tries are not a balanced design). What the parts can't explain widens the intervals, be it
noise or knobs that act together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analyse.statistics import stats
from harness.search.candidates import Candidate
from harness.setup.knobs import Setting, Space, Value

_PRIOR = 1.0  # standard deviation of the logarithm of what a value may do
_CONFIDENCE = 0.95


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """A value of a knob: its capacity as a multiple of the one with today's value."""

    value: Value
    ratio: float
    low: float
    high: float
    settings: int  # that had it, and were measured

    @property
    def told_apart(self) -> bool:
        return not self.low <= 1 <= self.high


@dataclass(frozen=True, slots=True)
class Worth:
    """A knob."""

    knob: str
    today: Value
    effects: tuple[Effect, ...]  # of the other values that were measured

    @property
    def told_apart(self) -> bool:
        """Whether any value of it is separated from today's."""
        return any(effect.told_apart for effect in self.effects)


def of(space: Space, today: Setting, known: Sequence[Candidate]) -> tuple[Worth, ...]:
    """Each knob, the one that matters most first; nothing where no setting is known."""
    if not known:
        return ()
    columns = [
        (knob, value)
        for knob, values in space.items()
        for value in values
        if value != today[knob] and any(candidate.setting[knob] == value for candidate in known)
    ]
    middle, covariance, freedom = _fitted(columns, known)
    times = stats.student(freedom, _CONFIDENCE)
    effects: dict[str, list[Effect]] = {knob: [] for knob in space}
    for place, (knob, value) in enumerate(columns, 1):
        half = times * math.sqrt(float(covariance[place, place]))
        at = float(middle[place])
        ratio, low, high = (math.exp(x) for x in (at, at - half, at + half))
        count = sum(candidate.setting[knob] == value for candidate in known)
        effects[knob].append(Effect(value=value, ratio=ratio, low=low, high=high, settings=count))
    found = [Worth(knob, today[knob], tuple(each)) for knob, each in effects.items()]
    return tuple(sorted(found, key=_matters, reverse=True))


def _matters(worth: Worth) -> float:
    return max((abs(math.log(effect.ratio)) for effect in worth.effects), default=0.0)


def _fitted(
    columns: Sequence[tuple[str, Value]], known: Sequence[Candidate]
) -> tuple[Any, Any, int]:
    """(the parts, the level first; their covariance; degrees of freedom of the noise)."""
    design = np.array([[1.0, *(t.setting[k] == v for k, v in columns)] for t in known], float)
    logs = np.array([math.log(candidate.capacity or 1.0) for candidate in known])
    own = np.array([candidate.spread**2 for candidate in known])
    prior = np.diag([1e-9, *[1 / _PRIOR**2] * len(columns)])
    freedom, excess = max(len(known) - len(columns) - 1, 1), 1.0
    middle: Any = None
    covariance: Any = None
    for _ in range(2):  # once more with the noise that the first fit has shown
        weights = 1 / (own * excess)
        covariance = np.linalg.inv(design.T @ (design * weights[:, None]) + prior)
        middle = covariance @ (design.T @ (weights * logs))
        misfit = float(((logs - design @ middle) ** 2 / own).sum()) / freedom
        excess = max(misfit, 1.0)
    return middle, covariance, freedom
