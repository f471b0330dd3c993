"""Ratios of two variants over rounds that a drifting machine made."""

from __future__ import annotations

import math

import numpy as np
import pytest

from harness.analyse.field import paired
from harness.analyse.field.paired import Ratio


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


@pytest.mark.parametrize(("by", "apart"), [(1.02, True), (1 / 1.02, True), (1.009, False)])
def test_less_than_one_percent_is_a_tie_however_sure(by: float, apart: bool) -> None:
    found = paired.of_values(rounds([by, 2 * by, 4 * by]), rounds([1.0, 2.0, 4.0]))
    assert found is not None
    assert (found.low, found.high) == pytest.approx((by, by))
    assert found.apart is apart


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
    found = paired.of_logs(paired.logs_by_request(ours, theirs))
    assert found is not None
    assert found.ratio == pytest.approx(1.1)
    assert found.rounds == 2


def test_requests_of_another_schedule_are_not_paired() -> None:
    assert paired.of_logs(paired.logs_by_request({1: np.ones(3)}, {1: np.ones(4)})) is None


CELL_S = 3.5


def campaign(
    rng: np.random.Generator, slower: float, rounds: int = 6, *, known: bool = True
) -> Ratio:
    """Three variants, interleaved and reversed, on a machine that gets 30% slower and faster in a
    wave of four minutes; the last beside the first. A fresh start moves each by 1%."""
    began = rng.uniform(0, 240)
    first, last, moments = {}, {}, {}
    for number in range(rounds):
        places = (0, 2) if number % 2 == 0 else (2, 0)
        times = [began + (3 * number + place) * CELL_S for place in places]
        drift = [1 + 0.3 * math.sin(2 * math.pi * t / 240) + 0.01 * rng.normal() for t in times]
        first[number], last[number] = drift[0], slower * drift[1]
        moments[number] = (times[1], times[0])
    found = paired.of_values(last, first, moments if known else None)
    assert found is not None
    return found


@pytest.mark.parametrize("rounds", [3, 4, 5, 6, 8])
@pytest.mark.parametrize("known", [True, False])
def test_a_variant_beside_itself_is_rarely_called_different(rounds: int, known: bool) -> None:
    rng = np.random.default_rng(3)
    different = sum(campaign(rng, 1.0, rounds, known=known).apart for _ in range(500))
    assert different <= 20  # 2% of them, and what chance adds


def test_a_difference_is_found_while_the_machine_drifts() -> None:
    rng = np.random.default_rng(4)
    found = [campaign(rng, 1.05, 8) for _ in range(300)]
    assert sum(ratio.apart for ratio in found) >= 0.95 * 300
    assert np.median([ratio.ratio for ratio in found]) == pytest.approx(1.05, rel=0.005)
    blind = [campaign(rng, 1.05, 8, known=False) for _ in range(300)]
    assert sum(ratio.apart for ratio in blind) < 0.8 * 300, "the drift must be worth its model"


def test_where_all_rounds_had_one_order_the_drift_is_not_told_from_the_ratio() -> None:
    values = [1.1, 1.2, 1.1, 1.2, 1.1, 1.2]
    same_order = {number: (number * 10.0, number * 10.0 + 3.0) for number in range(1, 7)}
    ours, theirs = rounds(values), rounds([1.0] * 6)
    assert paired.of_values(ours, theirs, same_order) == paired.of_values(ours, theirs)
    assert paired.of_values(ours, theirs, {1: (0.0, 1.0)}) == paired.of_values(ours, theirs)


def test_what_all_rounds_share_is_no_certainty() -> None:
    """Rounds that differ by the same, since both numbers were read with one estimate each."""
    logs = dict.fromkeys(range(1, 7), math.log(0.91))
    alone, doubted = paired.of_logs(logs), paired.of_logs(logs, shared=0.05**2)
    assert alone is not None
    assert doubted is not None
    assert alone.apart
    assert not doubted.apart
    assert doubted.ratio == pytest.approx(alone.ratio)
