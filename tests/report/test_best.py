"""What is marked as best, and as valid: never more than is known."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from harness.analyse.field import comparison
from harness.analyse.field.comparison import Row
from harness.analyse.run import digest
from harness.analyse.statistics.stats import Spread
from harness.report.page import confidence, validity, view
from harness.stored.records import Failure
from tests.fakes import Fake, stored_campaign
from tests.report.campaigns import PROFILES


def rows(folder: Path, *fakes: Fake, rounds: int = 3) -> dict[str, Row]:
    small = [replace(fake, profiles=PROFILES) for fake in fakes]
    (found,) = comparison.compare(digest.of_campaign(stored_campaign(folder / "c", small, rounds)))
    return {row.variant: row for row in found.rows}


def without(row: Row, column: str) -> Row:
    """The same row, had nobody measured that."""
    digests = tuple(replace(d, values={**d.values, column: None}) for d in row.digests)
    return replace(row, spreads={**row.spreads, column: None}, digests=digests)


def names(found: tuple[Row, ...]) -> list[str]:
    return [row.variant for row in found]


def test_the_best_are_those_that_nothing_tells_apart(tmp_path: Path) -> None:
    found = rows(tmp_path, Fake("a", memory_mib=200.0), Fake("b", memory_mib=400.0))
    assert names(view.best_at(list(found.values()), "memory")) == ["a"]


def test_where_all_are_tied_none_is_best(tmp_path: Path) -> None:
    found = list(rows(tmp_path, Fake("a"), Fake("b", 30.0), rounds=1).values())
    assert view.best_at(found, "latency_p50") == ()


def test_a_missing_number_ties_nobody(tmp_path: Path) -> None:
    found = rows(tmp_path, Fake("a"), Fake("b", ready_s=9.0), Fake("c"), rounds=1)
    some = [found["a"], found["b"], without(found["c"], "steady_after")]
    assert view.best_at(some, "steady_after") == ()
    only = [found["a"], without(found["b"], "ready"), without(found["c"], "ready")]
    assert view.best_at(only, "ready") == ()


def test_no_errors_are_better_than_some(tmp_path: Path) -> None:
    found = rows(tmp_path, Fake("a"), Fake("b"), Fake("failing", errors=0.2))
    assert names(view.best_at(list(found.values()), "error_rate")) == ["a", "b"]


def test_one_round_gives_no_rank_to_what_it_does_not_tell_apart(tmp_path: Path) -> None:
    found = list(rows(tmp_path / "1", Fake("a"), Fake("b", 30.0), rounds=1).values())
    assert [confidence.rank(row, found, "latency_p99") for row in found] == ["?", "?"]
    found = list(rows(tmp_path / "3", Fake("a"), Fake("b", 30.0)).values())
    assert [confidence.rank(row, found, "latency_p99") for row in found] == ["1", "2"]


def test_a_mark_says_what_speaks_against_a_row(tmp_path: Path) -> None:
    found = rows(
        tmp_path,
        Fake("sound"),
        Fake("moving", slows=2.0),
        Fake("late", lag_ms=4.0),
        Fake("broken", failure=Failure("ready", "It never said so.")),
        Fake("half", failure=Failure("launch", "Port taken."), fails_in=frozenset({2})),
    )
    marks = {name: validity.of_row(row) for name, row in found.items()}
    assert {name: (mark.kind, mark.word) for name, mark in marks.items()} == {
        "sound": ("ok", "valid"),
        "moving": ("warning", "1 warning"),
        "late": ("invalid", "INVALID"),
        "broken": ("failed", "failed"),
        "half": ("warning", "2 of 3 rounds"),
    }
    assert marks["sound"].lines == (
        "All 3 rounds count; no reason was found to doubt its numbers.",
    )
    assert marks["moving"].lines[0].startswith("no-steady-state: steady: not steady")
    assert len(marks["moving"].lines) == 1  # the same in each round is one sentence
    assert "the generator sent late" in marks["late"].lines[0]
    assert marks["half"].lines[0] == "failed (launch): Port taken."


def test_a_mark_says_what_is_missing_beside_it(tmp_path: Path) -> None:
    row = rows(tmp_path, Fake("a"))["a"]
    said = validity.of_row(without(row, "cpu_per_1000")).lines
    assert said[-1] == "No CPU per 1000: its CPU time could not be read."
    assert validity.of_row(row).lines == said[:-1]


def test_intervals_that_meet_are_as_good_where_there_is_no_ratio(tmp_path: Path) -> None:
    found = rows(tmp_path, Fake("a"), Fake("b"), Fake("c"))
    spreads = {"a": Spread(-0.3, -0.5, 0.1, 3), "b": Spread(0.0, -0.2, 0.2, 3)}
    spreads["c"] = Spread(5.0, 4.0, 6.0, 3)
    made = []
    for name, row in found.items():
        digests = tuple(
            replace(d, values={**d.values, "overhead": spreads[name].median}) for d in row.digests
        )
        known = {**row.spreads, "overhead": spreads[name]}
        made.append(replace(row, spreads=known, digests=digests))
    assert names(view.best_at(made, "overhead")) == ["a", "b"]
