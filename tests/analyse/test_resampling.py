"""The hierarchical bootstrap on samples whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from harness.analyse.statistics import resampling
from harness.windows.samples import Requests


def test_replicates_spread_as_the_percentile_does() -> None:
    rng = np.random.default_rng(1)
    truth = [np.percentile(rng.exponential(1.0, 2000), [50, 99]) for _ in range(200)]
    drawn = resampling.percentiles(rng.exponential(1.0, 2000), (0.5, 0.99))
    assert drawn.shape == (2, resampling.REPLICATES)
    assert drawn.std(axis=1) == pytest.approx(np.std(truth, axis=0), rel=0.4)


def test_neighbours_that_repeat_each_other_widen_the_spread() -> None:
    rng = np.random.default_rng(2)
    apart = rng.exponential(1.0, 2000)
    bursts = np.repeat(rng.exponential(1.0, 40), 50)
    spreads = [resampling.percentiles(values, (0.5,))[0].std() for values in (apart, bursts)]
    assert spreads[1] > 3 * spreads[0]


def test_rates_are_of_blocks_of_time() -> None:
    done = (np.arange(1000) * 1_000_000 + 500).astype(np.int64)
    zeros = np.zeros(1000, np.int64)
    requests = Requests(
        payload=zeros,
        due_ns=zeros,
        sent_ns=zeros,
        first_byte_ns=done,
        done_ns=done,
        status=zeros,
        error=zeros,
        queued=zeros,
        resent=zeros,
    )
    assert resampling.rates(requests, 1.0) == pytest.approx(np.full(resampling.REPLICATES, 1000))


def test_around_has_the_interval_that_it_was_given() -> None:
    low, high = np.percentile(resampling.around(100.0, 80.0, 125.0), [2.5, 97.5])
    assert (low, high) == (pytest.approx(80, rel=0.1), pytest.approx(125, rel=0.1))


def test_between_two_ends_nothing_is_known() -> None:
    assert resampling.interval([resampling.ends(100.0, 400.0)]) == (100.0, 400.0)


@pytest.mark.parametrize("count", [2, 3])
def test_few_rounds_have_their_range(count: int) -> None:
    values = [5.0, 1.0, 3.0][:count]
    assert resampling.interval(values) == (min(values), max(values))


def test_the_interval_covers_the_median_over_rounds() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(100):
        starts = rng.normal(10.0, 1.0, 8)  # what a fresh start moves
        windows = [start + rng.normal(0, 2.0, 400) for start in starts]
        rounds = [resampling.percentiles(values, (0.5,))[0] for values in windows]
        low, high = resampling.interval(rounds)
        covered += low <= 10.0 <= high
    assert 88 <= covered <= 100


def test_one_round_is_as_sure_as_its_requests() -> None:
    drawn = resampling.percentiles(np.random.default_rng(4).normal(10, 1, 1000), (0.5,))[0]
    low, high = resampling.interval([drawn])
    assert low < 10 < high
    assert high - low < 0.4
