"""All comparisons of a ranking together: rarely wrong, and sharp from two rounds on."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest

from harness.analyse.field import ranks
from harness.analyse.field.ranks import Ranks


def drawn(
    rng: np.random.Generator, variants: int, rounds: int, deviation: float, step: float = 0.0
) -> dict[str, dict[int, float]]:
    """Variants, each a step faster than the last, in rounds that differ by a tenth."""
    shifts = rng.normal(0, 0.1, rounds)
    return {
        f"v{place:02d}": {
            number + 1: 50 * math.exp(step * place + shifts[number] + rng.normal(0, deviation))
            for number in range(rounds)
        }
        for place in range(variants)
    }


def apart(found: Ranks, one: str, other: str) -> bool:
    ratio = found.ratio(one, other)
    assert ratio is not None
    return ratio.apart


@pytest.mark.parametrize("rounds", [2, 4])
def test_of_many_that_are_the_same_hardly_any_field_has_one_told_apart(rounds: int) -> None:
    """Where nothing differs, whatever is separated is chance: 98% of fields separate nothing."""
    rng, wrong, fields = np.random.default_rng(rounds), 0, 150
    for _ in range(fields):
        found = ranks.of(drawn(rng, 18, rounds, 0.03))
        wrong += any(apart(found, *pair) for pair in combinations(found.centres, 2))
    assert wrong <= 0.04 * fields  # 98% of fields; of 150 chance has 6 wrong in one of 60 runs


def test_two_rounds_suffice_since_all_variants_say_what_chance_does() -> None:
    found = ranks.of(drawn(np.random.default_rng(1), 18, 2, 0.02, step=0.05))
    far = [pair for pair in combinations(sorted(found.centres), 2) if _steps(pair) >= 3]
    assert all(apart(found, *pair) for pair in far)  # 15 % and more
    assert all(found.centres[a] < found.centres[b] for a, b in far)


def _steps(pair: tuple[str, str]) -> int:
    return int(pair[1][1:]) - int(pair[0][1:])


def test_what_a_round_does_to_all_is_no_difference_of_one() -> None:
    """`c` was there in the slow round alone."""
    values = {"a": {1: 100.0, 2: 50.0}, "b": {1: 101.0, 2: 50.4}, "c": {2: 50.1}}
    found = ranks.of(values)
    ratio = found.ratio("c", "a")
    assert ratio is not None
    assert ratio.ratio == pytest.approx(1.0, rel=0.01)
    assert ratio.rounds == 1


def test_one_whose_starts_differ_by_more_is_held_to_that_and_spares_the_others() -> None:
    values = drawn(np.random.default_rng(2), 12, 3, 0.01)
    calm = ranks.of(values)
    values["v00"] = {1: 50.0, 2: 50.0, 3: 25.0}
    found = ranks.of(values)
    assert found.reach("v00", "v01") > 3 * calm.reach("v00", "v01")
    assert found.reach("v01", "v02") < 1.5 * calm.reach("v01", "v02")


def test_one_start_of_each_tells_nothing() -> None:
    found = ranks.of({"a": {1: 100.0}, "b": {1: 10.0}})
    assert found.reach("a", "b") == math.inf
    ratio = found.ratio("a", "b")
    assert ratio is not None
    assert ratio.ratio == pytest.approx(10.0)
    assert not ratio.apart


def test_what_has_no_number_has_no_ratio() -> None:
    found = ranks.of({"a": {1: 100.0, 2: 101.0}, "b": {1: 0.0}})
    assert found.ratio("a", "b") is None
    assert found.ratio("a", "nobody") is None
    assert ranks.of({}).centres == {}


def test_a_doubt_that_all_rounds_share_widens_the_interval() -> None:
    values = drawn(np.random.default_rng(3), 6, 3, 0.01)
    assert ranks.of(values, {"v00": 0.1**2}).reach("v00", "v01") > 3 * ranks.of(values).reach(
        "v00", "v01"
    )


def test_rounds_that_only_odd_ones_have_say_nothing_of_the_others() -> None:
    """Two that are noisy had three rounds more, by themselves."""
    values = drawn(np.random.default_rng(4), 8, 2, 0.01)
    for name, level in (("x", 1.44), ("y", 1.3)):
        noise = np.random.default_rng(len(name)).normal(0, 0.15, 5)
        values[name] = {r + 1: 50 * level * math.exp(noise[r]) for r in range(5)}
    found = ranks.of(values)
    ratio = found.ratio("x", "v00")
    assert ratio is not None
    assert 1.1 < ratio.ratio < 1.9


def test_variants_that_share_no_round_can_not_be_compared() -> None:
    values = {
        "a": {1: 100.0, 2: 101.0},
        "b": {1: 130.0, 2: 129.0},
        "x": {3: 110.0, 4: 111.0},
        "y": {3: 50.0, 4: 50.5},
    }
    found = ranks.of(values)
    assert found.reach("a", "x") == math.inf
    assert apart(found, "a", "b")
    assert apart(found, "x", "y")


def test_the_same_under_two_names_is_rarely_told_apart_in_a_field_that_is() -> None:
    rng, wrong, told, count = np.random.default_rng(5), 0, 0, 0
    for _ in range(60):
        shifts = rng.normal(0, 0.1, 2)
        found = ranks.of(
            {
                f"{place}{name}": {
                    r: math.exp(0.2 * place + shifts[r] + rng.normal(0, 0.03)) for r in (0, 1)
                }
                for place in range(9)
                for name in "ab"
            }
        )
        for one, other in combinations(sorted(found.centres), 2):
            same = one[0] == other[0]
            wrong += same and apart(found, one, other)
            told += not same and apart(found, one, other)
            count += not same
    assert wrong <= 0.02 * 60 * 9 + 3 * math.sqrt(0.02 * 60 * 9)
    assert told > 0.95 * count


def test_the_more_is_told_apart_the_less_two_must_differ() -> None:
    """Benjamini and Hochberg's own step-up rule, by hand: of 3 pairs 2 are surely apart."""
    values = {"a": {1: 100.0, 2: 101.0, 3: 99.0}, "b": {1: 101.0, 2: 102.1, 3: 99.9}}
    beside = ranks.of({**values, "c": {1: 900.0, 2: 905.0, 3: 898.0}})
    assert ranks.of(values).chance == pytest.approx(0.015)
    assert beside.chance == pytest.approx(0.015 * 2 / 3)


