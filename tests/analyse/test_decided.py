"""What is decided, and what would decide the rest."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse.field import decided
from harness.analyse.field.comparison import Comparison, compare
from harness.analyse.field.decided import Decided, Open
from harness.analyse.run import digest
from tests.fakes import Fake, stored_campaign


def compared(folder: Path, *fakes: Fake, rounds: int = 3) -> tuple[Comparison, ...]:
    small = [replace(fake, profiles=fake.profiles[:1]) for fake in fakes]
    return compare(digest.of_campaign(stored_campaign(folder / "c", small, rounds)))


def fake(name: str, capacity: float, drift: float = 0.002, track: str = "matched") -> Fake:
    return Fake(name, capacity_per_s=capacity, drift=drift, track=track)


def test_pairs_that_are_told_apart_and_pairs_that_are_alike_are_decided(tmp_path: Path) -> None:
    found = decided.of(compared(tmp_path, fake("a", 200), fake("b", 201), fake("c", 300)))
    assert found == Decided(3, ())
    assert decided.next_rounds(found) == []


def test_one_start_of_each_decides_nothing(tmp_path: Path) -> None:
    found = decided.of(compared(tmp_path, fake("a", 200), fake("b", 300), rounds=1))
    (pair,) = found.open
    assert (pair.one, pair.other, pair.rounds, pair.needed) == ("b", "a", (1, 1), 2)
    assert found.missing == {("a", "sentiment"): 1, ("b", "sentiment"): 1}
    assert decided.next_rounds(found) == [("b", "sentiment"), ("a", "sentiment")]


def test_tracks_are_rankings_of_their_own(tmp_path: Path) -> None:
    one, other = fake("a", 200), fake("b", 300, track="tuned")
    assert decided.of(compared(tmp_path, one, other, rounds=1)) == Decided(0, ())


def test_what_differs_by_little_and_is_not_known_well_is_open(tmp_path: Path) -> None:
    loose = [fake("a", 200, drift=0.2), fake("b", 215, drift=0.2), fake("c", 600, drift=0.2)]
    found = decided.of(compared(tmp_path, *loose))
    assert {(pair.one, pair.other) for pair in found.open} >= {("b", "a")} or {
        (pair.one, pair.other) for pair in found.open
    } >= {("a", "b")}
    assert all(pair.needed > 3 and pair.rounds == (3, 3) for pair in found.open)


def pair(one: str, other: str, depth: float, rounds: int = 2, needed: int = 4) -> Open:
    return Open(
        benchmark="sentiment",
        one=one,
        other=other,
        depth=depth,
        rounds=(rounds, rounds),
        needed=needed,
    )


def test_fewer_rounds_come_first_and_then_the_better_places() -> None:
    found = Decided(9, (pair("a", "b", 0), pair("e", "f", 4, rounds=1), pair("c", "d", 2)))
    assert [name for name, _ in decided.next_rounds(found)] == ["e", "f", "a", "b", "c", "d"]


def test_rankings_take_turns_in_proportion_to_their_size() -> None:
    """Else one with many variants would leave nothing for the other, or one with few take half."""
    many = [pair("a", name, place / 6) for place, name in enumerate("bcdef", 1)]
    few = [pair("x", name, place / 3) for place, name in enumerate("yz", 1)]
    found = Decided(9, (*many, *few))
    assert [name for name, _ in decided.next_rounds(found)] == ["a", "b", "c", "x", "y", "d"]


def test_how_deep_a_pair_lies_is_told_by_the_worse_one_in_its_own_ranking(tmp_path: Path) -> None:
    fakes = [fake(name, 200 - n) for n, name in enumerate("abcd")]
    found = decided.of(compared(tmp_path, *fakes, fake("y", 90, track="tuned"), rounds=1))
    assert {(pair.one, pair.other): pair.depth for pair in found.open} == {
        ("a", "b"): 0.25,
        **{(one, "c"): 0.5 for one in "ab"},
        **{(one, "d"): 0.75 for one in "abc"},
    }


def test_of_a_pair_the_one_that_is_behind_comes_first() -> None:
    found = Decided(
        1, (Open(benchmark="sentiment", one="a", other="b", depth=0, rounds=(3, 2), needed=4),)
    )
    assert decided.next_rounds(found) == [("b", "sentiment")]
    assert found.missing == {("a", "sentiment"): 1, ("b", "sentiment"): 2}


@pytest.mark.parametrize(("rounds", "expected"), [(11, 2), (12, 0)])
def test_what_twelve_rounds_leave_open_is_left_open(rounds: int, expected: int) -> None:
    assert len(decided.next_rounds(Decided(1, (pair("a", "b", 0, rounds=rounds),)))) == expected


def test_what_is_missing_is_the_most_that_a_pair_needs() -> None:
    found = Decided(9, (pair("a", "b", 0, needed=3), pair("a", "c", 0, needed=7)))
    assert found.missing == {
        ("a", "sentiment"): 5,
        ("b", "sentiment"): 1,
        ("c", "sentiment"): 5,
    }


def test_two_that_hold_the_slo_nowhere_are_no_open_question(tmp_path: Path) -> None:
    nowhere = [Fake(name, capacity_per_s=200, parts=(2.0, 1.5)) for name in "ab"]
    assert decided.of(compared(tmp_path, *nowhere)).open == ()


@pytest.mark.parametrize(("needed", "in_reach"), [(12, True), (13, False)])
def test_what_twelve_rounds_would_not_decide_is_out_of_reach(needed: int, in_reach: bool) -> None:
    one = pair("a", "b", 0, needed=needed)
    found = Decided(1, (one,))
    assert (found.in_reach, found.out_of_reach) == (((one,), ()) if in_reach else ((), (one,)))
    assert found.missing == {("a", "sentiment"): 10, ("b", "sentiment"): 10}, "it ends after 12"


def test_what_the_rounds_so_far_separate_is_told_by_the_widest_known_interval() -> None:
    pairs = [replace(pair("a", "b", 0), resolved=share) for share in (0.2, 0.35, math.inf)]
    assert decided.resolved(pairs) == pytest.approx(0.275)
    assert decided.resolved(pairs[2:]) == math.inf


def test_a_pair_that_differed_by_what_is_separated_would_be_decided(tmp_path: Path) -> None:
    loose = [fake("a", 200, drift=0.2), fake("b", 215, drift=0.2)]
    (found,) = compared(tmp_path, *loose)
    (one,) = decided.of((found,)).open
    reach = found.contests["matched"].ranks.reach("a", "b")
    assert one.resolved == pytest.approx(math.exp(reach) - 1)


def test_pairs_that_would_be_told_if_they_differed_plainly_wait_for_the_others() -> None:
    sharp = replace(pair("a", "b", 0, rounds=1), resolved=0.1)
    vague = replace(pair("c", "d", 2, rounds=2), resolved=0.4)
    found = Decided(9, (sharp, vague))
    assert [name for name, _ in decided.next_rounds(found)] == ["c", "d", "a", "b"]


def test_the_ranking_that_separates_far_less_comes_first() -> None:
    sharp = replace(pair("a", "b", 0, rounds=1), resolved=0.3, around=0.3)
    vague = replace(pair("c", "d", 2, rounds=2), resolved=0.4, around=1.1)
    names = [name for name, _ in decided.next_rounds(Decided(9, (sharp, vague)))]
    assert names == ["c", "d", "a", "b"]
    near = replace(vague, around=0.35)
    names = [name for name, _ in decided.next_rounds(Decided(9, (sharp, near)))]
    assert names == ["a", "b", "c", "d"]
