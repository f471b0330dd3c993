"""When a change is one: on ratios of known noise."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.analyse.field import paired
from harness.analyse.field.comparison import COLUMNS
from harness.analyse.field.paired import Ratio
from harness.analyse.regression import noise
from harness.analyse.regression.gate import Judgement, Wanted, verdict
from harness.analyse.regression.noise import Noise


def judged(
    low: float, high: float, *, better: str = "lower", smallest: float | None = None
) -> Judgement:
    return verdict(Ratio(math.sqrt(low * high), low, high, 5), better, 0.05, smallest)


@pytest.mark.parametrize(
    ("low", "high", "said"),
    [
        (1.06, 1.30, Judgement.WORSE),
        (1.04, 1.30, Judgement.UNSURE),  # beyond 1, but not beyond the least effect
        (0.99, 1.30, Judgement.UNSURE),
        (0.97, 1.04, Judgement.SAME),
        (1.01, 1.04, Judgement.SAME),  # surely a change, and surely too small to matter
        (0.70, 0.94, Judgement.BETTER),
        (0.70, 0.97, Judgement.UNSURE),
        (1.06, math.inf, Judgement.WORSE),
        (0.00, math.inf, Judgement.UNSURE),
    ],
)
def test_the_whole_interval_must_lie_beyond(low: float, high: float, said: Judgement) -> None:
    middle = math.sqrt(low * high) if 0 < low * high < math.inf else 1.2
    assert verdict(Ratio(middle, low, high, 5), "lower", 0.05, None) is said


def test_more_of_what_is_better_is_better() -> None:
    assert judged(1.06, 1.30, better="higher") is Judgement.BETTER
    assert judged(0.70, 0.94, better="higher") is Judgement.WORSE
    assert judged(0.97, 1.04, better="higher") is Judgement.SAME


def test_nothing_left_is_worse_and_something_from_nothing_better() -> None:
    assert verdict(Ratio(0, 0, 0, 3), "higher", 0.05, 0.1) is Judgement.WORSE
    inf = math.inf
    assert verdict(Ratio(inf, inf, inf, 3), "higher", 0.05, 0.1) is Judgement.BETTER


def test_what_chance_does_on_this_host_is_not_told() -> None:
    assert judged(1.10, 1.20, smallest=0.10) is Judgement.WORSE
    assert judged(1.10, 1.20, smallest=0.20) is Judgement.UNSURE
    assert judged(0.80, 0.90, smallest=0.20) is Judgement.UNSURE
    assert judged(0.98, 1.02, smallest=0.20) is Judgement.SAME


def test_least_effects_of_one_metric_of_all_and_of_its_own() -> None:
    p50, batch = COLUMNS["latency_p50"], COLUMNS["batch_size"]
    assert Wanted().effect(p50) == p50.effect == 0.05
    assert Wanted(every=0.2).effect(p50) == 0.2
    assert Wanted(of={"latency_p50": 0.3}, every=0.2).effect(p50) == 0.3
    assert Wanted(every=0.2).effect(batch) is None
    assert Wanted(of={"batch_size": 0.2}).effect(batch) == 0.2


def found(rng: np.random.Generator, true: float, known: Noise, rounds: int = 5) -> Judgement:
    """What is said of rounds whose ratio has that noise around the true one."""
    logs = math.log(true) + known.deviation * rng.standard_normal(rounds)
    ratio = paired.of_logs(dict(enumerate(logs)))
    assert ratio is not None
    return verdict(ratio, "lower", 0.05, known.smallest(rounds))


@pytest.mark.parametrize("deviation", [0.01, 0.03, 0.10, 0.30])
def test_where_nothing_changed_a_gate_hardly_ever_stops(deviation: float) -> None:
    rng = np.random.default_rng(1)
    known = Noise(deviation, 20, "")
    worse = sum(found(rng, 1.0, known) is Judgement.WORSE for _ in range(4000))
    assert worse <= 12  # of the 1% that the interval alone would let through, a third


def test_a_gate_for_many_variants_hardly_ever_stops_for_one_of_them() -> None:
    """The noise is what one of them showed beside itself in as many rounds."""
    rng = np.random.default_rng(4)
    stopped = 0
    for _ in range(300):
        (known,) = noise.estimate({"x": [[*0.1 * rng.standard_normal(8)]]}, "").values()
        said = []
        for _ in range(30):
            ratio = paired.of_logs(dict(enumerate(0.1 * rng.standard_normal(8))))
            assert ratio is not None
            said.append(verdict(ratio, "lower", 0.05, known.smallest(8, among=30)))
        stopped += Judgement.WORSE in said
    assert stopped <= 9  # of 300


def test_a_regression_is_found_and_a_smaller_one_than_matters_is_not() -> None:
    rng = np.random.default_rng(2)
    known = Noise(0.03, 20, "")
    assert sum(found(rng, 1.25, known) is Judgement.WORSE for _ in range(500)) > 475
    assert sum(found(rng, 1.02, known) is Judgement.WORSE for _ in range(500)) <= 2
