"""Ratios of two variants over rounds that a drifting machine made."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.analyse import paired
from harness.analyse.paired import Ratio


def rounds(values: list[float]) -> dict[int, float]:
    return dict(enumerate(values, 1))


def test_what_slows_a_round_slows_both() -> None:
    found = paired.of_values(rounds([1.1, 2.2, 4.4]), rounds([1.0, 2.0, 4.0]))
    assert found is not None
    assert found.ratio == pytest.approx(1.1)
    assert found.apart
    assert (found.low, found.high) == pytest.approx((1.1, 1.1))


def test_the_interval_is_students() -> None:
    found = paired.of_values(rounds([math.e, 1.0]), rounds([1.0, 1.0]))
    assert found is not None
    # Logarithms 1 and 0: mean 0.5, standard error 0.5, and 31.82 deviations hold 98% for two.
    assert math.log(found.high) == pytest.approx(0.5 + 0.5 * 31.82, abs=0.01)
    assert not found.apart


def test_one_round_tells_nothing_apart() -> None:
    found = paired.of_values(rounds([4.0]), rounds([1.0]))
    assert found is not None
    assert (found.low, found.high, found.rounds) == (0.0, math.inf, 1)
    assert not found.apart


@pytest.mark.parametrize("theirs", [{}, {7: 1.0}, {1: 0.0}])
def test_nothing_to_compare(theirs: dict[int, float]) -> None:
    assert paired.of_values({1: 1.0}, theirs) is None


def test_requests_are_paired_and_those_without_an_answer_left_out() -> None:
    ours = {1: np.array([1.1, 22.0, np.nan, 3.3]), 2: np.array([1.1, 2.2, 3.3])}
    theirs = {1: np.array([1.0, 20.0, 5.0, np.nan]), 2: np.array([1.0, 2.0, 3.0])}
    found = paired.by_request(ours, theirs)
    assert found is not None
    assert found.ratio == pytest.approx(1.1)
    assert found.rounds == 2


def test_requests_of_another_schedule_are_not_paired() -> None:
    assert paired.by_request({1: np.ones(3)}, {1: np.ones(4)}) is None


def campaign(rng: np.random.Generator, slower: float) -> Ratio:
    """Six rounds of two variants, interleaved and reversed, on a machine that drifts."""
    moments = np.arange(12)
    drift = 0.3 * np.sin(moments / 9 + rng.uniform(0, 6)) + 0.02 * rng.standard_normal(12)
    first, second = {}, {}
    for number in range(6):
        a, b = (2 * number, 2 * number + 1)[:: 1 if number % 2 == 0 else -1]
        first[number] = math.exp(drift[a])
        second[number] = slower * math.exp(drift[b])
    found = paired.of_values(second, first)
    assert found is not None
    return found


def test_a_variant_beside_itself_is_rarely_called_different() -> None:
    rng = np.random.default_rng(3)
    different = sum(campaign(rng, 1.0).apart for _ in range(1000))
    assert different <= 30  # 2% of them, and what chance adds


def test_a_difference_is_found() -> None:
    rng = np.random.default_rng(4)
    found = [campaign(rng, 1.25) for _ in range(300)]
    assert sum(ratio.apart for ratio in found) > 285
    assert np.median([ratio.ratio for ratio in found]) == pytest.approx(1.25, rel=0.02)
