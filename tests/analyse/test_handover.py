"""What replacing a running service did to its clients."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.analyse.run import handover
from harness.cli import _interrupted
from harness.stored.handovers import (
    DRAIN,
    REFERENCE,
    START,
    STOP,
    TRAIN,
    TURN,
    VERIFY,
    FrontCost,
    Handovers,
    PipelineRun,
    PipelineStage,
)
from harness.windows.profiles import Profile
from harness.windows.samples import ERRORS
from tests import fakes

S = 1_000_000_000
BEGAN = 100 * S  # of the load
RATE = 100
FIRST = PipelineRun(
    version=1,
    stages=(PipelineStage(name=TRAIN, began_ns=90 * S, ended_ns=92 * S),),
    serves=True,
)


def run_of(version: int, began_s: float, **more: Any) -> PipelineRun:
    """Two seconds of training, one until it is verified, one of draining and stopping."""
    moments = [0.0, 2.0, 2.4, 2.8, 3.0, 3.01, 3.1, 4.0]
    names = (TRAIN, REFERENCE, START, VERIFY, TURN, DRAIN, STOP)
    stages = tuple(
        PipelineStage(
            name=name,
            began_ns=BEGAN + int((began_s + begin) * S),
            ended_ns=BEGAN + int((began_s + end) * S),
        )
        for name, begin, end in zip(names, moments, moments[1:], strict=False)
    )
    known = {"serves": True, "replaced": version - 1}
    return PipelineRun(version=version, stages=stages, **{**known, **more})


def handovers(runs: tuple[PipelineRun, ...], *, alike: bool = False) -> Handovers:
    """Twenty seconds of answers within 10 ms; the second version answers from 8.1 s on."""
    window = fakes.run(fakes.Fake()).profiles[0]
    due = np.arange(20 * RATE, dtype=np.int64) * (S // RATE)
    zeros = np.zeros(len(due), np.int64)
    requests = replace(
        window.requests,
        **dict.fromkeys(("payload", "error", "queued", "resent"), zeros),
        due_ns=due,
        sent_ns=due,
        first_byte_ns=due + 10_000_000,
        done_ns=due + 10_000_000,
        status=zeros + 200,
    )
    load = Profile("pipeline", "constant", 20.0, rate_per_s=RATE)
    facts = replace(window.facts, profile=load, elapsed_s=20.0)
    new = due >= int(8.1 * S)
    return Handovers(
        benchmark="iris",
        variant="flask-gunicorn",
        route="/iris/v1/score",
        front="nginx 1.22.1",
        every_s=5.0,
        runs=runs,
        cost=FrontCost(direct_ms=1.0, through_ms=1.25),
        start_ns=BEGAN,
        window=replace(window, facts=facts, requests=requests),
        right=np.column_stack([~new | alike, new | alike]),
        versions=(1, 2),
    )


def test_the_phases_of_a_run_are_told_apart() -> None:
    summed = handover.summary(handovers((FIRST, run_of(2, 5.0))))
    assert summed["replaced"] == 1
    assert summed["lost"] == summed["failed"] == 0
    assert summed["front"]["added_ms"] == pytest.approx(0.25)
    first, second = summed["runs"]
    assert first["load"] == dict.fromkeys(("before", "training", "change"))
    counts = {name: part["requests"] for name, part in second["load"].items()}
    assert counts == {"before": 500, "training": 300, "change": 100}
    assert second["load"]["before"]["response_ms"]["p99"] == pytest.approx(10.0)
    assert second["seconds"][TRAIN] == pytest.approx(2.0)
    assert second["last_old_s"] == pytest.approx(0.1, abs=0.011)
    assert handover.is_well(summed)


def test_what_is_lost_counts_for_the_run_in_which_it_was_due() -> None:
    found = handovers((FIRST, run_of(2, 5.0)))
    assert found.window is not None
    error = found.window.requests.error.copy()
    error[[10, 805]] = ERRORS.index("status")  # one before, one in the change
    requests = replace(found.window.requests, error=error)
    summed = handover.summary(replace(found, window=replace(found.window, requests=requests)))
    assert summed["lost"] == 2
    assert summed["errors"] == {"status": 2}
    assert summed["runs"][1]["lost"] == 1
    assert summed["runs"][1]["load"]["change"]["response_ms"]["max"] is None
    assert not handover.is_well(summed)


def test_versions_that_answer_alike_have_no_last_old_answer() -> None:
    summed = handover.summary(handovers((FIRST, run_of(2, 5.0)), alike=True))
    assert summed["runs"][1]["last_old_s"] is None


def test_a_later_version_that_answers_as_an_old_one_is_not_taken_for_it() -> None:
    found = handovers((FIRST, run_of(2, 5.0), run_of(3, 12.0)))
    assert found.right is not None
    assert found.window is not None
    third = found.window.requests.due_ns >= int(15.1 * S)
    first, second = found.right[:, 0] | third, found.right[:, 1] & ~third
    found = replace(found, right=np.column_stack([first, second, third]), versions=(1, 2, 3))
    last = [run["last_old_s"] for run in handover.summary(found)["runs"]]
    assert last == [None, pytest.approx(0.1, abs=0.011), pytest.approx(0.1, abs=0.011)]


def test_a_run_that_never_turned_has_no_change() -> None:
    failed = run_of(2, 5.0, serves=False, replaced=None, problem="It got ready too late.")
    failed = replace(failed, stages=failed.stages[:3])
    summed = handover.summary(handovers((FIRST, failed)))
    assert summed["failed"] == 1
    assert summed["runs"][1]["load"]["change"] is None
    assert not handover.is_well(summed)
    said = list(handover.lines(summed))
    assert said[-1] == ("version 2 does not serve, the one before goes on: It got ready too late.")


def test_all_of_it_is_printed() -> None:
    text = list(handover.lines(handover.summary(handovers((FIRST, run_of(2, 5.0))))))
    assert text[0] == "pipeline   iris, flask-gunicorn: 100/s for 20.0 s at /iris/v1/score"
    assert text[1].startswith("front      nginx 1.22.1 adds 0.25 ms for one caller")
    assert text[2] == "requests   2000, lost 0, sent again 0"
    assert text[3] == "replaced   1 times; failed 0 times"
    rows = [line.split() for line in text[6:8]]
    assert rows[0] == ["1", "2.00", *["-"] * 9, "0", "-"]
    assert rows[1][:8] == ["2", "2.00", "0.40", "0.40", "0.20", "0.01", "0.09", "0.90"]
    assert rows[1][8:12] == ["10.0/10.0"] * 3 + ["0"]


def test_a_front_that_ended_is_told_and_is_no_interruption() -> None:
    found = replace(handovers((FIRST, run_of(2, 5.0))), unanswered=3, problem="nginx is gone.")
    summed = handover.summary(found)
    assert (summed["problem"], summed["unanswered"]) == ("nginx is gone.", 3)
    assert not summed["interrupted"]
    assert not handover.is_well(summed)
    assert "nginx is gone." in list(handover.lines(summed))
    assert handover.summary(replace(found, problem=None))["interrupted"]


def test_before_any_load_the_keys_are_the_same() -> None:
    nothing = Handovers(
        benchmark="iris", variant="a", route="/", front="nginx", every_s=1.0, runs=()
    )
    summed = handover.summary(nothing)
    assert summed["interrupted"]
    assert list(summed) == list(_interrupted.pipeline())
    assert json.dumps(summed)
    assert "no load yet" in next(handover.lines(summed))
    assert list(handover.summary(replace(nothing, runs=(FIRST,)))["runs"][0]["seconds"]) == [TRAIN]
