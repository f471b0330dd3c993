"""A campaign in a few kilobytes: what is in it, and when it is made anew."""

from __future__ import annotations

import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse.campaigns import brief_file, summary
from harness.analyse.campaigns.brief import Brief
from harness.analyse.campaigns.summary import BenchmarkSummary, RunCounts, Summary, VariantSummary
from harness.analyse.field import comparison
from harness.analyse.field.comparison import RANKED_BY
from harness.analyse.run import digest
from harness.analyse.statistics.stats import Spread
from harness.stored import store
from harness.stored.records import Failure
from tests.fakes import SATURATED, STEADY, Fake, run, stored_campaign

PROFILES = (replace(STEADY, duration_s=5.0, rate_per_s=100.0), replace(SATURATED, duration_s=1.0))
FAKES = tuple(
    replace(fake, profiles=PROFILES)
    for fake in (
        Fake("in-process", 2.0, reference=True),
        Fake("fast", 6.0, capacity_per_s=300.0),
        Fake("slow", 12.0, capacity_per_s=100.0),
        Fake("tuned", 8.0, track="tuned", capacity_per_s=150.0),
        Fake("lagged", 8.0, lag_ms=3.0, capacity_per_s=150.0),
        Fake("broken", failure=Failure("ready", "It was not ready.")),
    )
)
LONG_NAME = "\ud800" + "x" * 100_000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return stored_campaign(tmp_path_factory.mktemp("results") / "mine", FAKES, rounds=2)


@pytest.fixture(scope="module")
def made(folder: Path) -> Summary:
    return brief_file.made(folder).summary


def standing(name: str = "some", rank: int | None = 1) -> VariantSummary:
    known = dict.fromkeys(summary.KEPT, (123.456, 120.125, 130.875))
    return VariantSummary(
        variant=name,
        framework="Some",
        version="1.2.3",
        track="matched",
        reference=False,
        rank=rank,
        invalid=False,
        rounds=5,
        counted=5,
        figures=known,
    )


def large() -> Summary:
    """Forty variants on three benchmarks."""
    standings = tuple(standing(f"some-framework-batched-{number}", number) for number in range(40))
    benchmarks = tuple(
        BenchmarkSummary(
            name=f"benchmark-{number}",
            version=1,
            slo="p99<50ms",
            ranked_by="capacity",
            standings=standings,
        )
        for number in range(3)
    )
    counts = RunCounts(planned=600, ok=590, invalid=5, failed=5, damaged=0, missing=0)
    return Summary(
        campaign="large",
        started_at="2026-01-02",
        preset="nightly",
        device="cpu",
        machine="CPU / 4 / 16",
        counts=counts,
        benchmarks=benchmarks,
    )


def test_what_became_of_the_runs(made: Summary) -> None:
    assert made.counts == RunCounts(planned=12, ok=8, invalid=2, failed=2, damaged=0, missing=0)
    assert (made.campaign, made.preset, made.device) == ("mine", "standard", "cpu")
    assert made.machine == "Imaginary CPU @ 2.00GHz / 4 / 15.6 GiB"


def test_figures_and_ranks_are_those_of_the_report(folder: Path, made: Summary) -> None:
    (compared,) = comparison.compare(digest.of_campaign(folder))
    (benchmark,) = made.benchmarks
    assert (benchmark.name, benchmark.version, benchmark.slo) == ("sentiment", 1, "p99<50ms")
    assert benchmark.ranked_by == compared.ranked_by == "capacity"
    for row, found in zip(compared.rows, benchmark.standings, strict=True):
        assert (found.variant, found.rank, found.invalid) == (row.variant, row.rank, row.invalid)
        for name in summary.KEPT:
            spread = row.spreads[name]
            assert (name in found.figures) is (spread is not None)
            if spread is not None:
                assert found.figures[name][0] == pytest.approx(spread.median, rel=1e-5)
                assert found.spread(name) == Spread(*found.figures[name], row.counted)


def test_what_ranks_is_kept() -> None:
    assert set(RANKED_BY) <= set(summary.KEPT) <= set(comparison.COLUMNS)


def test_headlines(made: Summary) -> None:
    matched, tuned = summary.headlines(made)
    assert [s.variant for s in matched.leaders] == ["fast"]
    assert matched.following is not None
    assert matched.following.variant == "slow"
    assert matched.spread is not None
    assert matched.spread.median == pytest.approx(300, rel=0.1)
    assert (tuned.track, [s.variant for s in tuned.leaders]) == ("tuned", ["tuned"])
    assert tuned.following is None


def test_a_track_without_ranks_has_a_headline_without_leaders(made: Summary) -> None:
    (benchmark,) = made.benchmarks
    unranked = tuple(replace(s, rank=None) for s in benchmark.standings if s.track == "tuned")
    only = replace(made, benchmarks=(replace(benchmark, standings=unranked),))
    (headline,) = summary.headlines(only)
    assert (headline.leaders, headline.following, headline.spread) == ((), None, None)


