"""Jobs: what their marks say of a run, and of the queue's promise."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.run import findings
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Verdict
from harness.analyse.run.metrics import METRICS
from harness.stored.lifecycle import SHUTDOWN
from harness.stored.records import Run
from harness.windows.marks import MARKS, Marks
from harness.windows.profiles import Profile
from harness.windows.samples import MISSING
from tests import fakes

STEADY = Profile("steady", "poisson", 1.0, rate_per_s=4.0)
Told = dict[str, int]  # marks of a request, in ms where they are moments


def told(*requests: Told) -> Marks:
    rows = [
        (row, MARKS.index(name), value * (1_000_000 if name.endswith("_ns") else 1))
        for row, marks in enumerate(requests)
        for name, value in sorted(marks.items(), key=lambda item: MARKS.index(item[0]))
    ]
    request, mark, value = (np.array(column, np.int64) for column in zip(*rows, strict=True))
    return Marks(request=request, mark=mark, value=value)


def of_jobs(
    marks: list[Told], error: list[str], status: list[int] | None = None, profile: Profile = STEADY
) -> Run:
    """Jobs that are due each 100 ms, taken 2 ms and over 50 ms later."""
    due = [100.0 * n for n in range(len(marks))]
    columns = fakes.requests(due, due, [at + 50 for at in due], error)
    columns = replace(
        columns,
        first_byte_ns=columns.due_ns + 2_000_000,
        status=np.array(status or [200] * len(marks)),
    )
    run = fakes.exact_run((profile, columns))
    return replace(run, windows=(replace(run.windows[0], marks=told(*marks)),))


def done(at_ms: int, runs: int = 1, polls: int = 3) -> Told:
    times = {"submitted_ns": at_ms + 1, "started_ns": at_ms + 11, "finished_ns": at_ms + 30}
    return {"polls": polls, "runs": runs, **times}


def fates(run: Run) -> list[tuple[Verdict, str]]:
    found = findings.of_run(RunContext(run=run))
    return [(each.verdict, each.message) for each in found if each.name == "job-fates"]


def test_what_a_job_waits_for() -> None:
    run = of_jobs([done(0), done(100), done(200, polls=6), {"polls": 99}], ["", "", "", "failed"])
    values = {name: METRICS[name].formula(RunContext(run=run)) for name in METRICS}
    assert values["accepted"] == pytest.approx(2.0)
    assert values["queue_wait"] == pytest.approx(10.0)
    assert values["known_after"] == pytest.approx(20.0)
    assert values["polls"] == pytest.approx(4.0)


def test_a_server_that_does_not_tell_has_fewer_figures() -> None:
    run = of_jobs([{"polls": 2}], [""])
    assert METRICS["accepted"].formula(RunContext(run=run)) == pytest.approx(2.0)
    assert METRICS["queue_wait"].formula(RunContext(run=run)) is None
    assert METRICS["known_after"].formula(RunContext(run=run)) is None


@pytest.mark.parametrize("name", ["accepted", "queue_wait", "known_after", "polls"])
def test_requests_without_jobs_have_none(name: str) -> None:
    plain = fakes.exact_run((STEADY, fakes.requests([0.0], [0.0], [5.0])))
    assert METRICS[name].formula(RunContext(run=plain)) is None
    assert METRICS[name].formula(RunContext(run=fakes.exact_run())) is None
    assert fates(plain) == []


def test_each_once() -> None:
    run = of_jobs([done(0), {"polls": 1}, {"polls": 1, "runs": 1}], ["", "", "failed"])
    assert fates(run) == [
        (
            Verdict.NOTE,
            "of 3 accepted jobs 2 were completed by one run and 0 by more, 1 failed, 0 were lost, "
            "and of 0 the end is not known: each once, as far as was seen",
        )
    ]


def test_run_twice() -> None:
    ((verdict, said),) = fates(of_jobs([done(0), done(100, runs=2)], ["", ""]))
    assert verdict is Verdict.NOTE
    assert "1 were completed by one run and 1 by more" in said
    assert said.endswith("at least once, as far as was seen")


def test_lost_is_what_was_taken_and_is_not_known_any_more() -> None:
    marks: list[Told] = [done(0), {"polls": 2}, {"polls": 2}, {}, {}]
    error = ["", "status", "status", "status", "timeout"]
    ((verdict, said),) = fates(of_jobs(marks, error, [200, 404, 503, 503, 0]))
    assert verdict is Verdict.WARNING
    # The last but one was refused when it was submitted.
    assert said.startswith("of 4 accepted jobs 1 were")
    assert "1 were lost, and of 2 the end is not known" in said


def test_what_was_never_answered_was_not_accepted() -> None:
    run = of_jobs([done(0), {}], ["", "timeout"])
    window = run.windows[0]
    first = window.requests.first_byte_ns.copy()
    first[1] = MISSING
    window = replace(window, requests=replace(window.requests, first_byte_ns=first))
    assert fates(replace(run, windows=(window,)))[0][1].startswith("of 1 accepted jobs")


def test_a_shutdown_is_counted_by_itself() -> None:
    profile = replace(STEADY, name=SHUTDOWN)
    assert fates(of_jobs([{"polls": 2}], ["status"], [404], profile)) == []
