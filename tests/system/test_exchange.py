"""Requests that go on after an answer: over both loops, for control, and from start to report."""

from __future__ import annotations

import asyncio
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from harness import protocols
from harness.measure.load.generator import once
from harness.measure.load.generator.job import Fired, Job
from harness.measure.load.generator.pool import Generator, requests_of
from harness.measure.talk.target import target
from harness.protocols import Message
from harness.protocols.exchange import Exchanges
from harness.windows.profiles import Profile, due_times, payload_order
from harness.windows.samples import ERRORS, MISSING
from tests.cells import cell_of
from tests.exchanges import Lines, Obedient, Polling, SubmitAndPoll
from tests.system.conftest import Command
from tests.system.endpoints import Behaviour, Endpoint, Writer, message, says
from tests.system.sandbox import LONG_S, SERVER, Sandbox, variant

pytestmark = pytest.mark.slow

CPU = max(os.sched_getaffinity(0))
BODIES = tuple(f'["payload {number}"]'.encode() for number in range(5))
COUNT = 20
LOOPS = ["open", "closed"]
MS = 1_000_000


@pytest.fixture(scope="module")
def one() -> Iterator[Generator]:
    with Generator([CPU]) as generator:
        yield generator


@pytest.fixture(scope="module")
def two() -> Iterator[Generator]:
    with Generator([CPU, CPU]) as generator:
        yield generator


def job(loop: str, url: str, exchanges: Exchanges | None, timeout_s: float = LONG_S) -> Job:
    """Twenty requests, in one of the loops."""
    goal = target(url, map(Message, BODIES), (), exchanges=exchanges)
    due = due_times(Profile("open", "constant", 0.1, rate_per_s=COUNT / 0.1), seed=3)
    order = payload_order(len(BODIES), COUNT, seed=3)
    timeout_ns = int(timeout_s * 1e9)
    duration_ns = int(LONG_S * 1e9)
    is_open = loop == "open"
    planned, limit = (due, None) if is_open else (None, COUNT)
    return Job(
        target=goal,
        start_ns=0,
        duration_ns=duration_ns,
        payload=order,
        due_ns=planned,
        concurrency=4,
        limit=limit,
        timeout_ns=timeout_ns,
        keep_every=1,
    )


def kinds(fired: Fired) -> Counter[str]:
    return Counter(ERRORS[code] for code in fired.columns["error"])