def test_there_and_back(tmp_path: Path, made: Summary) -> None:
    for each in (made, large(), replace(made, benchmarks=())):
        brief_file.keep(tmp_path / "a", "key", Brief(each))
        assert brief_file.kept(tmp_path / "a", "key") == each


def test_numbers_that_are_none_are_left_out(folder: Path) -> None:
    digested = digest.of_campaign(folder)
    (compared,) = comparison.compare(digested)
    row = compared.rows[0]
    odd = {"capacity": Spread(math.nan, 1, 2, 2), "memory": Spread(1, 1, math.inf, 2)}
    (found,) = summary.of(
        digested, [replace(compared, rows=(replace(row, spreads={**row.spreads, **odd}),))]
    ).benchmarks
    assert not {"capacity", "memory"} & set(found.standings[0].figures)
    assert "latency_p50" in found.standings[0].figures


def test_its_size_is_bounded(tmp_path: Path, made: Summary) -> None:
    brief_file.keep(tmp_path / "large.json", "key", Brief(large()))
    assert (tmp_path / "large.json").stat().st_size < 80_000
    brief_file.keep(tmp_path / "small.json", "key", Brief(replace(made, benchmarks=())))
    assert (tmp_path / "small.json").stat().st_size < 500


def test_long_texts_are_cut(tmp_path: Path) -> None:
    fakes = [replace(Fake("a"), framework=LONG_NAME, profiles=PROFILES)]
    stored_campaign(tmp_path / "c", fakes, rounds=1)
    made = brief_file.made(tmp_path / "c").summary
    brief_file.keep(tmp_path / "a", "key", Brief(made))
    assert brief_file.kept(tmp_path / "a", "key") == made
    assert (tmp_path / "a").stat().st_size < 2000


def test_kept_and_found_again(tmp_path: Path, made: Summary) -> None:
    path = tmp_path / "not" / "there yet" / brief_file.NAME
    brief_file.keep(path, "key", Brief(made))
    assert brief_file.kept(path, "key") == made
    assert brief_file.kept(path, None) == made
    assert brief_file.kept(path, "other") is None
    assert [each.name for each in path.parent.iterdir()] == [brief_file.NAME]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "{}", '{"version": 1, "key": "key", "summary": {}}', "\udcff"],
)
def test_what_is_no_summary_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "a").write_bytes(text.encode(errors="surrogateescape"))
    assert brief_file.kept(tmp_path / "a", "key") is None
    assert brief_file.kept(tmp_path / "missing", "key") is None


def test_a_summary_of_another_version_is_none(
    tmp_path: Path, made: Summary, monkeypatch: pytest.MonkeyPatch
) -> None:
    brief_file.keep(tmp_path / "a", "key", Brief(made))
    monkeypatch.setattr(brief_file, "VERSION", brief_file.VERSION + 1)
    assert brief_file.kept(tmp_path / "a", "key") is None


def test_what_cannot_be_kept_is_no_failure(tmp_path: Path, made: Summary) -> None:
    (tmp_path / "file").write_text("a file where a folder should be")
    brief_file.keep(tmp_path / "file" / brief_file.NAME, "key", Brief(made))
    (tmp_path / "taken").mkdir()
    brief_file.keep(tmp_path / "taken", "key", Brief(made))
    assert sorted(each.name for each in tmp_path.iterdir()) == ["file", "taken"]


def test_the_key_changes_with_the_runs_and_the_plan(tmp_path: Path) -> None:
    fakes = [replace(Fake("a"), profiles=()), replace(Fake("b"), profiles=())]
    folder = stored_campaign(tmp_path / "c", fakes, rounds=1)
    keys = [brief_file.key_of(folder)]
    store.write_run(folder, run(fakes[0], 2, campaign="c"))
    keys.append(brief_file.key_of(folder))
    plan = store.read_campaign(folder)
    store.write_campaign(folder, replace(plan, preset="nightly"))
    keys.append(brief_file.key_of(folder))
    file = folder / "sentiment" / "a" / "round-1" / "run.json"
    file.write_bytes(file.read_bytes()[:-20])
    keys.append(brief_file.key_of(folder))
    file.unlink()
    keys.append(brief_file.key_of(folder))
    assert len(set(keys)) == len(keys)
    assert brief_file.key_of(folder) == keys[-1]


def test_the_key_is_the_same_for_a_copy_and_does_not_mind_what_is_half_written(
    tmp_path: Path, folder: Path
) -> None:
    copy = shutil.copytree(folder, tmp_path / "renamed")
    (copy / "sentiment" / "fast" / ".part-killed").mkdir()
    (copy / "a file").touch()
    assert brief_file.key_of(copy) == brief_file.key_of(folder)
    assert brief_file.key_of(tmp_path / "missing") != brief_file.key_of(folder)
