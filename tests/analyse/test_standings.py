"""Rankings at SLOs of the reader's choice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse.field import standings
from harness.analyse.field.comparison import Comparison, compare
from harness.analyse.field.standings import Standing
from harness.analyse.run import digest
from harness.analyse.run.held import Held
from harness.setup import slo
from harness.stored.records import Failure
from tests.fakes import Fake, stored_campaign

OWN, TWICE = slo.parse("p99<50ms"), slo.parse("p99<100ms")


def compared(folder: Path, *fakes: Fake, rounds: int = 3) -> Comparison:
    small = [replace(fake, profiles=fake.profiles[:1]) for fake in fakes]
    (found,) = compare(digest.of_campaign(stored_campaign(folder / "c", small, rounds)))
    return found


def given(comparison: Comparison, **known: list[Held]) -> Comparison:
    """The same, with those answers at twice the limit, round by round."""
    rows = []
    for row in comparison.rows:
        digests = [
            replace(each, held={str(TWICE): found})
            for each, found in zip(row.digests, known[row.variant], strict=True)
        ]
        rows.append(replace(row, digests=tuple(digests)))
    return replace(comparison, rows=tuple(rows))


def by_name(comparison: Comparison, wanted: slo.Slo) -> dict[str, Standing]:
    return {each.row.variant: each for each in standings.at(comparison, wanted)}


def ranks(comparison: Comparison, wanted: slo.Slo) -> dict[str, int | None]:
    return {name: each.rank for name, each in by_name(comparison, wanted).items()}


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    return compared(
        tmp_path_factory.mktemp("three"),
        Fake("a", capacity_per_s=80.0),
        Fake("b", capacity_per_s=120.0),
        Fake("c", capacity_per_s=121.0, drift=0.05),
    )


def test_at_its_own_slo_it_is_the_campaigns_ranking(three: Comparison) -> None:
    assert three.ranked_by == "capacity"
    assert ranks(three, OWN) == {row.variant: row.rank for row in three.rows}
    assert sorted(ranks(three, OWN).values(), key=str) == [1, 1, 3]
    b = by_name(three, OWN)["b"]
    assert b.kind == "fitted"
    assert (
        b.spread == three.rows[[row.variant for row in three.rows].index("b")].spreads["capacity"]
    )


def test_where_no_rate_was_too_much_all_are_tied(three: Comparison) -> None:
    assert set(ranks(three, TWICE).values()) == {1}
    found = by_name(three, TWICE)
    assert {each.kind for each in found.values()} == {"at least"}
    assert found["c"].least > 1.9 * 120
    assert standings.ratio(found["a"], found["b"]) is None


def test_what_holds_it_nowhere_comes_last_and_is_never_tied_with_what_does(
    three: Comparison,
) -> None:
    nowhere, unknown = Held(least=0.0, most=300.0), Held(least=0.0, most=float("inf"))
    held = [Held(least=100.0, most=200.0)] * 3
    found = given(three, a=[nowhere] * 3, b=held, c=[unknown] * 3)
    assert ranks(found, TWICE) == {"b": 1, "a": 2, "c": None}
    assert {name: each.kind for name, each in by_name(found, TWICE).items()} == {
        "b": "between",
        "a": "below",
        "c": "unknown",
    }


def test_rounds_that_know_less_widen_the_answer(three: Comparison) -> None:
    mixed = [
        Held(least=100.0, most=100.0, low=95.0, high=105.0),
        Held(least=90.0, most=float("inf")),
        Held(least=110.0, most=150.0),
    ]
    apart = [Held(least=300.0, most=300.0, low=290.0, high=310.0)] * 3
    found = by_name(given(three, a=mixed, b=apart, c=apart), TWICE)
    assert (found["a"].kind, found["a"].least, found["a"].most) == ("between", 100.0, 150.0)
    assert found["a"].rank == 1  # a round knows no bound above: it may be as much as the others
    assert standings.ratio(found["b"], found["c"]) is not None


def test_of_an_even_number_of_rounds_the_outer_ones_count(tmp_path: Path) -> None:
    two = compared(tmp_path, Fake("a", capacity_per_s=80.0), rounds=2)
    found = by_name(
        given(two, a=[Held(least=0.0, most=50.0), Held(least=60.0, most=float("inf"))]), TWICE
    )
    assert (found["a"].kind, found["a"].rank) == ("unknown", None)
    found = by_name(given(two, a=[Held(least=50.0, most=80.0), Held(least=60.0, most=70.0)]), TWICE)
    assert (found["a"].least, found["a"].most) == (50.0, 80.0)


def test_rounds_that_know_nothing_are_left_out(three: Comparison) -> None:
    held = [
        Held(least=100.0, most=200.0),
        Held(least=0.0, most=float("inf")),
        Held(least=100.0, most=200.0),
    ]
    found = by_name(given(three, a=held, b=held, c=held), TWICE)
    assert found["a"].kind == "between"
    assert sorted(found["a"].rounds) == [1, 3]


def test_what_must_not_be_quoted_is_not_ranked(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        Fake("a", capacity_per_s=80.0),
        Fake("lagged", lag_ms=3.0, capacity_per_s=300.0),
        Fake("broken", failure=Failure("launch", "No.")),
        Fake("in-process", reference=True, capacity_per_s=500.0),
    )
    assert ranks(found, TWICE) == {"a": 1, "lagged": None, "broken": None, "in-process": None}


def test_tracks_are_ranked_apart(tmp_path: Path) -> None:
    one, other = Fake("a", capacity_per_s=80.0), Fake("b", capacity_per_s=300.0, track="tuned")
    assert ranks(compared(tmp_path, one, other), TWICE) == {"a": 1, "b": 1}


def test_without_facts_there_is_nothing_to_choose(three: Comparison) -> None:
    assert standings.choices(replace(three, facts=None)) == ()
    assert OWN in standings.choices(three)
