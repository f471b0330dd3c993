"""From which threshold on a small model may answer."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analyse.statistics import thresholds
from harness.analyse.statistics.thresholds import BothAnswered


def answered(score: list[float], small: list[int], server: list[int]) -> BothAnswered:
    return BothAnswered(
        score=np.array(score), small=np.array(small, bool), server=np.array(server, bool)
    )


FOUR = answered([0.9, 0.8, 0.7, 0.6], [1, 1, 0, 0], [1, 0, 1, 1])


@pytest.mark.parametrize(
    ("threshold", "local", "right"),
    [(0.0, 4, 2), (0.6, 4, 2), (0.65, 3, 3), (0.75, 2, 4), (0.9, 1, 3), (0.95, 0, 3), (1.0, 0, 3)],
)
def test_what_a_threshold_comes_to(threshold: float, local: int, right: int) -> None:
    assert int(FOUR.local(threshold).sum()) == local
    assert FOUR.right(threshold) == right


def test_at_1_the_server_answers_even_what_is_certain() -> None:
    certain = answered([1.0], [1], [0])
    assert (certain.right(1.0), certain.right(0.999)) == (0, 1)


def test_what_the_small_model_does_not_take_is_the_server_s() -> None:
    assert answered([-1.0, 0.5], [0, 0], [1, 1]).local(0.0).tolist() == [False, True]


@pytest.mark.parametrize(
    ("target", "threshold", "local", "right"), [(0.75, 0.7, 3, 3), (0.5, 0.6, 4, 2)]
)
def test_the_lowest_threshold_that_holds_the_target(
    target: float, threshold: float, local: int, right: int
) -> None:
    found = thresholds.best(FOUR, target)
    assert found is not None
    assert (found.threshold, found.local, found.right) == (threshold, local, right)
    assert found.low <= found.threshold <= found.high


def test_no_threshold_holds_what_the_server_alone_does_not() -> None:
    assert thresholds.best(FOUR, 0.8) is None
    assert thresholds.best(answered([], [], []), 0.5) is None


def test_a_lucky_threshold_below_one_that_misses_the_target_is_not_taken() -> None:
    dips = answered([0.9, 0.8, 0.7], [0, 1, 1], [1, 0, 0])
    found = thresholds.best(dips, 1 / 3)
    assert found is not None
    assert (found.threshold, found.local) == (1.0, 0)


def test_payloads_of_one_score_go_together() -> None:
    found = thresholds.best(answered([0.9, 0.9], [1, 0], [1, 1]), 1.0)
    assert found is not None
    assert (found.threshold, found.local) == (1.0, 0)


def drawn(rng: np.random.Generator, count: int) -> BothAnswered:
    """The small model is right with the probability that it says; the server always is."""
    score = rng.uniform(0.5, 1.0, count)
    right = rng.uniform(size=count) < score
    return BothAnswered(score=score, small=right, server=np.ones(count, bool))


def test_the_interval_holds_the_truth_as_often_as_it_says(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(thresholds, "_REPLICATES", 200)
    truth = 1 - 0.05**0.5  # where twice the integral of 1 - s over s from there to 1 is 0.05
    rng, held = np.random.default_rng(3), []
    for _ in range(60):
        found = thresholds.best(drawn(rng, 150), 0.95)
        assert found is not None
        held.append(found.low <= truth <= found.high)
    assert np.mean(held) >= 0.85


def test_the_interval_narrows_with_the_payloads() -> None:
    rng = np.random.default_rng(1)
    few, many = thresholds.best(drawn(rng, 150), 0.95), thresholds.best(drawn(rng, 5000), 0.95)
    assert few is not None
    assert many is not None
    assert many.high - many.low < 0.5 * (few.high - few.low)


def test_the_interval_is_the_same_each_time() -> None:
    payloads = drawn(np.random.default_rng(2), 100)
    assert thresholds.best(payloads, 0.9) == thresholds.best(payloads, 0.9)
