"""The native driver against real servers on the loopback interface."""

from __future__ import annotations

import asyncio
import gzip
import os
import signal
import ssl
import time
import zlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import psutil
import pytest
import trustme

from harness.base.errors import HarnessError
from harness.base.trust import Trust
from harness.measure.load.generator import pool
from harness.measure.load.generator.job import Fired, Job, whole
from harness.measure.load.generator.pool import Generator, requests_of
from harness.measure.talk.target import target
from harness.protocols import Message
from harness.windows.profiles import Profile, due_times, payload_order
from harness.windows.samples import ERRORS, MISSING, Ints, Requests
from tests.system import endpoints
from tests.system.endpoints import Endpoint, Writer, each_byte, echo, hold, message, says
from tests.system.sandbox import LONG_S, children_of, until

pytestmark = pytest.mark.slow

BODIES = tuple(f'{{"instances": ["payload {number}"]}}'.encode() for number in range(7))
CPU = max(os.sched_getaffinity(0))
BIG = b"x" * 3_000_000


@pytest.fixture(scope="module")
def one() -> Iterator[Generator]:
    with Generator([CPU]) as generator:
        yield generator


@pytest.fixture(scope="module")
def two() -> Iterator[Generator]:
    """Two processes that share a schedule; that they share a CPU too does not matter here."""
    with Generator([CPU, CPU]) as generator:
        yield generator


@pytest.fixture(params=["one", "two"])
def generator(request: pytest.FixtureRequest) -> Generator:
    found: Generator = request.getfixturevalue(request.param)
    return found


def open_job(url: str, profile: Profile, *, timeout_s: float = LONG_S, callers: int = 4) -> Job:
    due = due_times(profile, seed=3)
    order = payload_order(len(BODIES), len(due), seed=3)
    return _job(url, order, due, profile.duration_s, timeout_s, callers, None)


def closed_job(
    url: str,
    callers: int,
    limit: int | None = None,
    *,
    seconds: float = LONG_S,
    timeout_s: float = LONG_S,
) -> Job:
    order = payload_order(len(BODIES), 4096, seed=3)
    return _job(url, order, None, seconds, timeout_s, callers, limit)


def _job(
    url: str,
    order: Ints,
    due: Ints | None,
    seconds: float,
    timeout_s: float,
    callers: int,
    limit: int | None,
) -> Job:
    goal = target(url, map(Message, BODIES), (("Content-Type", "application/json"),))
    timeout_ns = int(timeout_s * 1e9)
    return Job(
        target=goal,
        start_ns=0,
        duration_ns=int(seconds * 1e9),
        payload=order,
        due_ns=due,
        concurrency=callers,
        limit=limit,
        timeout_ns=timeout_ns,
        keep_every=1,
    )


def kinds(requests: Requests) -> Counter[str]:
    """How many requests ended in each way."""
    return Counter(ERRORS[code] for code in requests.error)


def assert_in_order(fired: Fired) -> None:
    """No answer before its request, and no request before it was due."""
    requests = requests_of(fired)
    rows = requests.ok
    if requests.due_ns.max(initial=MISSING) != MISSING:
        assert (requests.sent_ns[rows] >= requests.due_ns[rows]).all()
    assert (requests.first_byte_ns[rows] >= requests.sent_ns[rows]).all()
    assert (requests.done_ns[rows] >= requests.first_byte_ns[rows]).all()


def assert_own_answers(fired: Fired) -> None:
    """Each kept body, which the server echoes, belongs to the request in its row."""
    requests = requests_of(fired)
    assert set(fired.bodies) == set(np.flatnonzero(requests.ok).tolist())
    for row, body in fired.bodies.items():
        assert body == BODIES[requests.payload[row]]


