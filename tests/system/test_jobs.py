"""What becomes of accepted jobs when processes are killed, queues cleared, and memory full."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from harness.setup import components
from job_server import BROKER, WEB, WORKER, Answer, JobServer, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(components.place("redis") is None, reason="there is no redis-server"),
]

WITH_BROKER = ["queue-redis", "queue-celery", "cortex-async"]
VARIANTS = ["queue-huey", *WITH_BROKER]
MOST = 20
TRIES = 5  # to hit the middle of a job, on a machine that may stand still meanwhile


@pytest.fixture(scope="module", params=VARIANTS)
def server(request: pytest.FixtureRequest, short_folder: Path) -> Iterator[JobServer]:
    folder = short_folder / request.param
    folder.mkdir()
    with JobServer(request.param, folder, QUEUE_MOST=str(MOST), QUEUE_LEASE_S="2") as found:
        yield found


def completed(answer: Answer, text: str) -> bool:
    told = answer.told
    return told.get("status") == "completed" and told["result"] == {
        "predictions": [{"label": text}]
    }


def clear(server: JobServer) -> None:
    """Remove everything that waits, behind the back of everybody."""
    if not server.pids(BROKER):
        with closing(sqlite3.connect(server.folder / "queue.db", timeout=60)) as file, file:
            file.execute("delete from task")
    else:
        for stream in ("jobs", "celery"):
            assert server.redis(f"DEL {stream}").startswith(b":")


def filled(server: JobServer, submit: Callable[[], Answer], most: int) -> tuple[list[str], Answer]:
    """(the jobs that were taken before one was refused, that refusal); no worker runs meanwhile."""
    pids = server.pause(WORKER)
    taken: list[str] = []
    try:
        for _ in range(most):
            answer = submit()
            if answer.status != 200:
                return taken, answer
            taken.append(answer.told["id"])
        raise AssertionError(f"{most} jobs were taken")
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


def test_a_job_of_a_killed_worker_is_taken_over(server: JobServer) -> None:
    for _ in range(TRIES):
        victim = server.victim(WORKER)
        name = server.submitted("sleep 1")
        server.begun(name)
        server.kill(victim)
        end = server.ended(name)
        assert completed(end, "sleep 1")
        if end.marks["runs"] == 2:
            return
    raise AssertionError(f"no job of {TRIES} was in a worker's hands when that was killed")


def test_a_job_survives_the_web_process(server: JobServer) -> None:
    victim = server.victim(WEB)
    name = server.submitted("sleep 0.2")
    server.kill(victim)
    assert completed(server.ended(name), "sleep 0.2")


@pytest.mark.parametrize("server", WITH_BROKER, indirect=True, scope="module")
def test_a_job_survives_the_broker(server: JobServer) -> None:
    victim = server.victim(BROKER)
    names = [server.submitted("sleep 0.2") for _ in range(3)]
    server.kill(victim)
    assert all(completed(server.ended(name), "sleep 0.2") for name in names)
    assert completed(server.ended(server.submitted("later")), "later")


def test_what_the_model_refuses_fails_once_with_the_reason(server: JobServer) -> None:
    end = server.ended(server.submitted(7))
    assert end.told["status"] == "failed"
    assert end.marks["runs"] == 1
    # Cortex tells no reason.
    assert end.told.get("error") in ("7 is no text", None)
    assert completed(server.ended(server.submitted("a")), "a")


def test_ids_are_random_and_others_unknown(server: JobServer) -> None:
    first, second = server.submitted("a"), server.submitted("a")
    assert len(first) == len(second) == 32
    assert abs(int(first, 16) - int(second, 16)) > 2**64
    assert server.look(f"{int(first, 16) + 1:032x}").status == 404


@pytest.mark.parametrize("server", ["cortex-async"], indirect=True, scope="module")
def test_cortex_s_gateway_answers_as_its_contract_says(server: JobServer) -> None:
    right, wrong = server.submitted("a"), server.ask("POST", "/", b"no json")
    assert set(wrong.told) == {"id"}  # it does not look into payloads
    assert set(server.ended(right).told) == {"id", "status", "result", "timestamp"}
    assert server.ended(wrong.told["id"]).told == {"id": wrong.told["id"], "status": "failed"}
    unknown = server.look("0" * 32)
    assert (unknown.status, unknown.told["error"]) == (404, f"error: id {'0' * 32} not found")
    untyped = server.ask("POST", "/", b"{}", kind="")
    assert untyped.status == 400
    assert untyped.told["error"] == "error: missing Content-Type key in request header"


def test_a_full_queue_says_so_and_keeps_what_it_took(server: JobServer) -> None:
    taken, refusal = filled(server, lambda: server.submit("a"), 2 * MOST)
    assert refusal.status == 503
    assert f"The queue is full: {MOST} jobs are unfinished." in refusal.told["error"]
    assert len(taken) <= MOST
    assert all(completed(server.ended(name), "a") for name in taken)


def test_jobs_of_a_cleared_queue_are_reported(server: JobServer) -> None:
    pids = server.pause(WORKER)
    names = [server.submitted("a") for _ in range(4)]
    clear(server)
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    ends = [server.ended(name) for name in names]
    lost = [end for end in ends if not completed(end, "a")]
    assert len(lost) >= 3  # a worker may have had one already
    assert all(end.told["status"] == "failed" for end in lost)
    assert all("lost" in end.told.get("error", "lost") for end in lost)
    assert completed(server.ended(server.submitted("later")), "later")


@pytest.mark.parametrize("variant", ["queue-huey", "queue-redis"])
def test_a_result_expires(variant: str, short_folder: Path) -> None:
    folder = short_folder / f"{variant}-expires"
    folder.mkdir()
    with JobServer(variant, folder, QUEUE_KEEPS_S="0.5") as server:
        name = server.submitted("a")
        gone = until(lambda: end if (end := server.look(name)).status == 404 else None)
        assert "its result has expired, 0.5 s after its end" in gone.told["error"]


def test_redis_out_of_memory_refuses_and_drops_nothing(short_folder: Path) -> None:
    folder = short_folder / "memory"
    folder.mkdir()
    text = "a" * 500_000
    with JobServer("queue-redis", folder, QUEUE_MEMORY="8mb") as server:
        taken, refusal = filled(server, lambda: server.submit("sleep 0", text), 100)
        assert refusal.status == 503
        assert "memory" in refusal.told["error"]
        assert taken
        ends = [server.ended(name) for name in taken]
        assert {end.told["status"] for end in ends} == {"completed"}
        assert len(ends[0].told["result"]["predictions"]) == 2
        assert completed(server.ended(server.submitted("later")), "later")
