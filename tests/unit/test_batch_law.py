"""The law of a batching server: by hand, and beside a simulation of its own."""

from __future__ import annotations

import numpy as np
import pytest

from harness.queues import batch_law
from harness.queues.batch_law import BatchLaw
from harness.setup.slo import parse
from tests import queues

MS = 1e6


def law(wait_ms: float = 0.0, most: int = queues.BATCH) -> BatchLaw:
    """That of `queues.batching`: 2 ms a batch and 0.25 ms an instance."""
    alone, each = queues.BATCH_S + queues.INSTANCE_S, queues.INSTANCE_S
    return BatchLaw(
        alone_ns=1e9 * alone, each_ns=1e9 * each, most=most, wait_ns=wait_ms * MS, beside_ns=0.0
    )


def departures(arrive: list[float], most: int = 2, wait: float = 0.0) -> list[float]:
    """A batch of n takes 9 + n."""
    left: list[float] = batch_law.departures(
        np.array(arrive), lambda n: 9.0 + n, most, wait
    ).tolist()
    return left


@pytest.mark.parametrize(
    ("arrive", "most", "wait", "expected"),
    [
        ([0, 100], 2, 0.0, [10, 110]),  # each is alone
        ([0, 1, 2], 2, 0.0, [10, 21, 21]),  # two wait for the first, and are served together
        ([0, 1, 2, 3], 2, 0.0, [10, 21, 21, 31]),  # no batch has more than two
        ([0, 3], 2, 5.0, [14, 14]),  # the first waits for another: the batch is full
        ([0, 100], 2, 5.0, [15, 115]),  # none comes
        ([0, 3], 4, 5.0, [16, 16]),  # two of four, when the first has waited
        ([0, 1, 12], 2, 5.0, [12, 12, 27]),  # the third waits from its own arrival on
        (
            [0, 5, 6, 40],
            2,
            8.0,
            [16, 16, 26, 58],
        ),  # the third has waited enough when it is its turn
    ],
)
def test_departures_by_hand(
    arrive: list[float], most: int, wait: float, expected: list[float]
) -> None:
    assert departures(arrive, most, wait) == expected


@pytest.mark.parametrize("limit_ms", [10.0, 15.0])
def test_the_capacity_is_that_of_a_long_simulation(limit_ms: float) -> None:
    slo = parse(f"p99<{limit_ms}ms")
    truth = queues.true_capacity(queues.batching, slo.share, limit_ms / 1e3)
    assert law().capacity(slo) == pytest.approx(truth, rel=0.04)


def test_a_limit_below_a_lone_response_is_held_at_no_rate() -> None:
    assert law().capacity(parse("p99<2.2ms")) == 0.0
    assert law(wait_ms=5.0).capacity(parse("p99<7.2ms")) == 0.0
    assert law(wait_ms=5.0).capacity(parse("p99<15ms")) > 0


def test_more_work_is_less_capacity_and_a_slower_machine_does_not_wait_longer() -> None:
    slo = parse("p99<15ms")
    assert law().stretched(1.2).capacity(slo) < law().capacity(slo)
    slower = law(wait_ms=3.0).scaled(1.2)
    assert slower.wait_ns == 3.0 * MS
    assert slower.occupied(4) == pytest.approx(1.2 * law().occupied(4))


def test_the_share_over_the_limit_is_the_slos_at_the_capacity() -> None:
    slo = parse("p99<15ms")
    rate = law().capacity(slo)
    assert law().share_over(rate, slo.limit_ns) == pytest.approx(0.01, rel=0.3)
    assert law().share_over(1.2 * rate, slo.limit_ns) > 0.015
    assert law().share_over(1e6, slo.limit_ns) == 1.0