@pytest.mark.parametrize("shape", ["constant", "poisson"])
def test_an_open_loop_delivers_every_request_once(generator: Generator, shape: str) -> None:
    with Endpoint(echo) as endpoint:
        job = open_job(endpoint.url, Profile("open", shape, 0.5, rate_per_s=300.0))
        fired = generator.fire(job)
    requests = requests_of(fired)
    assert kinds(requests) == {"": len(requests)}
    np.testing.assert_array_equal(requests.due_ns, job.due_ns)
    np.testing.assert_array_equal(requests.payload, job.payload)
    assert Counter(endpoint.bodies) == Counter(BODIES[place] for place in job.payload)
    assert (requests.status == 200).all()
    assert_in_order(fired)
    assert_own_answers(fired)
    assert fired.wire is not None
    assert fired.wire.sent == sum(map(len, (*endpoint.requests, *endpoint.bodies)))
    assert fired.wire.received == sum(len(message(body)) for body in endpoint.bodies)


def test_connections_take_turns_and_are_renewed(one: Generator) -> None:
    used: Counter[Writer] = Counter()

    async def counted(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        used[writer] += 1
        return await echo(endpoint, body, writer)

    with Endpoint(counted) as endpoint:
        warm = closed_job(endpoint.url, 4, limit=40)
        one.fire(warm)  # so many connections are known to be served
        used.clear()
        job = open_job(endpoint.url, Profile("open", "constant", 1.0, rate_per_s=200.0))
        kept = requests_of(one.fire(job))
        few = len(used)
        used.clear()
        fired = one.fire(replace(job, renew_ns=100_000_000))
    requests = requests_of(fired)
    assert kept.ok.all()
    assert kinds(requests) == {"": len(requests)}
    assert len(used) > max(few, 8), "four at a time, none of them for long"
    assert max(used.values()) < len(requests) / 4
    assert_in_order(fired)
    assert fired.wire is not None
    assert fired.wire.received == sum(len(message(BODIES[each])) for each in requests.payload)


def test_two_windows_of_one_profile_are_the_same_requests(two: Generator) -> None:
    profile = Profile("open", "poisson", 0.3, rate_per_s=300.0)
    with Endpoint(echo) as first, Endpoint(says(message(b"another server"))) as second:
        here = requests_of(two.fire(open_job(first.url, profile)))
        there = requests_of(two.fire(open_job(second.url, profile)))
    np.testing.assert_array_equal(here.due_ns, there.due_ns)
    np.testing.assert_array_equal(here.payload, there.payload)
    assert Counter(first.bodies) == Counter(second.bodies)


def test_a_closed_loop_keeps_its_callers(one: Generator) -> None:
    callers, rounds = 7, 20
    barrier: list[asyncio.Barrier] = []

    async def together(_: Endpoint, body: bytes, writer: Writer) -> bool:
        # Nobody is answered before all callers have asked: with one too few, this would hang.
        if not barrier:
            barrier.append(asyncio.Barrier(callers))
        await barrier[0].wait()
        return await echo(_, body, writer)

    with Endpoint(together) as endpoint:
        fired = one.fire(closed_job(endpoint.url, callers, callers * rounds))
    requests = requests_of(fired)
    assert kinds(requests) == {"": callers * rounds}
    assert endpoint.most_busy == callers
    assert endpoint.connections == callers
    assert (requests.due_ns == MISSING).all()
    assert_in_order(fired)
    assert_own_answers(fired)


def test_callers_are_shared_out_and_merged_in_the_order_of_sending(two: Generator) -> None:
    with Endpoint(echo) as endpoint:
        fired = two.fire(closed_job(endpoint.url, 5, 201))
    requests = requests_of(fired)
    assert kinds(requests) == {"": 201}
    assert len(endpoint.requests) == 201
    assert endpoint.connections == 5
    assert endpoint.most_busy <= 5
    assert (np.diff(requests.sent_ns) >= 0).all()
    assert_own_answers(fired)


def test_more_processes_than_callers(two: Generator) -> None:
    with Endpoint(echo) as endpoint:
        requests = requests_of(two.fire(closed_job(endpoint.url, 1, 10)))
    assert kinds(requests) == {"": 10}
    assert endpoint.connections == 1


def test_a_closed_loop_ends_with_its_duration(one: Generator) -> None:
    with Endpoint(echo) as endpoint:
        requests = requests_of(one.fire(closed_job(endpoint.url, 3, seconds=1.0)))
    assert kinds(requests) == {"": len(requests)}
    assert len(requests) == len(endpoint.requests)
    assert (requests.sent_ns < 1e9).all()


EARLY = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
RIGHT = {
    "one piece": says(message(b"hello")),
    "byte by byte": says(*each_byte(message(b"hello"))),
    "head and body apart": says(message(b"hello")[:-5], b"hello"),
    "a head in two pieces": says(message(b"hello")[:20], message(b"hello")[20:]),
    "chunked": says(CHUNKED + b"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"),
    "chunked in pieces": says(CHUNKED, b"2\r\nhe", b"\r\n3\r\nllo\r\n0\r\n", b"\r\n"),
    "no keep-alive": says(message(b"hello", 200, "Connection: close"), stays=False),
    "no keep-alive, never closed": says(message(b"hello", 200, "Connection: close")),
    "HTTP/1.0": says(b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello", stays=False),
    "HTTP/1.0 without a length": says(b"HTTP/1.0 200 OK\r\n\r\nhel", b"lo", stays=False),
    "until the end": says(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello", stays=False),
    "another status that is well": says(message(b"hello", 201)),
    "odd header names": says(b"HTTP/1.1 200 OK\r\nCONTENT-LENGTH:5\r\nX:\r\n\r\nhello"),
    "garbage after the answer": says(message(b"hello") + b"more than that"),
    "two answers": says(message(b"hello") + message(b"other")),
    "an interim answer": says(EARLY + message(b"hello")),
    "interim answers by themselves": says(EARLY, CONTINUE, message(b"hello")),
    "interim answers byte by byte": says(*each_byte(CONTINUE + message(b"hello"))),
    "chunked with a length": says(
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n0\r\n\r\n"
    ),
    "its length twice": says(message(b"hello", 200, "content-length: 5")),
    "compressed": says(message(gzip.compress(b"hello"), 200, "Content-Encoding: gzip")),
    "compressed in chunks": says(
        CHUNKED[:-2] + b"Content-Encoding: deflate\r\n\r\nd\r\n",
        zlib.compress(b"hello") + b"\r\n0\r\n\r\n",
    ),
}


@pytest.mark.parametrize("loop", ["open", "closed"])
@pytest.mark.parametrize("behaviour", RIGHT)
def test_an_answer_is_taken_in_whatever_its_form(one: Generator, loop: str, behaviour: str) -> None:
    with Endpoint(RIGHT[behaviour]) as endpoint:
        fired = one.fire(_either(loop, endpoint.url))
    requests = requests_of(fired)
    assert kinds(requests) == {"": 20}
    assert set(fired.bodies.values()) == {b"hello"}
    assert len(fired.bodies) == len(endpoint.requests) == 20
    assert_in_order(fired)


def _either(loop: str, url: str, timeout_s: float = LONG_S) -> Job:
    """Twenty requests, in one of the loops."""
    if loop == "open":
        return open_job(
            url, Profile("open", "constant", 0.1, rate_per_s=200.0), timeout_s=timeout_s
        )
    return closed_job(url, 8, 20, timeout_s=timeout_s)


@pytest.mark.parametrize("loop", ["open", "closed"])
@pytest.mark.parametrize("asks", ["", "gzip, br;q=0.5"])
def test_a_coding_that_is_not_decoded_is_right_only_where_it_was_asked_for(
    one: Generator, loop: str, asks: str
) -> None:
    """Also of answers whose bodies nobody compares."""
    with Endpoint(says(message(b"hello", 200, "Content-Encoding: br"))) as endpoint:
        job = replace(_either(loop, endpoint.url), keep_every=0)
        headers = (("Accept-Encoding", asks),) if asks else ()
        goal = target(endpoint.url, [Message(body) for body in BODIES], headers)
        fired = one.fire(replace(job, target=goal))
        assert len(endpoint.requests) == 20
    requests = requests_of(fired)
    assert kinds(requests) == {"": 20} if asks else {"garbage": 20}
    assert (requests.status == 200).all()
    said = "its body is compressed with 'br', which the harness does not decode"
    assert [cause.said.startswith(said) for cause in fired.causes] == ([] if asks else [True])


@pytest.mark.parametrize("loop", ["open", "closed"])
def test_an_answer_without_a_body(one: Generator, loop: str) -> None:
    with Endpoint(says(b"HTTP/1.1 204 No Content\r\n\r\n")) as endpoint:
        fired = one.fire(_either(loop, endpoint.url))
    assert kinds(requests_of(fired)) == {"": 20}
    assert set(fired.bodies.values()) == {b""}
    assert (requests_of(fired).status == 204).all()


def test_a_big_body(one: Generator) -> None:
    with Endpoint(says(message(BIG))) as endpoint:
        fired = one.fire(closed_job(endpoint.url, 2, 6))
    assert kinds(requests_of(fired)) == {"": 6}
    assert set(fired.bodies.values()) == {BIG}


def test_answers_of_different_lengths_do_not_mix(one: Generator) -> None:
    """The framing of known header blocks is remembered: it must not be used for others."""

    async def varied(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        number = len(endpoint.requests) % 12
        writer.write(message(body + b" " * number))
        return True

    with Endpoint(varied) as endpoint:
        fired = one.fire(closed_job(endpoint.url, 3, 200))
    requests = requests_of(fired)
    assert kinds(requests) == {"": 200}
    for row, body in fired.bodies.items():
        assert body.rstrip() == BODIES[requests.payload[row]]


HELLO = message(b"hello")
WRONG = {
    "not found": (says(message(b"hello", 404)), "status", 404),
    "unavailable": (says(message(b"hello", 503)), "status", 503),
    "a redirection": (says(message(b"", 302, "Location: /")), "status", 302),
    "a switch of protocols": (
        says(b"HTTP/1.1 101 Switching\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"),
        "status",
        101,
    ),
    "two lengths": (says(message(b"hello", 200, "Content-Length: 6")), "garbage", 0),
    "a coding that it has not": (
        says(message(b"hello", 200, "Content-Encoding: gzip")),
        "garbage",
        200,
    ),
    "a coding that nobody asked for": (
        says(message(b"hello", 200, "Content-Encoding: zstd")),
        "garbage",
        200,
    ),
    "another protocol": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), "garbage", 0),
    "no HTTP": (says(b"\x00\x01\x02\x03"), "garbage", 0),
    "a length that is no number": (
        says(b"HTTP/1.1 200 OK\r\nContent-Length: five\r\n\r\nhello"),
        "garbage",
        0,
    ),
    "a broken chunk": (says(CHUNKED + b"zz\r\nhello\r\n"), "garbage", 0),
    "an early close": (says(HELLO[:-2], stays=False), "disconnected", 0),
    "a close within the head": (says(HELLO[:12], stays=False), "disconnected", 0),
    "a close within a chunk": (says(CHUNKED + b"5\r\nhel", stays=False), "disconnected", 0),
    "a close instead of an answer": (says(stays=False), "disconnected", 0),
    "a body that stays out": (says(HELLO[:-5]), "timeout", 0),
    "a body that is too short": (says(HELLO[:-1]), "timeout", 0),
    "silence": (says(), "timeout", 0),
}


@pytest.mark.parametrize("loop", ["open", "closed"])
@pytest.mark.parametrize("behaviour", WRONG)
def test_a_failure_is_a_row_with_its_kind(one: Generator, loop: str, behaviour: str) -> None:
    behave, kind, status = WRONG[behaviour]
    with Endpoint(behave) as endpoint:
        fired = one.fire(_either(loop, endpoint.url, 1.0 if kind == "timeout" else LONG_S))
    requests = requests_of(fired)
    assert kinds(requests) == {kind: 20}
    assert (requests.status == status).all()
    assert (requests.done_ns >= requests.sent_ns).all()
    assert (requests.sent_ns != MISSING).all()


@pytest.mark.parametrize("loop", ["open", "closed"])
def test_a_server_that_hangs_up_at_once(one: Generator, loop: str) -> None:
    with Endpoint(None) as endpoint:
        requests = requests_of(one.fire(_either(loop, endpoint.url)))
    assert kinds(requests) == {"disconnected": 20}


@pytest.mark.parametrize("loop", ["open", "closed"])
def test_where_nothing_listens_no_connection_is_opened(generator: Generator, loop: str) -> None:
    requests = requests_of(generator.fire(_either(loop, endpoints.refused())))
    assert kinds(requests) == {"connect": 20}
    assert (requests.done_ns >= requests.sent_ns).all()
    assert (requests.status == 0).all()


@pytest.mark.parametrize("loop", ["open", "closed"])
def test_what_a_used_connection_swallowed_is_sent_once_more(one: Generator, loop: str) -> None:
    """As HTTP clients do: a server may close an idle connection at any moment."""
    used: set[Writer] = set()

    async def once_each(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        if writer in used:
            return False
        used.add(writer)
        return await echo(endpoint, body, writer)

    with Endpoint(once_each) as endpoint:
        job = replace(_either(loop, endpoint.url), concurrency=1, max_connections=1)
        fired = one.fire(job)
    requests = requests_of(fired)
    assert kinds(requests) == {"": 20}
    assert requests.resent.any()
    assert len(endpoint.requests) == 20 + requests.resent.sum()
    assert_own_answers(fired)


def test_nothing_is_sent_once_more_where_that_would_hide_a_loss(one: Generator) -> None:
    async def every_other(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        return len(endpoint.requests) % 2 == 1 and await echo(endpoint, body, writer)

    with Endpoint(every_other) as endpoint:
        job = replace(closed_job(endpoint.url, 1, 20), resends=False)
        requests = requests_of(one.fire(job))
    assert kinds(requests) == {"": 10, "disconnected": 10}
    assert not requests.resent.any()


def test_what_a_new_connection_swallowed_has_failed(one: Generator) -> None:
    with Endpoint(says(stays=False)) as endpoint:
        requests = requests_of(one.fire(closed_job(endpoint.url, 1, 5)))
    assert kinds(requests) == {"disconnected": 5}
    assert not requests.resent.any()
    assert len(endpoint.requests) == 5


@pytest.mark.parametrize("loop", ["open", "closed"])
def test_an_answer_before_the_request_is_whole_is_read(one: Generator, loop: str) -> None:
    """A server that refuses a large body says so, and hangs up while more is coming."""
    with endpoints.hasty(message(b"no", 413, "Connection: close")) as url:
        goal = target(url, [Message(BIG * 10)], ())
        job = replace(_either(loop, url), target=goal, payload=np.zeros(20, np.int64))
        requests = requests_of(one.fire(job))
    assert kinds(requests) == {"status": 20}
    assert (requests.status == 413).all()


@pytest.mark.parametrize("loop", ["open", "closed"])
def test_where_http_2_alone_is_spoken_nothing_more_is_asked(one: Generator, loop: str) -> None:
    settings = b"\0\0\x12\4\0\0\0\0\0\0\3\0\0\0\x80\0\4\0\1\0\0\0\5\0\xff\xff\xff"
    with Endpoint(says(settings, stays=False)) as endpoint:
        job = _either(loop, endpoint.url)
        if loop == "closed":
            job = replace(job, limit=None, concurrency=2)
        requests = requests_of(one.fire(job))
    found = kinds(requests)
    assert found["garbage"] >= 1
    assert not requests.ok.any()
    assert set(found) <= {"garbage", "unsent"}
    if loop == "closed":
        assert endpoint.connections <= 4, "the window is over at once"


@pytest.mark.parametrize("loop", ["open", "closed"])
def test_an_answer_after_the_time_out_is_one(one: Generator, loop: str) -> None:
    async def late(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        await asyncio.sleep(0.105)
        return await echo(endpoint, body, writer)

    with Endpoint(late) as endpoint:
        requests = requests_of(one.fire(_either(loop, endpoint.url, 0.1)))
    assert kinds(requests) == {"timeout": 20}
    assert (requests.done_ns - requests.sent_ns == 100_000_000).all()
    assert (requests.status == 0).all()


@pytest.mark.parametrize("loop", ["open", "closed"])
def test_an_answer_without_an_end_is_none(one: Generator, loop: str) -> None:
    async def endless(_: Endpoint, body: bytes, writer: Writer) -> bool:
        writer.write(CHUNKED)
        while True:
            writer.write(b"10000\r\n" + b"x" * 0x10000 + b"\r\n")
            await writer.drain()

    with Endpoint(endless) as endpoint:
        job = replace(_either(loop, endpoint.url), max_answer_bytes=1 << 20)
        requests = requests_of(one.fire(job))
    assert kinds(requests) == {"garbage": 20}


def test_a_server_that_serves_one_connection_at_a_time_is_not_starved(one: Generator) -> None:
    """It waits for a request on the connection that it has, however many others wait for it."""
    with endpoints.one_at_a_time() as url:
        job = open_job(url, Profile("open", "constant", 1.0, rate_per_s=20.0), callers=16)
        assert job.due_ns is not None
        assert kinds(requests_of(one.fire(job))) == {"": 20}
        together = replace(job, due_ns=job.due_ns // 200_000_000 * 200_000_000)
        assert kinds(requests_of(one.fire(together))) == {"": 20}


def test_a_window_begins_when_its_connections_stand(one: Generator) -> None:
    """Else a way that is long, or a slow handshake, would be the generator's lateness."""
    authority = trustme.CA()
    slow = _SlowToShake(authority)
    with Endpoint(echo, slow.context) as endpoint, authority.cert_pem.tempfile() as roots:
        job = open_job(endpoint.url, Profile("open", "constant", 0.2, rate_per_s=20.0), callers=1)
        trusting = replace(job, target=replace(job.target, trust=Trust(cacert=roots)))
        pending = one.start(trusting)
        until(lambda: pending.wait(0.1))
    assert kinds(requests_of(pending.result())) == {"": 4}
    assert slow.shaken_ns[0] < pending.start_ns


class _SlowToShake:
    """A context of TLS that takes its time in the middle of each handshake."""

    def __init__(self, authority: trustme.CA) -> None:
        self.shaken_ns: list[int] = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        authority.issue_cert("127.0.0.1").configure_cert(self.context)
        self.context.sni_callback = self._dawdle

    def _dawdle(self, *_: object) -> None:
        time.sleep(0.2)
        self.shaken_ns.append(time.monotonic_ns())


def test_no_connection_is_opened_that_nobody_needs(one: Generator) -> None:
    with Endpoint(echo) as endpoint:
        job = open_job(endpoint.url, Profile("open", "constant", 0.2, rate_per_s=5.0), callers=16)
        one.fire(job)
    assert endpoint.connections == 1


def test_a_failing_server_does_not_spoil_the_requests_after_it(one: Generator) -> None:
    async def now_and_then(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        if len(endpoint.requests) % 4 == 0:
            writer.write(HELLO[:12])
            return False
        return await echo(endpoint, body, writer)

    with Endpoint(now_and_then) as endpoint:
        fired = one.fire(closed_job(endpoint.url, 1, 40))
    assert kinds(requests_of(fired)) == {"": 30, "disconnected": 10}
    assert_own_answers(fired)


def test_requests_wait_in_line_where_connections_are_limited(one: Generator) -> None:
    with Endpoint(hold) as endpoint:
        job = open_job(endpoint.url, Profile("open", "constant", 0.15, rate_per_s=200.0), callers=2)
        pending = one.start(replace(job, max_connections=4))
        until(lambda: endpoint.busy == 4 and time.monotonic_ns() > pending.start_ns + 2_000_000_000)
        endpoint.release()
        until(lambda: pending.wait(0.1))
    fired = pending.result()
    requests = requests_of(fired)
    assert kinds(requests) == {"": 30}
    assert endpoint.connections == 4
    # The one that found a free connection did not wait; its lag is the generator's own.
    assert requests.queued.tolist() == [0] + [1] * 29
    assert len(requests.lag_ns()) == 1
    assert (np.diff(requests.sent_ns) >= 0).all(), "first come, first served"
    assert_own_answers(fired)


def test_a_burst_opens_no_more_connections_than_allowed(one: Generator) -> None:
    with Endpoint(hold) as endpoint:
        job = open_job(endpoint.url, Profile("open", "constant", 0.15, rate_per_s=200.0), callers=2)
        assert job.due_ns is not None
        burst = replace(job, due_ns=np.zeros_like(job.due_ns), max_connections=4)
        pending = one.start(burst)
        until(lambda: endpoint.busy >= 4)
        endpoint.release()
        until(lambda: pending.wait(0.1))
    assert kinds(requests_of(pending.result())) == {"": 30}
    assert endpoint.connections == 4


def test_what_waited_too_long_for_a_connection_was_never_sent(one: Generator) -> None:
    with Endpoint(hold) as endpoint:
        profile = Profile("open", "constant", 0.15, rate_per_s=200.0)
        job = open_job(endpoint.url, profile, timeout_s=1.0, callers=2)
        requests = requests_of(one.fire(replace(job, max_connections=4)))
    found = kinds(requests)
    assert set(found) == {"timeout", "unsent"}
    unsent = requests.error == ERRORS.index("unsent")
    assert (requests.sent_ns[unsent] == MISSING).all()
    assert (requests.done_ns[unsent] > requests.due_ns[unsent]).all()


def test_a_window_that_was_cut_short_leaves_nothing_to_the_next() -> None:
    with Generator([CPU, CPU]) as generator, Endpoint(hold) as endpoint, Endpoint(echo) as other:
        generator.start(closed_job(endpoint.url, 4, 8))
        until(lambda: endpoint.busy == 4)
        endpoint.release()
        fired = generator.fire(closed_job(other.url, 4, 20))
    assert kinds(requests_of(fired)) == {"": 20}
    assert len(other.requests) == 20
    assert_own_answers(fired)


def test_a_generator_process_that_is_killed_leaves_its_share_as_lost_rows() -> None:
    with Generator([CPU, CPU]) as generator, Endpoint(hold) as endpoint, Endpoint(echo) as other:
        job = open_job(endpoint.url, Profile("open", "constant", 0.3, rate_per_s=100.0))
        pending = generator.start(job)
        until(lambda: endpoint.busy == 30)
        *others, newest = _workers()
        newest.kill()
        until(lambda: len(_workers()) == len(others))
        endpoint.release()
        until(lambda: pending.wait(0.1))
        fired = pending.result()
        again = generator.fire(closed_job(other.url, 4, 20))
    requests = requests_of(fired)
    assert kinds(requests) == {"": 15, "lost": 15}
    assert job.due_ns is not None
    assert np.array_equal(requests.due_ns, job.due_ns), "every request that was due has its row"
    assert (requests.sent_ns[~requests.ok] == MISSING).all()
    assert [worker.requests for worker in fired.workers] == [15, 15]
    well, gone = fired.workers
    assert not well.lost
    assert gone.lost.startswith("it was killed (signal 9)")
    assert kinds(requests_of(again)) == {"": 20}, "another process has taken its place"
    assert not again.workers


def test_where_the_only_generator_process_is_killed_the_plan_is_left() -> None:
    with Generator([CPU]) as generator, Endpoint(hold) as endpoint:
        pending = generator.start(
            open_job(endpoint.url, Profile("open", "constant", 0.3, rate_per_s=100.0))
        )
        until(lambda: endpoint.busy == 30)
        _workers()[-1].kill()
        until(lambda: pending.wait(0.1))
        fired = pending.result()
        pending = generator.start(closed_job(endpoint.url, 4, 8))
        # Some came before the window, as many as there was time for; their senders are gone.
        until(lambda: sum(came > pending.start_ns for came in endpoint.came_ns) >= 4)
        _workers()[-1].kill()
        until(lambda: pending.wait(0.1))
    assert kinds(requests_of(fired)) == {"lost": 30}
    assert fired.elapsed_s == 0.3
    assert len(requests_of(pending.result())) == 0, "a closed loop has no plan"
    with pytest.raises(HarnessError, match=r"was lost: it was killed \(signal 9\)"):
        whole(fired)


def test_a_generator_process_that_stands_still_is_given_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "_PATIENCE_NS", 100_000_000)
    with Generator([CPU, CPU]) as generator, Endpoint(echo) as endpoint:
        generator.make_ready()
        _workers()[-1].send_signal(signal.SIGSTOP)
        with pytest.raises(HarnessError, match="did not begin in time"):
            generator.start(closed_job(endpoint.url, 4, seconds=0.2, timeout_s=0.5))
        assert kinds(requests_of(generator.fire(closed_job(endpoint.url, 4, 20)))) == {"": 20}


def test_generator_processes_end_with_the_context() -> None:
    before = {worker.pid for worker in _workers()}
    with Generator([CPU, CPU]):
        assert len({worker.pid for worker in _workers()} - before) == 2
    assert {worker.pid for worker in _workers()} == before


def _workers() -> list[psutil.Process]:
    """Generator processes of this one, the newest last."""
    children = map(psutil.Process, children_of(os.getpid()))
    return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.slow
def test_a_server_that_stands_still_shows_in_the_response_time() -> None:
    """A server frozen for 1 s of a 10 s open-loop window at 200/s: what arithmetic says.

    The 200 of 2000 requests that fall due in the freeze wait for its end: 0 to 1 s, spread evenly.
    So a tenth of all waits, the median knows nothing of it, and the 99th percentile of all is the
    90th of the tenth: nine tenths of the freeze. Coordinated omission would show one slow request.

    The freeze is as long as it was, not as it was meant. No answer is sooner than arithmetic says.
    Later it may be by 5 ms between requests that are due, 50 ms in which a shared host schedules
    the woken server and works off the line of 200, and what this host, busy as it may be, makes
    others wait that were due before the freeze.
    """
    slack_s = 0.055
    with endpoints.null_server() as (url, server), Generator([CPU]) as generator:
        profile = Profile("open", "constant", 10.0, rate_per_s=200.0)
        pending = generator.start(open_job(url, profile, timeout_s=LONG_S, callers=16))
        pending.wait((pending.start_ns + 4_500_000_000 - time.monotonic_ns()) / 1e9)
        os.kill(server.pid, signal.SIGSTOP)
        frozen = time.monotonic_ns()
        pending.wait((frozen + 1_000_000_000 - time.monotonic_ns()) / 1e9)
        os.kill(server.pid, signal.SIGCONT)
        freeze_s = (time.monotonic_ns() - frozen) / 1e9
        until(lambda: pending.wait(1.0))
    requests = requests_of(pending.result())
    assert kinds(requests) == {"": 2000}
    response_s = requests.response_ns() / 1e9
    due_s = (requests.due_ns + pending.start_ns - frozen) / 1e9
    within = (due_s >= 0) & (due_s < freeze_s)
    answered_before = due_s + response_s < 0
    busy_s = 3 * response_s[answered_before].max() + slack_s

    assert within.sum() == pytest.approx(200 * freeze_s, abs=1)
    left_s = freeze_s - due_s[within]
    assert (response_s[within] >= left_s - slack_s).all()
    assert (response_s[within] <= left_s + busy_s).all()
    assert (response_s > slack_s).mean() >= 0.1 * freeze_s - 0.012
    assert np.percentile(response_s, 99) >= 0.9 * freeze_s - slack_s
    assert response_s.max() <= freeze_s + busy_s
    assert np.percentile(response_s, 50) <= busy_s


def test_an_answer_counts_from_when_it_came_not_from_when_it_was_seen() -> None:
    """What a busy generator takes notice of late is not the server's lateness."""
    with Generator([CPU]) as generator, Endpoint(hold) as endpoint:
        pending = generator.start(
            open_job(endpoint.url, Profile("open", "constant", 0.04, rate_per_s=100.0))
        )
        # Some came before the window, as many as there was time for; their senders are gone.
        until(lambda: sum(came > pending.start_ns for came in endpoint.came_ns) >= 4)
        (worker,) = _workers()[-1:]
        worker.suspend()
        endpoint.release()
        until(lambda: endpoint.busy == 0)
        released_ns = time.monotonic_ns()
        time.sleep(0.5)
        worker.resume()
        until(lambda: pending.wait(0.1))
    fired = pending.result()
    requests = requests_of(fired)
    assert kinds(requests) == {"": 4}
    assert_in_order(fired)
    assert_own_answers(fired)
    # Half of the time that the generator stood still: the answers were written a moment before.
    assert requests.done_ns.max() + pending.start_ns < released_ns + 250_000_000


def test_no_caller_begins_before_the_window(one: Generator) -> None:
    with Endpoint(echo) as endpoint:
        for _ in range(10):
            requests = requests_of(one.fire(closed_job(endpoint.url, 2, 4)))
            assert (requests.sent_ns >= 0).all()
