"""What is remembered of the time that cells take."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.base import marks
from harness.measure.campaign import costs
from harness.measure.campaign.costs import UNKNOWN_S, UNKNOWN_START_S, Costs
from harness.stored.lifecycle import Lifecycle
from harness.stored.records import Failure, Run
from harness.stored.starts import Start, Starts
from tests import fakes
from tests.cells import cell_of

CELL = cell_of("some", "sentiment", 2)
PARTS: dict[str, Any] = {
    **dict.fromkeys(("create_s", "runtime_s", "import_s", "load_s", "answer_s", "whole_s"), 1.0),
    "major_faults": 0,
}
WINDOWS_S = sum(profile.duration_s for profile in fakes.BENCHMARK.profiles)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def run(failure: Failure | None = None) -> Run:
    made = fakes.run(fakes.Fake("some"))
    phases = {"provision": 70.0, "ready": 4.0, "load": 18.0, "stop": 1.5}
    facts = replace(made.facts, phases_s=phases, failure=failure, cell=replace(CELL, round=1))
    return replace(made, facts=facts)


def test_an_unknown_variant_is_guessed() -> None:
    assert Costs().of(CELL, fakes.BENCHMARK) == WINDOWS_S + UNKNOWN_S
    assert Costs().of(CELL, None) == UNKNOWN_S


@pytest.mark.parametrize(("capacity_per_s", "seconds"), [(1e9, 5.0), (50.0, 25.0), (1.0, 60.0)])
def test_another_model_under_load_counts_before_it_was_once_measured(
    capacity_per_s: float, seconds: float
) -> None:
    facts = replace(fakes.BENCHMARK, payloads=500, capacity_per_s=capacity_per_s)
    facts = replace(facts, replaced=("some",))
    assert Costs().of(CELL, facts) == pytest.approx(WINDOWS_S + UNKNOWN_S + seconds)
    assert Costs().of(cell_of("other", "sentiment", 2), facts) == WINDOWS_S + UNKNOWN_S
    Costs().learn(run())
    assert Costs().of(CELL, facts) == WINDOWS_S + 5.5


def test_what_a_run_took_is_kept_for_the_next_campaign() -> None:
    Costs().learn(run())
    assert Costs().of(CELL, fakes.BENCHMARK) == WINDOWS_S + 5.5  # neither provision nor load


def test_a_failed_run_teaches_nothing() -> None:
    Costs().learn(run(Failure("ready", "no")))
    assert Costs().of(CELL, None) == UNKNOWN_S


STARTING = replace(fakes.BENCHMARK, cold_starts=10, burst_s=3.0)


def test_the_cold_starts_of_a_function_are_guessed_and_those_of_a_server_are_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert Costs().of(CELL, STARTING) == WINDOWS_S + UNKNOWN_S
    monkeypatch.setattr(costs, "_functions", lambda: frozenset({"some"}))
    assert Costs().of(CELL, STARTING) == WINDOWS_S + UNKNOWN_S + 10 * UNKNOWN_START_S + 3.0


def test_what_a_cold_start_took_is_kept() -> None:
    made = run()
    samples = (Start(temperature="idle", **PARTS),) * 4
    life = Lifecycle(starts=Starts(samples=samples))
    phases = {**made.facts.phases_s, "starts": 20.0}
    Costs().learn(replace(made, facts=replace(made.facts, phases_s=phases, lifecycle=life)))
    assert Costs().of(CELL, STARTING) == WINDOWS_S + 5.5 + 10 * 5.0 + 3.0
    assert Costs().of(CELL, fakes.BENCHMARK) == WINDOWS_S + 5.5


@pytest.mark.parametrize("content", ["", "[1]", "null", '{"some on sentiment": "x"}'])
def test_a_damaged_file_is_as_good_as_none(cache: Path, content: str) -> None:
    (marks.make(cache / "costs") / "costs.json").write_text(content)
    assert Costs().of(CELL, None) == UNKNOWN_S


def test_a_cache_that_cannot_be_written_is_no_error(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    Costs().learn(run())
