"""The next setting to try, by Optuna's tree-structured Parzen estimator.

A pure function of what was tried: the study is made anew each time, from what is stored, so that
nothing of the optimiser has to be kept.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from harness.setup.knobs import Setting, Space, Value

_RANDOM = 2  # settings for each knob before the estimator has a say
_ASKS = 8  # the estimator may name what was tried already


@dataclass(frozen=True, slots=True)
class Scored:
    """A setting that was tried; more is better, and None is what nothing is known of."""

    setting: Setting
    score: float | None


def size(space: Space) -> int:
    """How many settings there are."""
    return math.prod(len(values) for values in space.values())


def propose(space: Space, tried: Sequence[Scored]) -> dict[str, Value] | None:
    """A setting that was not tried yet; None where all were."""
    import optuna
    from optuna.distributions import BaseDistribution, IntDistribution
    from optuna.trial import TrialState, create_trial

    done = {_key(space, each.setting) for each in tried}
    if len(done) >= size(space):
        return None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # By their places: neighbours are neighbours, however unevenly the values lie.
    places: dict[str, BaseDistribution] = {
        name: IntDistribution(0, len(values) - 1) for name, values in space.items()
    }
    trials = [
        create_trial(
            state=TrialState.COMPLETE if each.score is not None else TrialState.FAIL,
            value=each.score,
            params=dict(zip(space, _key(space, each.setting), strict=True)),
            distributions=places,
        )
        for each in tried
    ]
    sampler = optuna.samplers.TPESampler(
        n_startup_trials=_RANDOM * len(space) + 1, multivariate=True, seed=len(tried)
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    study.add_trials(trials)
    for _ in range(_ASKS):
        key = tuple(study.ask(places).params[name] for name in space)
        if key not in done:
            return _setting(space, key)
    return _untried(space, done, len(tried))


def _untried(space: Space, done: set[tuple[int, ...]], seed: int) -> dict[str, Value]:
    every = itertools.product(*(range(len(values)) for values in space.values()))
    left = [key for key in every if key not in done]
    return _setting(space, random.Random(seed).choice(left))


def _key(space: Space, setting: Setting) -> tuple[int, ...]:
    return tuple(values.index(setting[name]) for name, values in space.items())


def _setting(space: Space, key: tuple[int, ...]) -> dict[str, Value]:
    return {name: values[at] for (name, values), at in zip(space.items(), key, strict=True)}
