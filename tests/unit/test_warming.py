"""Warm-up ends when slices of load agree, and is bounded."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from harness.measure.cell import warming
from harness.windows.profiles import Profile
from harness.windows.samples import Requests
from tests import fakes

POISSON = Profile("steady", "poisson", 10.0, rate_per_s=200.0)
CLOSED = Profile("saturated", "closed", 10.0, concurrency=4)


class Server:
    """Answers each slice with so many milliseconds, by the slice's number."""

    def __init__(self, latency_ms: Callable[[int], float], answers: int = 40) -> None:
        self.latency_ms = latency_ms
        self.answers = answers
        self.fired: list[Profile] = []

    def __call__(self, profile: Profile, number: int) -> Requests:
        self.fired.append(profile)
        rng = np.random.default_rng(number)
        began = np.linspace(0, 1e3 * profile.duration_s, self.answers, endpoint=False)
        taken = self.latency_ms(number) * rng.lognormal(0, 0.05, self.answers)
        return fakes.requests(
            list(began) if profile.is_open else None, list(began), list(began + taken)
        )


@pytest.mark.parametrize("profile", [POISSON, CLOSED], ids=lambda profile: profile.name)
def test_a_server_that_is_steady_at_once_gets_three_slices(profile: Profile) -> None:
    server = Server(lambda _: 5.0)
    found = warming.warm_up(server, profile, 5.0)
    assert len(server.fired) == len(found.medians_ms) == 3
    assert found.steady_s == pytest.approx(0, abs=0.5)
    assert {fired.shape for fired in server.fired} == {"constant" if profile.is_open else "closed"}


def test_it_goes_on_until_the_slices_agree() -> None:
    server = Server(lambda number: 5.0 if number >= 4 else 50.0 / (number + 1))
    found = warming.warm_up(server, POISSON, 5.0)
    assert len(server.fired) == 7
    assert found.steady_s is not None
    assert found.medians_ms[0] == pytest.approx(50, rel=0.1)


def test_it_is_bounded() -> None:
    server = Server(lambda number: 5.0 * 1.5**number)
    found = warming.warm_up(server, POISSON, 2.0)
    assert found.steady_s is None
    assert sum(fired.duration_s for fired in server.fired) <= 2.0 * 1.001
    assert len(found.medians_ms) == len(server.fired) == 10


def test_slices_are_as_long_as_a_median_needs() -> None:
    slow = Profile("steady", "poisson", 10.0, rate_per_s=20.0)
    server = Server(lambda _: 5.0)
    warming.warm_up(server, slow, 20.0)
    assert [fired.duration_s for fired in server.fired] == [2.0, 2.0, 2.0]
    closed = Server(lambda _: 5.0, answers=8)
    found = warming.warm_up(closed, CLOSED, 20.0)
    assert [fired.duration_s for fired in closed.fired[:2]] == pytest.approx([0.2, 1.0])
    assert found.steady_s is None, "eight answers a slice are too few to say"


def test_a_short_bound_has_room_for_three_slices() -> None:
    server = Server(lambda _: 5.0, answers=20)
    assert warming.warm_up(server, POISSON, 0.1).steady_s is not None
    assert len(server.fired) == 3


def test_at_a_low_rate_a_slice_is_as_long_as_its_fewest_answers_need() -> None:
    slow = Profile("steady", "poisson", 10.0, rate_per_s=16.0)
    server = Server(lambda _: 5.0, answers=11)
    found = warming.warm_up(server, slow, 1.5)
    assert found.steady_s is not None
    assert [fired.duration_s for fired in server.fired] == pytest.approx(3 * [11 / 16])
    slower = Server(lambda _: 5.0, answers=2)
    assert (
        warming.warm_up(slower, Profile("steady", "poisson", 10.0, rate_per_s=2.0), 1.5).steady_s
        is None
    )
    assert sum(fired.duration_s for fired in slower.fired) <= 3.0 * 1.001


@pytest.mark.parametrize("shape", ["ramp", "spike"])
def test_a_ramp_is_warmed_up_by_where_it_begins(shape: str) -> None:
    server = Server(lambda _: 5.0)
    warming.warm_up(
        server, Profile("ramp", shape, 10.0, rate_per_s=100.0, rate_to_per_s=400.0), 5.0
    )
    assert {(f.shape, f.rate_per_s, f.rate_to_per_s) for f in server.fired} == {
        ("constant", 100.0, None)
    }


def test_a_server_that_answers_nothing_is_never_steady() -> None:
    found = warming.warm_up(Server(lambda _: 5.0, answers=0), POISSON, 1.0)
    assert found.steady_s is None
    assert set(found.medians_ms) == {None}


def slices(*medians: float, apart: float = 0.01, answers: int = 40) -> list[warming.Slice]:
    return [
        warming.Slice(answers=answers, median=m, low=m * (1 - apart), high=m * (1 + apart))
        for m in medians
    ]


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (slices(10, 10), False),
        (slices(10, 10, 11), True),
        (slices(10, 10, 11.1), False),
        (slices(10, 10, 11.1, apart=0.06), True),  # not to be told apart
        (slices(30, 10, 10, 10), True),
        (slices(10, 10, 10, answers=9), False),
    ],
)
def test_the_rule(made: list[warming.Slice], expected: bool) -> None:
    assert warming.steady(made) is expected


def test_random_service_times_are_steady_within_a_few_slices() -> None:
    """Exponential ones, whose median over 40 answers moves by more than a tenth."""
    wanted = []
    for seed in range(200):
        rng = np.random.default_rng(seed)
        made: list[warming.Slice] = []
        while not warming.steady(made):
            taken = list(rng.exponential(5.0, 40))
            made.append(warming.summed_up(fakes.requests(None, [0.0] * 40, taken), is_open=False))
        wanted.append(len(made))
    assert np.mean(wanted) < 3.3
