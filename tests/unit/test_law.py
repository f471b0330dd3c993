"""The law of a queue beside queues whose truth is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from harness.queues import law
from harness.queues.law import Law
from harness.setup.slo import parse
from tests import queues

MS = 1e6
RNG = np.random.default_rng(3)


def exponential(mean_ms: float = 1.0) -> Law:
    return law.of_sample(RNG.exponential(mean_ms * MS, 20_000), 0.0)


def test_departures_are_lindleys() -> None:
    left = law.departures(np.array([0.0, 1.0, 10.0, 11.0]), np.array([3.0, 2.0, 4.0, 1.0]))
    assert left.tolist() == [3.0, 5.0, 14.0, 15.0]


def test_departures_of_two_workers_are_kiefers_and_wolfowitzs() -> None:
    arrive, occupied = np.array([0.0, 1.0, 2.0, 2.0, 20.0]), np.array([10.0, 3.0, 1.0, 4.0, 1.0])
    assert law.departures(arrive, occupied, 2).tolist() == [10.0, 4.0, 5.0, 9.0, 21.0]


def test_more_workers_than_requests_keep_none_waiting() -> None:
    arrive, occupied = np.sort(RNG.random(50)), RNG.random(50)
    assert law.departures(arrive, occupied, 50) == pytest.approx(arrive + occupied)


@pytest.mark.parametrize("limit_ms", [8.0, 10.0, 20.0])
def test_the_capacity_of_m_m_1_is_the_formulas(limit_ms: float) -> None:
    """The response time is exponential with rate mu - lambda."""
    truth = 1000 + math.log(0.01) / (limit_ms / 1e3)
    assert exponential().capacity(parse(f"p99<{limit_ms}ms")) == pytest.approx(truth, rel=0.02)


def test_the_capacity_of_m_d_1_is_that_of_a_long_simulation() -> None:
    slo = parse("p99<10ms")
    truth = queues.true_capacity(queues.md1, slo.share, 0.010)
    found = law.of_sample(np.full(100, MS), 0.0).capacity(slo)
    assert found == pytest.approx(truth, rel=0.02)


def erlang_c(workers: int, offered: float) -> float:
    """The share of requests that wait in M/M/c (Erlang, 1917)."""
    terms = [offered**k / math.factorial(k) for k in range(workers)]
    last = offered**workers / math.factorial(workers) / (1 - offered / workers)
    return last / (sum(terms) + last)


def later_than(limit: float, workers: int, offered: float) -> float:
    """The share of response times in M/M/c above a limit; times are in units of a mean service."""
    slack = workers - offered  # the waiting time is exponential with that rate
    waits = erlang_c(workers, offered)
    both = (math.exp(-slack * limit) - slack * math.exp(-limit)) / (1 - slack)
    return (1 - waits) * math.exp(-limit) + waits * both


@pytest.mark.parametrize("workers", [2, 3, 8])
@pytest.mark.parametrize("limit_ms", [8.0, 15.0])
def test_the_capacity_of_m_m_c_is_the_formulas(workers: int, limit_ms: float) -> None:
    low, high = 0.01, workers - 0.013
    for _ in range(40):
        middle = (low + high) / 2
        low, high = (
            (low, middle) if later_than(limit_ms, workers, middle) > 0.01 else (middle, high)
        )
    quantiles = -np.log1p(-(np.arange(20_000) + 0.5) / 20_000)
    found = law.of_sample(quantiles * MS, 0.0, workers)
    slo = parse(f"p99<{limit_ms}ms")
    assert found.capacity(slo) == pytest.approx(1e3 * low, rel=0.03)
    # Close to saturation a share tells little: 2% more of the rate make it twice as much.
    loaded = later_than(4.0, workers, 0.6 * workers)
    assert found.share_over(600.0 * workers, 4 * MS) == pytest.approx(loaded, rel=0.15)
    assert found.share_over(1100.0 * workers, slo.limit_ns) == 1.0


@pytest.mark.parametrize("workers", [2, 4])
def test_the_capacity_of_m_d_c_is_that_of_a_long_simulation(workers: int) -> None:
    """Services of one length end in order, so that each worker has every so-manieth request."""

    def mdc(arrivals: Any, _: np.random.Generator) -> Any:
        left = np.empty(len(arrivals))
        for first in range(workers):
            mine = arrivals[first::workers]
            left[first::workers] = queues.one_by_one(mine, np.full(len(mine), queues.SERVICE_S))
        return left

    slo = parse("p99<4ms")
    truth = queues.true_capacity(mdc, slo.share, 0.004)
    found = law.of_sample(np.full(100, MS), 0.0, workers).capacity(slo)
    assert found == pytest.approx(truth, rel=0.02)


def test_what_lies_beside_the_queue_is_taken_off_the_limit() -> None:
    alone = law.of_sample(np.full(100, MS), 0.0)
    beside = law.of_sample(np.full(100, MS), 5 * MS)
    assert beside.capacity(parse("p99<10ms")) == alone.capacity(parse("p99<5ms"))


def test_a_limit_below_a_lone_response_is_held_at_no_rate() -> None:
    assert law.of_sample(np.full(100, MS), 0.0).capacity(parse("p99<0.9ms")) == 0.0
    assert law.of_sample(np.full(100, MS), 2 * MS).capacity(parse("p99<2ms")) == 0.0


def test_the_share_over_the_limit_is_the_slos_at_the_capacity() -> None:
    found, slo = exponential(), parse("p99<10ms")
    rate = found.capacity(slo)
    assert found.share_over(rate, slo.limit_ns) == pytest.approx(0.01, rel=0.15)
    assert found.share_over(1.2 * rate, slo.limit_ns) > 0.02
    assert found.share_over(1100.0, slo.limit_ns) == 1.0  # the queue grows for ever


def test_twice_the_times_at_twice_the_limit_is_half_the_rate() -> None:
    found = exponential()
    half = found.scaled(2.0).capacity(parse("p99<20ms"))
    assert 2 * half == pytest.approx(found.capacity(parse("p99<10ms")))
    assert found.stretched(2.0).beside_ns == found.beside_ns
