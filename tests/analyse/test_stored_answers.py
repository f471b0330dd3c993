"""Answers that were stored: hits and misses apart, and what a replaced model was like."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.analyse.run import findings, replaced
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Verdict
from harness.analyse.run.metrics import METRICS
from harness.setup.answering import REFUSED, STORED
from harness.stored.lifecycle import BatchJob, Lifecycle, Replacement
from harness.stored.records import Run, Window
from harness.windows.kinds import WindowKind
from harness.windows.marks import MARKS, Marks
from harness.windows.profiles import Profile
from tests import fakes

STEADY = Profile("steady", "poisson", 10.0, rate_per_s=10.0)
REPEATS = replace(STEADY, name="repeats", popularity="zipf", exponent=0.8, unseen_share=0.2)
REPLACEMENT = replace(REPEATS, name="replacement")
NAMES = ("not-replaced", "mixed-versions", "lost-in-replacement", "old-after-new", "errors")
JOB = BatchJob(
    version=1,
    began_ns=0,
    ended_ns=2_500_000_000,
    cpu_s=2.25,
    batch_size=32,
    inputs=150,
    store_bytes=1 << 20,
)


def told(mark: str, values: list[int]) -> Marks:
    """What each request was told; a negative value is nothing."""
    rows = [row for row, value in enumerate(values) if value >= 0]
    return Marks(
        request=np.array(rows, np.int64),
        mark=np.full(len(rows), MARKS.index(mark), np.int64),
        value=np.array([values[row] for row in rows], np.int64),
    )


def run(*windows: tuple[Profile, list[float], Marks, dict[int, str]]) -> Run:
    """Windows whose requests are due each 100 ms and take so many."""
    made = []
    for profile, took, marks, wrong in windows:
        due = [100.0 * row for row in range(len(took))]
        done = [at + each for at, each in zip(due, took, strict=True)]
        error = [wrong.get(row, "") for row in range(len(took))]
        own = fakes.exact_run((profile, fakes.requests(due, due, done, error)))
        made.append((own, replace(own.windows[0], marks=marks)))
    base = made[0][0]
    server = replace(base.facts.server, answers=STORED)
    facts = replace(base.facts, server=server, lifecycle=Lifecycle(jobs=(JOB,)))
    return fakes.of_windows(replace(base, facts=facts), *(window for _, window in made))


def value(found: Run, name: str) -> float | None:
    return METRICS[name].formula(RunContext(run=found))


def said(found: Run) -> list[tuple[str, Verdict, str]]:
    every = findings.of_run(RunContext(run=found))
    return [(each.name, each.verdict, each.message) for each in every if each.name in NAMES]


def test_hits_and_misses_apart_where_requests_repeat() -> None:
    none: dict[int, str] = {}
    steady = (STEADY, [50.0] * 4, told("stored", [1] * 4), none)
    stored = told("stored", [1, 0, 1, 1, 0])
    found = run(steady, (REPEATS, [1.0, 8.0, 2.0, 3.0, 10.0], stored, {}))
    assert value(found, "hit_rate") == 60
    assert value(found, "hit_p50") == 2
    assert value(found, "miss_p50") == 9
    assert value(found, "miss_p99") == pytest.approx(10, rel=0.01)
    assert value(run(steady), "hit_rate") == 100, "else in the first that tells"
    assert value(run(steady), "miss_p50") is None


def test_refused_misses_have_no_latency() -> None:
    stored = told("stored", [1, 0, 1, 1])
    found = run((REPEATS, [1.0, 1.0, 2.0, 3.0], stored, {1: "status"}))
    assert value(found, "hit_rate") == 75
    assert value(found, "miss_p50") is None


def test_where_nothing_is_told_nothing_is_said() -> None:
    found = run((REPEATS, [1.0] * 4, told("stored", []), {}))
    assert [value(found, name) for name in ("hit_rate", "hit_p50", "staleness")] == [None] * 3


def test_what_the_batch_job_cost() -> None:
    found = run((STEADY, [1.0] * 4, told("stored", [1] * 4), {}))
    assert [value(found, n) for n in ("batch_time", "batch_cpu", "store_size")] == [2.5, 2.25, 1]


def after(versions: list[int], took: list[float] | None = None, **changed: Any) -> Run:
    """A run in which version 2 was asked for after 0.15 s."""
    wrong = changed.pop("wrong", {})
    marks = told("version", versions)
    found = run((REPLACEMENT, took or [1.0] * len(versions), marks, wrong))
    window: Window = found.windows[0].of_kind(WindowKind.REPLACEMENT)
    found = fakes.of_windows(found, window)
    life = Lifecycle(
        jobs=(JOB, replace(JOB, version=2)),
        replacement=replace(Replacement(version=2, asked_ns=150_000_000), **changed),
    )
    return replace(found, facts=replace(found.facts, lifecycle=life))


def test_staleness_ends_with_the_last_old_answer() -> None:
    found = after([1, 1, 1, 1, 2, 2])
    seen = replaced.of_run(found)
    assert seen is not None
    assert seen.last_old_s == pytest.approx(0.151)
    assert seen.first_new_s == pytest.approx(0.251)
    assert (seen.again, seen.failed, seen.job_s) == (0, 0, 2.5)
    assert value(found, "staleness") == pytest.approx(0.151)
    assert said(found) == []


def test_an_old_answer_after_a_new_one() -> None:
    assert [name for name, *_ in said(after([1, 2, 1, 2]))] == ["old-after-new"]
    late = after([1, 1, 2], took=[1.0, 150.0, 1.0])
    assert said(late) == [], "it was sent before the new one had answered"
    assert value(late, "staleness") == pytest.approx(0.1)


def test_a_model_that_was_not_replaced() -> None:
    found = after([1, 1, 1], failure="The disk is full.")
    assert value(found, "staleness") is None
    ((name, verdict, message),) = said(found)
    assert (name, verdict) == ("not-replaced", Verdict.WARNING)
    assert message.endswith("under load: The disk is full.")


def test_requests_that_were_lost_and_misses_that_were_not() -> None:
    found = after([1, 1, -1, 2], wrong={2: "timeout"})
    assert said(found)[0][2] == "1 of 4 requests failed while the model was replaced"
    refused = after([1, 1, 1, 2], wrong={2: "status"})
    (window,) = refused.windows
    status = np.where(window.requests.error != 0, 404, 200)
    refused = fakes.of_windows(
        refused, replace(window, requests=replace(window.requests, status=status))
    )
    assert said(refused) == []


def test_a_mixture_is_no_number() -> None:
    found = after([1, 1, 2])
    (window,) = found.windows
    facts = replace(window.facts, checked=3, wrong=1)
    mixed = fakes.of_windows(found, replace(window, facts=facts))
    assert (
        "mixed-versions",
        Verdict.INVALID,
        "while the model was replaced, 1 of 3 answers were not those of the version that they "
        "named",
    ) in said(mixed)


def test_declared_refusals_are_no_failures() -> None:
    stored = told("stored", [1, 0, 1, 1])
    found = run((REPEATS, [1.0] * 4, stored, {1: "status"}))
    (window,) = found.windows
    status = np.where(window.requests.error != 0, 404, 200)
    found = fakes.of_windows(
        found, replace(window, requests=replace(window.requests, status=status))
    )
    server = replace(found.facts.server, misses=REFUSED)
    ((_, verdict, message),) = said(replace(found, facts=replace(found.facts, server=server)))
    assert verdict == Verdict.NOTE
    assert "1 of 4 requests were for what is not stored" in message
    assert [verdict for _, verdict, _ in said(found)] == [Verdict.INVALID]
