"""The protocol `jobs`: what is asked after a job, how often, and how each answer is read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from harness.base.errors import AnswerError, UsageError
from harness.protocols import Message, exchange, registered, spoken
from harness.protocols.exchange import Done, Exchange, Fail, Response, Send, Step
from harness.protocols.jobs import Jobs

MS = 1_000_000


def told(job: Exchange, body: Any, now_ns: int = 0, status: int = 200, marks: str = "") -> Step:
    headers = (("x-job-marks", marks),) if marks else ()
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return exchange.next_step(job, Response(status, headers, text), now_ns)


def taken(way: Jobs) -> Exchange:
    job = way.begin(0)
    assert isinstance(told(job, {"id": "a-1"}), Send)
    return job


@pytest.mark.parametrize(
    ("name", "waits_ms"),
    [
        ("jobs", [10, 10, 10]),
        ("jobs:20ms", [20, 20, 20]),
        ("jobs:5ms-20ms", [5, 10, 20, 20, 20]),
        ("jobs:2.5ms-6ms", [2.5, 5, 6, 6]),
    ],
)
def test_the_time_between_polls_stays_or_doubles_to_a_limit(
    name: str, waits_ms: list[float]
) -> None:
    way = spoken(name).exchanges("/")
    assert way is not None
    job = way.begin(0)
    for place, wait_ms in enumerate(waits_ms):
        body = {"status": "in_queue"} if place else {"id": "a-1"}
        poll = Message(b"", method="GET", path="/a-1")
        assert told(job, body, 1000) == Send(poll, 1000 + int(wait_ms * MS))


def test_a_job_is_asked_after_below_the_path_that_took_it() -> None:
    way = spoken("jobs").exchanges("/my-api/")
    assert way is not None
    step = told(way.begin(0), {"id": "7"})
    assert isinstance(step, Send)
    assert step.message.path == "/my-api/7"


@pytest.mark.parametrize("argument", ["", "fast", "5", "0ms", "20ms-10ms", "5ms-", "-5ms", "5s"])
def test_another_time_between_polls_is_refused(argument: str) -> None:
    with pytest.raises(UsageError, match="time between polls"):
        spoken(f"jobs:{argument}")


def test_marks_are_what_the_last_answer_tells() -> None:
    job = taken(Jobs())
    assert isinstance(told(job, {"status": "in_progress"}, marks="runs=9"), Send)
    marks = "runs=1,started_ns=50,finished_ns=x,polls=77,other=3"
    done = told(job, {"status": "completed"}, marks=marks)
    assert done == Done(marks=(("polls", 2), ("runs", 1), ("started_ns", 50)))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ({"status": "failed", "error": "too long"}, "too long"),
        ({"status": "failed"}, "the server gives no reason"),
        ({"status": "failed", "error": 7}, "the server gives no reason"),
    ],
)
def test_a_job_that_failed_fails_with_its_reason(body: Any, why: str) -> None:
    assert told(taken(Jobs()), body, marks="runs=2") == Fail(why, marks=(("polls", 1), ("runs", 2)))


def test_a_job_that_was_not_taken_is_what_its_status_says() -> None:
    assert told(Jobs().begin(0), {"error": "full"}, status=503) == Done()


@pytest.mark.parametrize("status", [404, 503])
def test_a_poll_that_is_refused_is_the_last(status: int) -> None:
    assert told(taken(Jobs()), {"error": "?"}, status=status) == Done(marks=(("polls", 1),))


@pytest.mark.parametrize("body", [b"no json", [], {}, {"id": 7}, {"id": ""}, {"id": "../health"}])
def test_an_answer_without_an_id_is_garbage(body: Any) -> None:
    step = told(Jobs().begin(0), body)
    assert isinstance(step, Fail)
    assert step.error == "garbage"


@pytest.mark.parametrize("body", [b"no json", [], {}, {"status": "done"}, {"status": None}])
def test_a_poll_without_a_status_is_garbage(body: Any) -> None:
    step = told(taken(Jobs()), body)
    assert isinstance(step, Fail)
    assert step.error == "garbage"


def test_the_result_is_decoded() -> None:
    jobs = registered()["jobs"]
    body = {"id": "7", "status": "completed", "result": {"predictions": [1]}, "timestamp": "now"}
    assert jobs.decode(json.dumps(body).encode()) == [1]
    assert json.loads(jobs.encode(["a"]).body) == {"instances": ["a"]}
    for wrong in (b"{}", b'{"result": []}', b'{"result": {}}', b'{"result": {"predictions": 1}}'):
        with pytest.raises(AnswerError):
            jobs.decode(wrong)
