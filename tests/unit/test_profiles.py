"""Profiles are pure functions of time: tables and properties, no sleeping."""

from __future__ import annotations

from inspect import signature
from math import sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.windows.profiles import (
    CLOSED,
    SHAPES,
    USERS,
    Floats,
    Profile,
    due_times,
    expected_count,
    levels,
    needs,
    payload_order,
    seed_of,
    shape_names,
)

S = 1_000_000_000
POISSON = Profile("p", "poisson", 20.0, rate_per_s=500.0)
RAMP_UP = Profile("p", "ramp", 20.0, rate_per_s=100.0, rate_to_per_s=900.0)
RAMP_DOWN = Profile("p", "ramp", 20.0, rate_per_s=900.0, rate_to_per_s=100.0)
SPIKE = Profile("p", "spike", 20.0, rate_per_s=200.0, rate_to_per_s=2000.0)
STEPS = Profile("p", "steps", 24.0, rate_per_s=200.0, rate_to_per_s=800.0)
RANDOM = [POISSON, RAMP_UP, RAMP_DOWN, SPIKE, STEPS]
SEEDS = [0, 1, 2**32 - 1]

rates = st.floats(0.5, 2000.0)
open_profiles = st.builds(
    Profile,
    st.just("p"),
    st.sampled_from(sorted(SHAPES)),
    st.floats(0.1, 20.0),
    rate_per_s=rates,
    rate_to_per_s=rates,
)


def expected_by(profile: Profile, t: Floats) -> Floats:
    """L(t), written down a second time: the integral of the rate from 0 to t."""
    start, end = profile.rate_per_s or 0.0, profile.rate_to_per_s or 0.0
    whole = profile.duration_s
    if profile.shape == "ramp":
        return start * t + (end - start) / whole * t**2 / 2
    if profile.shape == "spike":
        return start * t + (end - start) * np.clip(t - 0.4 * whole, 0, 0.2 * whole)
    if profile.shape == "steps":
        sixth, rise = whole / 6, (end - start) / 3
        up = sum(np.clip(t - place * sixth, 0, (4 - place) * sixth) for place in (1, 2, 3))
        found: Floats = start * t + rise * (up + np.clip(t - 4 * sixth, 0, sixth))
        return found
    return start * t


