"""What a worker makes of jobs, whoever brings them."""

from __future__ import annotations

import json
from typing import Any

from job_work import MOST_RUNS, Outcome, perform, too_often


def predict(instances: list[Any]) -> list[Any]:
    if "wrong" in instances:
        raise ValueError("one is wrong")
    if "broken" in instances:
        raise ZeroDivisionError("a mistake")
    return [f"{each}!" for each in instances]


def job(*instances: str) -> bytes:
    return json.dumps({"instances": instances}).encode()


def done(*predictions: str) -> Outcome:
    return Outcome(True, json.dumps({"predictions": predictions}))


def test_a_job_is_predicted() -> None:
    assert perform(predict, [job("a", "b")]) == [done("a!", "b!")]
    assert perform(predict, [job()]) == [done()]


def test_jobs_share_a_call_and_each_gets_its_own() -> None:
    calls: list[list[Any]] = []

    def counted(instances: list[Any]) -> list[Any]:
        calls.append(instances)
        return predict(instances)

    jobs = [job("a"), job(), job("b", "c")]
    assert perform(counted, jobs) == [done("a!"), done(), done("b!", "c!")]
    assert calls == [["a", "b", "c"]]


def test_one_that_the_model_refuses_fails_alone_with_the_reason() -> None:
    refused = Outcome(False, "one is wrong")
    assert perform(predict, [job("a"), job("wrong")]) == [done("a!"), refused]


def test_whatever_goes_wrong_is_told() -> None:
    assert perform(predict, [job("broken")]) == [Outcome(False, "ZeroDivisionError: a mistake")]
    (broken,) = perform(predict, [b"{"])
    assert not broken.completed
    (lacking,) = perform(predict, [b"[]"])
    assert not lacking.completed


def test_a_job_that_kills_its_worker_is_given_up() -> None:
    assert too_often(MOST_RUNS) is None
    given_up = too_often(MOST_RUNS + 1)
    assert given_up is not None
    assert given_up.status == "failed"
    assert "died" in given_up.text
