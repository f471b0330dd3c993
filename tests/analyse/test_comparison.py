from pathlib import Path

import pytest

from harness.analyse.field.comparison import Comparison, compare
from harness.analyse.run import digest
from harness.stored.records import Failure
from harness.windows.profiles import Profile
from tests.fakes import Fake, stored_campaign

SHORT = (
    Profile("steady", "poisson", 5.0, rate_per_s=100.0),
    Profile("saturated", "closed", 1.0, concurrency=2),
)


def compared(folder: Path, *fakes: Fake, rounds: int = 3) -> Comparison:
    digested = digest.of_campaign(stored_campaign(folder / "c", fakes, rounds))
    (found,) = compare(digested)
    return found


def ranks(comparison: Comparison) -> dict[str, int | None]:
    return {row.variant: row.rank for row in comparison.rows}


def test_apart_and_tied(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        Fake("slow", 30.0),
        Fake("first", 8.0, drift=0.2),
        Fake("also-first", 8.1, drift=0.2),
        Fake("third", 16.0),
    )
    assert ranks(found) == {"first": 1, "also-first": 1, "third": 3, "slow": 4}
    assert {row.variant for row in found.best("matched")} == {"first", "also-first"}


def test_tracks_are_ranked_apart(tmp_path: Path) -> None:
    found = compared(tmp_path, Fake("a", 20.0), Fake("b", 5.0, track="tuned"))
    assert ranks(found) == {"a": 1, "b": 1}
    assert found.tracks == ("matched", "tuned")


def test_references_are_not_ranked(tmp_path: Path) -> None:
    found = compared(tmp_path, Fake("in-process", 2.0, reference=True), Fake("a", 5.0))
    assert ranks(found) == {"a": 1, "in-process": None}
    overhead = found.rows[0].spreads["overhead"]
    assert overhead is not None
    assert overhead.median == pytest.approx(3.0, abs=0.3)


def test_invalid_and_failed_are_not_ranked_and_come_last(tmp_path: Path) -> None:
    broken = Fake("broken", failure=Failure("launch", "No such command."))
    found = compared(tmp_path, Fake("lagged", 1.0, lag_ms=3.0), broken, Fake("a", 9.0))
    assert ranks(found) == {"a": 1, "broken": None, "lagged": None}
    _, failed, lagged = found.rows
    assert failed.invalid
    assert not failed.measured
    assert lagged.invalid
    assert lagged.spreads["latency_p50"] is not None  # shown, struck through


def test_rounds_that_failed_do_not_count(tmp_path: Path) -> None:
    fake = Fake("a", failure=Failure("launch", "Port taken."), fails_in=frozenset({2}))
    (row,) = compared(tmp_path, fake).rows
    assert (row.rounds, row.counted, row.rank, row.invalid) == (3, 2, 1, False)
    spread = row.spreads["latency_p50"]
    assert spread is not None
    assert spread.rounds == 2


def test_ranked_by_the_highest_percentile_that_all_have(tmp_path: Path) -> None:
    assert compared(tmp_path / "long", Fake("a")).ranked_by == "latency_p99"
    short = Fake("b", profiles=(Profile("steady", "poisson", 1.5, rate_per_s=100.0),))
    assert compared(tmp_path / "short", Fake("a"), short).ranked_by == "latency_p95"


def test_ranked_by_capacity_where_all_have_one(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        Fake("quick", 5.0, capacity_per_s=80.0),
        Fake("more", 15.0, capacity_per_s=120.0),
        Fake("most", 9.0, capacity_per_s=300.0),
    )
    assert found.ranked_by == "capacity"
    assert ranks(found) == {"most": 1, "more": 2, "quick": 3}
    capacity = found.rows[0].spreads["capacity"]
    assert capacity is not None
    assert capacity.median == pytest.approx(300, rel=0.05)
    assert capacity.low < 300 < capacity.high


def test_not_by_capacity_where_one_has_none(tmp_path: Path) -> None:
    assert compared(tmp_path, Fake("a", capacity_per_s=80.0), Fake("b")).ranked_by == "latency_p99"


def test_nothing_that_counts(tmp_path: Path) -> None:
    found = compared(tmp_path, Fake("a", lag_ms=3.0, profiles=SHORT))
    assert ranks(found) == {"a": None}
    assert found.best("matched") == ()
    assert found.tracks == ()


def test_damaged_and_missing_runs_are_told_apart(tmp_path: Path) -> None:
    folder = stored_campaign(tmp_path / "c", [Fake("a", profiles=SHORT)], rounds=3)
    (folder / "sentiment/a/round-2/run.json").unlink()
    (folder / "sentiment/a/round-3/server.log").write_text("edited", encoding="utf-8")
    digested = digest.of_campaign(folder)
    assert [found.cell.round for found in digested.digests] == [1]
    assert [cell.round for cell in digested.missing] == [2]
    assert [found.cell.round for found in digested.damaged] == [3]
    assert "was truncated or edited" in digested.damaged[0].message


def test_what_holds_the_slo_at_no_rate_comes_after_all_that_do(tmp_path: Path) -> None:
    found = compared(
        tmp_path,
        Fake("some", capacity_per_s=80.0),
        Fake("none", capacity_per_s=1.0, parts=(2.0, 1.5)),
        Fake("none-either", capacity_per_s=300.0, parts=(2.0, 1.5)),
    )
    assert found.ranked_by == "capacity"
    assert ranks(found) == {"some": 1, "none": 2, "none-either": 2}


def test_capacities_of_which_only_bounds_are_known_are_told_apart_by_those(tmp_path: Path) -> None:
    """As numbers, all are apart in every round; but of two nobody knows how far they go."""
    found = compared(
        tmp_path,
        Fake("to-100", capacity_per_s=200.0, parts=(0.5,)),
        Fake("to-150", capacity_per_s=300.0, parts=(0.5,)),
        Fake("fitted", capacity_per_s=200.0),
        Fake("beaten", capacity_per_s=60.0),
    )
    assert ranks(found) == {"fitted": 1, "to-150": 1, "to-100": 1, "beaten": 4}