def clerk(polls: int = 3, stays: bool = True, headers: tuple[str, ...] = ()) -> Behaviour:
    """Takes what is posted as a job, and gives it back when it has been asked so many times."""
    jobs: list[bytes] = []
    asked: Counter[int] = Counter()

    async def behave(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        method, path, _ = endpoint.requests[-1].split(b" ", 2)
        if method == b"POST":
            jobs.append(body)
            told: dict[str, object] = {"id": str(len(jobs) - 1)}
        else:
            number = int(path.rpartition(b"/")[2])
            asked[number] += 1
            is_done = asked[number] >= polls
            told = {"status": "completed" if is_done else "in_progress"}
            if is_done:
                told["was"] = json.loads(jobs[number])
        writer.write(message(json.dumps(told).encode(), 200, *headers))
        return stays

    return behave


def assert_own_jobs(fired: Fired) -> None:
    """Each request ended with the job that it submitted."""
    assert set(fired.bodies) == set(np.flatnonzero(fired.columns["error"] == 0).tolist())
    for row, body in fired.bodies.items():
        assert json.loads(body)["was"] == json.loads(BODIES[fired.columns["payload"][row]])


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("processes", ["one", "two"])
def test_a_request_is_over_with_its_last_answer(
    request: pytest.FixtureRequest, processes: str, loop: str
) -> None:
    generator: Generator = request.getfixturevalue(processes)
    with Endpoint(clerk(polls=3)) as endpoint:
        fired = generator.fire(job(loop, endpoint.url, Polling(every_ns=10 * MS)))
    requests = requests_of(fired)
    assert kinds(fired) == {"": COUNT}
    assert_own_jobs(fired)
    assert len(endpoint.requests) == 4 * COUNT
    assert fired.wire is not None, "polls count, too"
    assert fired.wire.sent == sum(map(len, (*endpoint.requests, *endpoint.bodies)))
    start = requests.sent_ns if loop == "closed" else requests.due_ns
    assert (requests.done_ns - start >= 30 * MS).all()
    assert (requests.first_byte_ns < requests.done_ns - 29 * MS).all()
    assert (requests.status == 200).all()
    assert not requests.resent.any()
    if loop == "closed":
        assert endpoint.connections == 4, "a caller keeps its connection"
        assert endpoint.most_busy <= 4
    assert not len(fired.chunks)


@pytest.mark.parametrize("loop", LOOPS)
def test_polls_come_when_they_are_due(one: Generator, loop: str) -> None:
    with Endpoint(clerk(polls=2)) as endpoint:
        one.fire(job(loop, endpoint.url, Polling(every_ns=50 * MS)))
    asked: dict[bytes, list[int]] = {}
    for head, came in zip(endpoint.requests, endpoint.came_ns, strict=True):
        if head.startswith(b"GET"):
            asked.setdefault(head.split()[1], []).append(came)
    gaps = [second - first for first, second in asked.values()]
    assert len(gaps) == COUNT
    assert min(gaps) >= 50 * MS


@pytest.mark.parametrize("loop", LOOPS)
def test_every_answer_has_the_time_out(one: Generator, loop: str) -> None:
    taken = clerk()

    async def silent(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        if endpoint.requests[-1].startswith(b"GET"):
            await asyncio.sleep(LONG_S)
        return await taken(endpoint, body, writer)

    with Endpoint(silent) as endpoint:
        fired = one.fire(job(loop, endpoint.url, Polling(every_ns=300 * MS), timeout_s=0.4))
    requests = requests_of(fired)
    assert kinds(fired) == {"timeout": COUNT}
    assert (requests.first_byte_ns != MISSING).all()
    assert (requests.done_ns - requests.sent_ns >= 700 * MS).all(), "0.3 s until it was asked"
    assert (requests.status == 0).all()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_request_that_goes_on_for_ever_has_timed_out(one: Generator, loop: str) -> None:
    with Endpoint(clerk(polls=1 << 30)) as endpoint:
        fired = one.fire(job(loop, endpoint.url, Polling(every_ns=20 * MS, limit_s=0.3)))
    requests = requests_of(fired)
    assert kinds(fired) == {"timeout": COUNT}
    assert (requests.done_ns - requests.sent_ns == 300 * MS).all()


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("headers", [(), ("Connection: close",)])
def test_a_connection_that_is_closed_between_polls(
    one: Generator, loop: str, headers: tuple[str, ...]
) -> None:
    with Endpoint(clerk(stays=False, headers=headers)) as endpoint:
        fired = one.fire(job(loop, endpoint.url, Polling()))
    assert kinds(fired) == {"": COUNT}
    assert_own_jobs(fired)
    assert endpoint.connections >= 4 * COUNT


@pytest.mark.parametrize("loop", LOOPS)
def test_a_poll_that_a_used_connection_swallowed_is_sent_once_more(
    one: Generator, loop: str
) -> None:
    taken, used = clerk(polls=1), set[Writer]()

    async def once_each(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        if writer in used and endpoint.requests[-1].startswith(b"GET"):
            return False
        used.add(writer)
        return await taken(endpoint, body, writer)

    with Endpoint(once_each) as endpoint:
        fired = one.fire(job(loop, endpoint.url, Polling()))
    assert kinds(fired) == {"": COUNT}
    assert_own_jobs(fired)
    assert fired.columns["resent"].any()


@pytest.mark.parametrize("stays", [True, False])
def test_users_who_think_go_on_as_callers_do(one: Generator, stays: bool) -> None:
    with Endpoint(clerk(polls=2, stays=stays)) as endpoint:
        order = replace(job("closed", endpoint.url, Polling()), think_ns=5 * MS)
        fired = one.fire(order)
    assert kinds(fired) == {"": COUNT}
    assert_own_jobs(fired)


REPLIES = {
    # what a server says to everything: (error, status, kind and words of the cause)
    "fail": (message(b"fail"), "failed", 200, ("failed", "on purpose")),
    "raise": (
        message(b"raise"),
        "garbage",
        200,
        ("malformed", "ZeroDivisionError: as of a protocol with a mistake"),
    ),
    "not found": (message(b"no such job", 404), "status", 404, ("404", "no such job")),
    "no answer": (b"SSH-2.0-OpenSSH_9.2\r\n", "garbage", 0, None),
    "compressed": (message(b"x", 200, "Content-Encoding: gzip"), "garbage", 200, None),
}


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("reply", REPLIES)
def test_errors_are_told_as_they_are(one: Generator, loop: str, reply: str) -> None:
    answer, error, status, cause = REPLIES[reply]
    with Endpoint(says(answer)) as endpoint:
        fired = one.fire(job(loop, endpoint.url, Obedient()))
    assert kinds(fired) == {error: COUNT}
    assert (fired.columns["status"] == status).all()
    assert (fired.columns["done_ns"] >= fired.columns["sent_ns"]).all()
    assert [each.count for each in fired.causes] == [COUNT]
    if cause is not None:
        assert [(each.kind, each.said) for each in fired.causes] == [cause]


@pytest.mark.parametrize("loop", LOOPS)
def test_an_error_after_a_poll_is_of_the_last_answer(one: Generator, loop: str) -> None:
    taken = clerk()

    async def forgets(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        if endpoint.requests[-1].startswith(b"GET"):
            writer.write(message(b"", 503))
            return True
        return await taken(endpoint, body, writer)

    with Endpoint(forgets) as endpoint:
        fired = one.fire(job(loop, endpoint.url, Polling()))
    assert kinds(fired) == {"status": COUNT}
    assert (fired.columns["status"] == 503).all()


@pytest.mark.parametrize("loop", LOOPS)
def test_what_is_to_be_sent_at_once_is(one: Generator, loop: str) -> None:
    async def thrice(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        told = json.loads(body)
        last = isinstance(told[0], int) and told[1] == 2
        writer.write(message(b"other" if last else b"again"))
        return True

    with Endpoint(thrice) as endpoint:
        fired = one.fire(job(loop, endpoint.url, Obedient()))
    assert kinds(fired) == {"": COUNT}
    assert set(fired.bodies.values()) == {b"what is judged"}
    numbers = Counter(json.loads(body)[0] for body in endpoint.bodies if b"payload" not in body)
    assert numbers == {n: 2 * c for n, c in Counter(fired.columns["payload"].tolist()).items()}


@pytest.mark.parametrize("loop", LOOPS)
def test_nobody_listens_any_more(one: Generator, loop: str) -> None:
    """The server takes the jobs, and is gone."""
    taken = clerk()
    endpoints: list[Endpoint] = []

    async def leaves(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        assert endpoint._server is not None
        if len(endpoint.requests) >= COUNT:
            endpoint._server.close()
        await taken(endpoint, body, writer)
        return False

    with Endpoint(leaves) as endpoint:
        endpoints.append(endpoint)
        order = replace(job(loop, endpoint.url, Polling(every_ns=400 * MS)), concurrency=COUNT)
        fired = one.fire(order)
    found = kinds(fired)
    assert found["connect"] >= COUNT - 1
    assert sum(found.values()) == COUNT


# --- control --------------------------------------------------------------------------------------


def ask(url: str, exchanges: Exchanges, seconds: float = LONG_S) -> tuple[int, bytes]:
    return once.ask(target(url, [Message(b"[7]")], (), exchanges=exchanges), seconds)


def test_control_asks_until_the_last_answer() -> None:
    with Endpoint(clerk(polls=2)) as endpoint:
        status, body = ask(endpoint.url, Polling())
    assert (status, json.loads(body)["was"]) == (200, [7])
    assert len(endpoint.requests) == 3


def test_control_waits_no_longer_than_it_is_told_to() -> None:
    with (
        Endpoint(clerk(polls=1 << 30)) as endpoint,
        pytest.raises(once.NoAnswer, match=r"no whole answer within 0\.2 s"),
    ):
        ask(endpoint.url, Polling(), 0.2)


def test_control_says_why_a_job_failed() -> None:
    with (
        Endpoint(says(message(b"fail"))) as endpoint,
        pytest.raises(once.NoAnswer, match="failed: on purpose"),
    ):
        ask(endpoint.url, Obedient())


# --- pieces ---------------------------------------------------------------------------------------

WORDS = (b"one two\n", b"three\n", b"four five six\n")
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


def streaming(*pieces: bytes, gap_s: float = 0.03) -> Behaviour:
    """Sends pieces one by one, as chunks of HTTP."""

    async def behave(_: Endpoint, body: bytes, writer: Writer) -> bool:
        writer.write(CHUNKED)
        for piece in pieces:
            writer.write(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
            await writer.drain()
            await asyncio.sleep(gap_s)
        writer.write(b"0\r\n\r\n")
        return True

    return behave


@pytest.mark.parametrize("loop", LOOPS)
@pytest.mark.parametrize("processes", ["one", "two"])
def test_each_piece_of_content_is_a_row(
    request: pytest.FixtureRequest, processes: str, loop: str
) -> None:
    generator: Generator = request.getfixturevalue(processes)
    with Endpoint(streaming(*WORDS, b"end\n")) as endpoint:
        fired = generator.fire(job(loop, endpoint.url, Lines()))
    requests, found = requests_of(fired), fired.chunks
    assert kinds(fired) == {"": COUNT}
    assert set(fired.bodies.values()) == {b"".join(WORDS)}
    assert found.request.tolist() == [row for row in range(COUNT) for _ in WORDS]
    assert found.count.tolist() == [2, 1, 3] * COUNT
    assert found.size_bytes.tolist() == [7, 5, 13] * COUNT
    at_ns = found.at_ns.reshape(COUNT, 3)
    assert (at_ns[:, 0] >= requests.first_byte_ns).all()
    assert (np.diff(at_ns) > 0).all()
    assert (at_ns[:, -1] + 29 * MS <= requests.done_ns).all(), "two more waits to its end"
    assert np.median(np.diff(at_ns)) >= 29 * MS


def test_pieces_that_come_together_are_rows_of_one_moment(one: Generator) -> None:
    with Endpoint(streaming(b"".join(WORDS)[:9], b"".join(WORDS)[9:] + b"end\n")) as endpoint:
        found = one.fire(job("closed", endpoint.url, Lines())).chunks
    assert found.count.tolist() == [2, 1, 3] * COUNT
    at_ns = found.at_ns.reshape(COUNT, 3)
    assert (at_ns[:, 1] == at_ns[:, 2]).all()
    assert (at_ns[:, 0] < at_ns[:, 1]).all()


@pytest.mark.parametrize("loop", LOOPS)
def test_a_stream_that_ends_early_is_no_answer(one: Generator, loop: str) -> None:
    with Endpoint(streaming(*WORDS, gap_s=0.0)) as endpoint:
        fired = one.fire(job(loop, endpoint.url, Lines()))
    assert kinds(fired) == {"garbage": COUNT}
    assert {cause.said for cause in fired.causes} == {"it ends before its end"}
    assert len(fired.chunks) == 3 * COUNT, "what came has come"


def test_a_stream_that_stalls_keeps_what_came(one: Generator) -> None:
    async def stalls(_: Endpoint, body: bytes, writer: Writer) -> bool:
        writer.write(CHUNKED + b"4\r\none\n\r\n")
        await asyncio.sleep(LONG_S)
        return True

    with Endpoint(stalls) as endpoint:
        fired = one.fire(job("open", endpoint.url, Lines(), timeout_s=0.2))
    assert kinds(fired) == {"timeout": COUNT}
    assert fired.chunks.count.tolist() == [1] * COUNT


# --- from start to report -------------------------------------------------------------------------


@pytest.fixture
def jobs(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A server of jobs; its protocol is one of the harness's own, for a test."""
    table = variant("jobs", 'environment = { FAKE_DELAY_MS = "10" }')
    table = table.replace('protocol = "json"', 'protocol = "submit-and-poll"\npath = "/jobs"')
    sandbox.add_server("jobs", SERVER + table)
    protocols.registered()
    monkeypatch.setitem(protocols.PROTOCOLS, "submit-and-poll", SubmitAndPoll())
    protocols.registered.cache_clear()
    yield "jobs"
    protocols.registered.cache_clear()


def test_a_server_of_jobs_is_measured_like_any_other(
    sandbox: Sandbox, cli: Command, jobs: str
) -> None:
    done = cli("run", jobs, "--campaign", "c", "--json")
    assert done.returncode == 0, done.stderr
    run = sandbox.runs("c")[cell_of(jobs, "noop", 1)]
    assert run.facts.failure is None
    assert run.facts.verified == 21
    steady = run.window("steady")
    assert steady is not None
    assert steady.requests.ok.all()
    assert steady.facts.checked > 0
    assert steady.facts.wrong == 0
    # The model is called once for each, however often it is asked after.
    assert len(steady.calls.batch) == len(steady.requests)
    assert steady.requests.response_ns().min() >= 10 * MS
    assert not list(sandbox.results.rglob("chunks.parquet"))
    polls = steady.marks.each("polls", len(steady.requests))
    assert polls.min() >= 1
    finished_ns = steady.marks.each("finished_ns", len(steady.requests))
    assert (finished_ns <= steady.requests.done_ns).all()
    assert (finished_ns > steady.requests.first_byte_ns).all()


def test_the_capacity_of_a_server_of_jobs_is_searched_for(
    sandbox: Sandbox, cli: Command, jobs: str
) -> None:
    done = cli("capacity", jobs, "--slo", "p99<500ms", "--budget", "4s", "--json")
    (result,) = json.loads(done.stdout)["results"]
    assert result["probes"]
    (run,) = sandbox.runs(next(iter(sandbox.results.iterdir())).name).values()
    assert len(run.probes) == len(result["probes"])
    assert all(probe.requests.ok.any() for probe in run.probes)
    assert min(probe.requests.response_ns().min() for probe in run.probes) >= 10 * MS
