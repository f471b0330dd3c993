"""Which variants of a ranking are told apart, where of some only bounds are known."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest

from harness.analyse.field import contest
from harness.analyse.field.contest import Contest
from harness.analyse.run.held import Held


def fitted(rate: float) -> Held:
    return Held(least=rate, most=rate, low=0.95 * rate, high=1.05 * rate)


def at_least(rate: float) -> Held:
    return Held(least=rate, most=math.inf)


def below(rate: float) -> Held:
    return Held(least=0.0, most=rate)


def unknown(_: float) -> Held:
    return Held(least=0.0, most=math.inf)


def two(one: Callable[[float], Held], other: Callable[[float], Held]) -> Contest:
    rates = dict(enumerate((100.0, 101.0, 99.0)))
    return contest.of(
        {
            "one": {number: one(rate) for number, rate in rates.items()},
            "other": {number: other(rate) for number, rate in rates.items()},
        }
    )


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (at_least, at_least, False),  # nobody knows how far either goes
        (below, below, False),
        (lambda rate: Held(least=rate, most=1.5 * rate), lambda rate: fitted(1.2 * rate), False),
        (lambda rate: Held(least=rate, most=1.5 * rate), lambda rate: fitted(1.6 * rate), True),
        (at_least, lambda rate: below(0.8 * rate), True),
        (at_least, lambda rate: fitted(0.8 * rate), True),
        (at_least, lambda rate: fitted(1.2 * rate), False),
        (unknown, below, False),
    ],
)
def test_bounds_are_taken_at_their_worst(
    one: Callable[[float], Held], other: Callable[[float], Held], expected: bool
) -> None:
    found = two(one, other)
    assert found.tied("one", "other") is not expected
    assert found.tied("other", "one") is not expected
    assert found.ratio("one", "other") is None


def test_what_holds_it_somewhere_is_never_as_one_with_what_does_not() -> None:
    assert not two(fitted, below).tied("one", "other")
    assert not two(at_least, lambda rate: below(1.2 * rate)).tied("one", "other")


@pytest.mark.parametrize(("factor", "expected"), [(1.005, True), (1.2, False), (0.8, False)])
def test_numbers_are_told_apart_by_their_ratio(factor: float, expected: bool) -> None:
    wobble = iter((1.001, 0.999, 1.0))
    found = two(fitted, lambda rate: fitted(factor * next(wobble) * rate))
    assert found.tied("one", "other") is expected
    ratio = found.ratio("other", "one")
    assert ratio is not None
    assert ratio.ratio == pytest.approx(factor, rel=1e-6)


def test_one_round_tells_nothing_apart() -> None:
    for other in ({1: fitted(10.0)}, {2: fitted(10.0)}):
        assert contest.of({"one": {1: fitted(100.0)}, "other": other}).tied("one", "other")


def test_a_doubt_that_all_rounds_share_keeps_two_together() -> None:
    sure = {r: Held(least=100.0 + 0.1 * r, most=100.0 + 0.1 * r) for r in range(3)}
    unsure = {r: Held(least=120.0 + 0.2 * r, most=120.0 + 0.2 * r, doubt=0.1**2) for r in range(3)}
    assert contest.of({"one": sure, "other": unsure}).tied("one", "other")
    without = {r: Held(least=120.0 + 0.2 * r, most=120.0 + 0.2 * r) for r in range(3)}
    assert not contest.of({"one": sure, "other": without}).tied("one", "other")


def test_a_round_without_knowledge_does_not_tie_a_variant_with_all_others() -> None:
    nothing = Held(least=0.0, most=math.inf)
    rounds = {
        "slow": {
            1: Held(least=80.0, most=80.0, error=0.05),
            2: Held(least=81.0, most=81.0, error=0.05),
        },
        "mid": {
            1: Held(least=160.0, most=160.0, error=0.05),
            2: Held(least=162.0, most=162.0, error=0.05),
        },
        "fast": {1: Held(least=8000.0, most=8000.0, error=0.05), 2: nothing},
    }
    found = contest.of(rounds)
    assert not found.tied("fast", "slow")
    assert found.holds("fast")