def unsure(
    rng: np.random.Generator, variants: int, rounds: int
) -> tuple[dict[str, dict[int, float]], dict[str, dict[int, float]]]:
    """(numbers, their own standard errors): variants that are the same, one start in five of
    which was measured ten times as badly as the others."""
    bad = {
        f"v{place:02d}": {r + 1: 0.2 if rng.random() < 0.2 else 0.02 for r in range(rounds)}
        for place in range(variants)
    }
    values = {
        name: {r: 50 * math.exp(rng.normal(0, math.hypot(0.02, own))) for r, own in errors.items()}
        for name, errors in bad.items()
    }
    return values, bad


def test_a_start_that_says_little_of_itself_counts_for_less() -> None:
    values = {name: {1: 100.0 + place, 2: 102.0 - place} for place, name in enumerate("bcdefgh")}
    values["a"] = {1: 100.0, 2: 160.0}
    errors = {name: {1: 0.01, 2: 0.01} for name in "bcdefgh"} | {"a": {1: 0.01, 2: 0.5}}
    found = ranks.of(values, errors=errors)
    assert found.centres["a"] == pytest.approx(found.centres["b"], abs=0.03)
    assert found.worth["a"] == pytest.approx(1.0, abs=0.05)
    assert found.worth["b"] == 2.0
    assert found.rounds["a"] == 2
    assert found.error("a", "c") > 1.1 * found.error("b", "c")


def test_starts_that_are_equally_unsure_count_alike() -> None:
    values = drawn(np.random.default_rng(5), 6, 3, 0.03)
    errors = {name: dict.fromkeys(by, 0.3) for name, by in values.items()}
    one, other = ranks.of(values), ranks.of(values, errors=errors)
    assert one.centres == pytest.approx(other.centres)
    assert one.reach("v00", "v01") == pytest.approx(other.reach("v00", "v01"))


@pytest.mark.parametrize("rounds", [2, 4])
def test_unsure_starts_do_not_make_chance_a_difference(rounds: int) -> None:
    rng, wrong, fields = np.random.default_rng(rounds), 0, 150
    for _ in range(fields):
        found = ranks.of(*_with_errors(*unsure(rng, 18, rounds)))
        wrong += any(apart(found, *pair) for pair in combinations(found.centres, 2))
    assert wrong <= 0.04 * fields


def _with_errors(
    values: dict[str, dict[int, float]], errors: dict[str, dict[int, float]]
) -> tuple[dict[str, dict[int, float]], None, dict[str, dict[int, float]]]:
    return values, None, errors


def test_starts_that_are_exactly_alike_divide_nothing_by_nothing() -> None:
    found = ranks.of({"a": {1: 100.0, 2: 100.0}, "b": {1: 100.0, 2: 100.0}, "c": {1: 50, 2: 50}})
    assert not apart(found, "a", "b")
    assert apart(found, "a", "c")


@pytest.mark.parametrize("variants", [4, 8])
def test_what_campaigns_had_at_such_errors_separates_no_equals(variants: int) -> None:
    """Though a campaign's own deviation differs from it by a quarter."""
    rng, wrong, fields = np.random.default_rng(variants), 0, 300
    for _ in range(fields):
        own = 0.08 * math.exp(rng.normal(0, 0.25))
        found = ranks.of(drawn(rng, variants, 2, own), expected=0.08)
        wrong += any(apart(found, *pair) for pair in combinations(found.centres, 2))
    assert wrong <= 0.04 * fields


def test_what_campaigns_had_at_such_errors_makes_few_starts_tell_more() -> None:
    rng, narrower = np.random.default_rng(7), 0
    for _ in range(40):
        values = drawn(rng, 6, 2, 0.08)
        alone, beside = ranks.of(values), ranks.of(values, expected=0.08)
        narrower += beside.reach("v00", "v01") < alone.reach("v00", "v01")
        assert beside.freedom == alone.freedom + 8
    assert narrower > 30


def test_what_campaigns_had_says_nothing_of_a_field_with_one_start_of_each() -> None:
    assert ranks.of({"a": {1: 100.0}, "b": {1: 10.0}}, expected=0.01).freedom == 0