@pytest.mark.parametrize(
    ("rate_per_s", "duration_s", "expected_ns"),
    [
        (1.0, 3.0, [0, 1 * S, 2 * S]),
        (4.0, 1.0, [0, S // 4, S // 2, 3 * S // 4]),
        (3.0, 1.0, [0, 333_333_333, 666_666_666]),
        (0.5, 3.0, [0, 2 * S]),  # the last one is due before the end, not at it
        (0.5, 4.0, [0, 2 * S]),
        (0.1, 1.0, [0]),
    ],
)
def test_constant_arrivals_are_exact(
    rate_per_s: float, duration_s: float, expected_ns: list[int]
) -> None:
    profile = Profile("p", "constant", duration_s, rate_per_s=rate_per_s)
    assert due_times(profile, seed=7).tolist() == expected_ns


@pytest.mark.parametrize(
    ("profile", "count"),
    [
        (Profile("p", "constant", 10.0, rate_per_s=20.0), 200),
        (Profile("p", "poisson", 10.0, rate_per_s=20.0), 200),
        (Profile("p", "ramp", 10.0, rate_per_s=10.0, rate_to_per_s=30.0), 200),
        (Profile("p", "ramp", 10.0, rate_per_s=20.0, rate_to_per_s=20.0), 200),
        (Profile("p", "spike", 10.0, rate_per_s=10.0, rate_to_per_s=60.0), 200),
        (Profile("p", "steps", 12.0, rate_per_s=9.0, rate_to_per_s=27.0), 192),
    ],
)
def test_expected_count(profile: Profile, count: float) -> None:
    assert expected_count(profile) == pytest.approx(count)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("profile", RANDOM)
def test_counts_follow_the_rate_in_every_part(profile: Profile, seed: int) -> None:
    edges = np.linspace(0, profile.duration_s, 11)
    counts, _ = np.histogram(due_times(profile, seed) / S, edges)
    wanted = np.diff(expected_by(profile, edges))
    assert (np.abs(counts - wanted) < 5 * np.sqrt(wanted)).all()
    assert abs(counts.sum() - wanted.sum()) < 5 * sqrt(wanted.sum())


def test_steps_are_held_for_one_time_each() -> None:
    found = [(level.from_s, level.to_s, level.rate_per_s) for level in levels(STEPS)]
    rates = [200.0, 400.0, 600.0, 800.0, 400.0, 200.0]
    assert found == [(4.0 * n, 4.0 * (n + 1), rate) for n, rate in enumerate(rates)]


@pytest.mark.parametrize("seed", SEEDS)
def test_poisson_gaps_are_exponential(seed: int) -> None:
    gaps = np.sort(np.diff(due_times(POISSON, seed)) / S)
    observed = np.arange(1, len(gaps) + 1) / len(gaps)
    distance = np.abs(observed - (1 - np.exp(-gaps * 500.0))).max()
    assert distance * sqrt(len(gaps)) < 1.95  # Kolmogorov-Smirnov, 1 in 1000
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)  # regular gaps would not vary


@pytest.mark.parametrize("profile", RANDOM)
def test_the_seed_decides_the_times(profile: Profile) -> None:
    assert np.array_equal(due_times(profile, 1), due_times(profile, 1))
    assert not np.array_equal(due_times(profile, 1)[:10], due_times(profile, 2)[:10])


@given(open_profiles, st.integers(0, 2**32 - 1))
def test_times_ascend_within_the_duration(profile: Profile, seed: int) -> None:
    due = due_times(profile, seed)
    assert due.dtype == np.int64
    assert (np.diff(due) >= 0).all()
    assert ((due >= 0) & (due <= profile.duration_s * S)).all()


@given(open_profiles, st.lists(st.floats(0, 1), min_size=1))
def test_the_inverse_undoes_the_cumulative_rate(profile: Profile, shares: list[float]) -> None:
    total = expected_count(profile)
    counts = np.array(shares) * total
    times = SHAPES[profile.shape].inverse(profile, counts)
    assert expected_by(profile, times) == pytest.approx(counts, rel=1e-6, abs=1e-9 * total)


@given(st.integers(1, 50), st.integers(0, 500), st.integers(0, 2**32 - 1))
def test_every_payload_is_sent_equally_often(payloads: int, count: int, seed: int) -> None:
    order = payload_order(payloads, count, seed)
    times_sent = np.bincount(order, minlength=payloads)
    assert len(order) == count
    assert len(times_sent) == payloads
    assert times_sent.max() - times_sent.min() <= 1
    assert np.array_equal(order, payload_order(payloads, count, seed))


def test_payload_orders_of_two_seeds_and_two_passes_differ() -> None:
    order = payload_order(100, 200, 1)
    assert not np.array_equal(order, payload_order(100, 200, 2))
    assert not np.array_equal(order[:100], order[100:])


@pytest.mark.parametrize(
    "other",
    [
        ("noop", 1, "steady", 1),
        ("iris", 2, "steady", 1),
        ("iris", 1, "ramp", 1),
        ("iris", 1, "steady", 2),
    ],
)
def test_another_window_has_another_seed(other: tuple[str, int, str, int]) -> None:
    assert seed_of("iris", 1, "steady", 1) != seed_of(*other)
    assert seed_of(*other) == seed_of(*other)


def test_the_seed_of_a_window_is_fixed_for_ever() -> None:
    # Another number would change the load of every benchmark, and so its version.
    assert seed_of("sentiment", 1, "steady", 1) == 0xF7E7E6ED


def test_the_seed_knows_nothing_of_the_variant() -> None:
    assert list(signature(seed_of).parameters) == [
        "benchmark",
        "version",
        "profile",
        "round_number",
    ]


@pytest.mark.parametrize(
    ("shape", "fields"),
    [
        ("constant", ("rate_per_s",)),
        ("poisson", ("rate_per_s",)),
        ("ramp", ("rate_per_s", "rate_to_per_s")),
        ("spike", ("rate_per_s", "rate_to_per_s")),
        ("steps", ("rate_per_s", "rate_to_per_s")),
        (CLOSED, ("concurrency",)),
        (USERS, ("concurrency", "think_s")),
    ],
)
def test_what_a_shape_needs(shape: str, fields: tuple[str, ...]) -> None:
    assert needs(shape) == fields
    assert shape in shape_names()
    assert Profile("p", shape, 1.0).is_open == ("rate_per_s" in fields)
    assert Profile("p", shape, 1.0).saturates == (shape == CLOSED)


@pytest.mark.parametrize("shape", ["sine", CLOSED, USERS])
def test_a_shape_without_a_rate_has_no_times(shape: str) -> None:
    with pytest.raises(KeyError, match=shape):
        due_times(Profile("p", shape, 1.0, rate_per_s=1.0), 0)


@pytest.mark.parametrize("shape", ["poisson", "constant"])
def test_a_window_has_one_request_at_least(shape: str) -> None:
    profile = Profile("p", shape, 2.0, rate_per_s=0.5)
    for seed in range(200):
        due = due_times(profile, seed)
        assert len(due) >= 1
        assert 0 <= due[0] < 2 * S


def test_the_one_that_is_drawn_for_an_empty_window_may_be_anywhere_in_it() -> None:
    alone = [
        due_times(Profile("p", "poisson", 1.0, rate_per_s=1e-6), seed)[0] / S for seed in range(400)
    ]
    assert np.mean(alone) == pytest.approx(0.5, abs=0.06)
