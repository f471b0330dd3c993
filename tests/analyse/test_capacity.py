"""What a search's probes say, for a person, for a program, and as a doubt."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.analyse.run import capacity, capacity_words, findings, metrics
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Verdict
from harness.setup import slo
from harness.stored import store
from harness.stored.records import Run, Window
from harness.windows.kinds import WindowKind
from tests import fakes, in_turn, workers
from tests.fakes import Fake
from tests.workers import Workers

WANTED = slo.parse("p99<50ms")


def probes(*parts: float) -> list[Window]:
    rng = np.random.default_rng(1)
    return [fakes.probe(200.0, part, rng) for part in parts]


def with_probes(*windows: Window) -> Run:
    return fakes.having(fakes.run(Fake("a", capacity_per_s=200.0)), WindowKind.PROBE, windows)


def doubts(run: Run) -> list[Verdict]:
    return [f.verdict for f in findings.of_run(RunContext(run=run)) if f.name == "capacity-unsure"]


def capacity_of(run: Run) -> float | None:
    return metrics.METRICS["capacity"].formula(RunContext(run=run))


def test_a_search_that_found_it() -> None:
    found = capacity.of_probes(probes(0.5, 2.0, 0.9, 1.1, 0.97, 1.03), WANTED)
    assert found.estimate.rate_per_s == pytest.approx(200, rel=0.05)
    assert [step.ruling for step in found.steps[:2]] == ["holds", "broken"]
    assert "/s at p99<50ms, errors<0.1% (95% interval" in capacity_words.sentence(found)
    shown = capacity_words.as_json(found)
    assert shown["met"]
    assert shown["interval"][0] <= shown["capacity"] <= shown["interval"][1]
    assert [probe["held"] for probe in shown["probes"][:2]] == [True, False]
    assert len(list(capacity_words.path(found))) == 6


def test_a_search_that_met_it_nowhere() -> None:
    found = capacity.of_probes(probes(2.0, 1.5), WANTED)
    assert capacity_words.sentence(found).endswith("is met at no tried rate, down to 300.0/s")
    assert capacity_words.as_json(found)["met"] is False
    run = with_probes(*probes(2.0, 1.5))
    assert capacity_of(run) == 0.0
    assert doubts(run) == [Verdict.WARNING]


def test_a_search_that_found_no_limit() -> None:
    found = capacity.of_probes(probes(0.3, 0.5), WANTED)
    assert capacity_words.sentence(found).startswith("at least 100.0/s")
    assert capacity_words.as_json(found)["interval"] == [100.0, None]
    run = with_probes(*probes(0.3, 0.5))
    assert capacity_of(run) == 100.0
    assert doubts(run) == [Verdict.WARNING]


def test_a_search_that_came_no_nearer_than_a_bracket() -> None:
    found = capacity.of_probes(probes(2.0, 0.5), WANTED)
    assert capacity_words.sentence(found).startswith("between 100.0 and 400.0/s at p99<50ms")
    assert capacity_words.as_json(found)["interval"] == [100.0, 400.0]
    assert doubts(with_probes(*probes(2.0, 0.5))) == [Verdict.NOTE]


def test_a_search_whose_probes_were_all_disturbed() -> None:
    stolen = [replace(p, facts=replace(p.facts, steal_share=0.5)) for p in probes(2.0, 1.5)]
    found = capacity.of_probes(stolen, WANTED)
    assert "none of 2 probes counts" in capacity_words.sentence(found)
    assert all(line.endswith("disturbed") for line in capacity_words.path(found))
    run = with_probes(*stolen)
    assert capacity_of(run) is None
    assert doubts(run) == [Verdict.WARNING, Verdict.NOTE]


def test_a_rough_answer_is_a_note_and_a_good_one_nothing() -> None:
    assert doubts(with_probes(*probes(0.5, 2.0))) == [Verdict.NOTE]
    assert doubts(with_probes(*probes(0.5, 2.0, 0.9, 1.1, 0.95, 0.97, 1.03, 1.05, 1.0))) == []


def test_without_a_search_there_is_no_capacity() -> None:
    run = fakes.run(Fake("a"))
    assert capacity_of(run) is None
    assert doubts(run) == []


def stored(folder: Path, server: Workers, rate: float) -> Run:
    """A run of several workers, written and read."""
    made = in_turn.run(server, rate=rate)
    store.write_run(folder, made)
    (path,) = (file.parent for file in folder.rglob("run.json"))
    return store.read_run(path)


def test_workers_that_share_a_queue_have_the_capacity_of_its_law(tmp_path: Path) -> None:
    server = Workers()
    truth = workers.true_capacity(server, WANTED)
    found = capacity.of_run(stored(tmp_path, server, 0.95 * truth))
    assert found is not None
    assert (found.basis, found.confirmed) == ("law", True)
    assert found.estimate.rate_per_s == pytest.approx(truth, rel=0.08)


def test_workers_with_a_queue_each_have_that_of_their_probes(tmp_path: Path) -> None:
    run = stored(tmp_path, Workers(queue="by connection"), 140.0)
    assert capacity.queue(run) is None
    found = capacity.of_run(run)
    assert found is not None
    assert found.basis == "probes"
