"""The capacity that probes give with the shape of a law, where the truth is known."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest

from harness.analyse.run import capacity
from harness.queues import placing
from harness.queues.batch_law import BatchLaw
from harness.search.search import Estimate
from harness.search.tallying import Tally
from harness.setup.slo import parse
from harness.stored.records import Window
from harness.windows.profiles import Profile
from tests import in_turn
from tests.unit.test_batch_queue import Batching

SLO = parse("p99<50ms")
LAW = BatchLaw(alone_ns=9e6, each_ns=3e6, most=16, wait_ns=5e6, beside_ns=1e6)
RATE = LAW.capacity(SLO)


class _Seeded(Batching):
    def closed(self, profile: Profile, _seed: int = 0) -> Window:
        return super().closed(profile)


def tallies(truth: BatchLaw, at: Sequence[float], effect: float = 1.0) -> list[Tally]:
    """Probes of 400 requests each at multiples of the law's capacity, late as the truth has it."""
    late = [truth.share_over(RATE * each, SLO.limit_ns) for each in at]
    return [
        Tally(
            rate_per_s=RATE * each, requests=400, over=round(400 * share), failed=0, effect=effect
        )
        for each, share in zip(at, late, strict=True)
    ]


def placed(found: Sequence[Tally]) -> Estimate:
    estimate = placing.placed(LAW, found, SLO)
    assert estimate is not None
    return estimate


@pytest.mark.parametrize("stretched", [0.9, 1.0, 1.1, 1.2])
def test_probes_tell_by_what_factor_a_law_is_off(stretched: float) -> None:
    truth = LAW.stretched(stretched)
    capacity = truth.capacity(SLO)
    found = placed(tallies(truth, [capacity / RATE * at for at in (0.86, 0.93, 1.0, 1.07)]))
    assert found.rate_per_s == pytest.approx(capacity, rel=0.06)
    assert found.well_known


def test_requests_that_are_late_together_tell_less() -> None:
    at = [0.9, 1.0, 1.1]
    alone, together = (placed(tallies(LAW, at, effect)) for effect in (1.0, 20.0))
    assert width(together) > 2 * width(alone)


def test_few_requests_far_below_the_capacity_say_little() -> None:
    found = placed([Tally(rate_per_s=0.7 * RATE, requests=40, over=0, failed=0, effect=1.0)])
    assert width(found) > 0.5
    assert not found.well_known


def test_without_probes_around_the_capacity_nothing_is_placed() -> None:
    assert placing.placed(LAW, [], SLO) is None
    far = Tally(rate_per_s=3 * RATE, requests=400, over=400, failed=0, effect=1.0)
    assert placing.placed(LAW, [far], SLO) is None
    assert placing.placed(LAW.stretched(20.0), [far], SLO) is None  # it holds the SLO at no rate


def test_late_requests_that_no_rate_explains_make_it_unsure() -> None:
    odd = [
        Tally(rate_per_s=RATE * at, requests=400, over=over, failed=0, effect=1.0)
        for at, over in ((0.7, 60), (0.8, 10), (0.9, 55), (1.0, 12))
    ]
    even = tallies(LAW, [0.7, 0.8, 0.9, 1.0])
    assert width(placed(odd)) > 2 * width(placed(even))


def test_the_capacity_of_a_batching_server_is_placed_by_its_probes() -> None:
    server = _Seeded(wait_ms=5.0)
    found = capacity.at(in_turn.run(server, rate=165.0), SLO)
    assert (found.basis, found.confirmed) == ("both", True)
    assert found.estimate == found.placed
    assert found.estimate.rate_per_s is not None
    late = server.poisson(found.estimate.rate_per_s, 300.0, 9).requests.response_ns()
    assert 0.003 < (late > SLO.limit_ns).mean() < 0.03


def width(found: Estimate) -> float:
    assert found.low is not None
    assert found.high is not None
    return math.log(found.high / found.low)
