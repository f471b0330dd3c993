"""The driver over gRPC: the same schedules and records as over HTTP."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent import futures
from dataclasses import replace
from typing import Any

import grpc
import numpy as np
import pytest

from harness.measure.load.generator.job import Fired, Job
from harness.measure.load.generator.pool import Generator, requests_of
from harness.measure.talk.target import rpc_target
from harness.protocols import Message
from harness.windows.profiles import Profile, due_times, payload_order
from harness.windows.samples import ERRORS, MISSING
from tests.exchanges import Lines, Obedient
from tests.system.endpoints import HOST, refused
from tests.system.sandbox import LONG_S

pytestmark = pytest.mark.slow

METHOD = "/some.Service/Predict"
BODIES = [b"zero", b"one", b"two"]
Answer = Callable[[bytes, grpc.ServicerContext], bytes]


class Service(grpc.GenericRpcHandler):  # type: ignore[misc]
    """Answers each call with what the test chooses."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.metadata: list[tuple[str, str]] = []

    def service(self, details: Any) -> Any:
        self.metadata.extend(details.invocation_metadata)
        return grpc.unary_unary_rpc_method_handler(self.answer)


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], tuple[str, Service]]]:
    servers = []

    def start(answer: Answer) -> tuple[str, Service]:
        server = grpc.server(futures.ThreadPoolExecutor(4))
        service = Service(answer)
        server.add_generic_rpc_handlers((service,))
        port = server.add_insecure_port(f"{HOST}:0")
        server.start()
        servers.append(server)
        return f"http://{HOST}:{port}", service

    yield start
    for server in servers:
        server.stop(None).wait()


@pytest.fixture(scope="module")
def generator() -> Iterator[Generator]:
    with Generator((0,)) as made:
        yield made


def job(url: str, profile: Profile, timeout_s: float = LONG_S, limit: int | None = None) -> Job:
    due = due_times(profile, 1) if profile.is_open else None
    order = payload_order(len(BODIES), 4096 if due is None else len(due), seed=3)
    goal = rpc_target(url, map(Message, BODIES), (("Authorization", "me"),), METHOD)
    callers = profile.concurrency or 4
    window_ns, timeout_ns = int(profile.duration_s * 1e9), int(timeout_s * 1e9)
    return Job(
        target=goal,
        start_ns=0,
        duration_ns=window_ns,
        payload=order,
        due_ns=due,
        concurrency=callers,
        limit=limit,
        timeout_ns=timeout_ns,
        keep_every=1,
    )


def kinds(fired: Fired) -> set[str]:
    return {ERRORS[code] for code in requests_of(fired).error}


def echo(body: bytes, _: grpc.ServicerContext) -> bytes:
    return body


def test_an_open_loop_delivers_every_call_once(
    generator: Generator, serve: Callable[[Answer], tuple[str, Service]]
) -> None:
    url, service = serve(echo)
    order = job(url, Profile("open", "poisson", 0.5, rate_per_s=200.0))
    fired = generator.fire(order)
    requests = requests_of(fired)
    assert kinds(fired) == {""}
    np.testing.assert_array_equal(requests.due_ns, order.due_ns)
    np.testing.assert_array_equal(requests.payload, order.payload)
    assert (requests.sent_ns >= requests.due_ns).all()
    assert (requests.done_ns > requests.sent_ns).all()
    assert (requests.first_byte_ns == MISSING).all()  # gRPC does not show it
    assert [fired.bodies[row] for row in range(len(requests))] == [
        BODIES[place] for place in requests.payload
    ]
    assert ("authorization", "me") in service.metadata


def test_a_closed_loop_keeps_its_callers(
    generator: Generator, serve: Callable[[Answer], tuple[str, Service]]
) -> None:
    busy, most, lock = [0], [0], threading.Lock()

    def answer(body: bytes, _: grpc.ServicerContext) -> bytes:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        time.sleep(0.005)
        with lock:
            busy[0] -= 1
        return body

    url, _ = serve(answer)
    profile = Profile("closed", "closed", LONG_S, concurrency=3)
    fired = generator.fire(job(url, profile, limit=60))
    requests = requests_of(fired)
    assert kinds(fired) == {""}
    assert most[0] <= 3
    assert (requests.due_ns == MISSING).all()
    assert len(requests) == 60


def test_no_more_calls_than_the_limit(
    generator: Generator, serve: Callable[[Answer], tuple[str, Service]]
) -> None:
    url, _ = serve(echo)
    profile = Profile("closed", "closed", LONG_S, concurrency=2)
    assert len(requests_of(generator.fire(job(url, profile, limit=7)))) == 7


def refuse(_: bytes, context: grpc.ServicerContext) -> bytes:
    context.abort(grpc.StatusCode.INVALID_ARGUMENT, "no")
    return b""


def dawdle(body: bytes, _: grpc.ServicerContext) -> bytes:
    time.sleep(0.6)
    return body


@pytest.mark.parametrize("shape", ["constant", "closed"])
@pytest.mark.parametrize(
    ("answer", "kind", "status"), [(refuse, "status", 3), (dawdle, "timeout", 0)]
)
def test_a_failure_is_a_row_with_its_kind(
    generator: Generator,
    serve: Callable[[Answer], tuple[str, Service]],
    shape: str,
    answer: Answer,
    kind: str,
    status: int,
) -> None:
    url, _ = serve(answer)
    closed = shape == "closed"
    profile = Profile(
        "p", shape, 0.2, rate_per_s=None if closed else 20.0, concurrency=2 if closed else None
    )
    fired = generator.fire(job(url, profile, timeout_s=0.2))
    assert kinds(fired) == {kind}
    assert set(requests_of(fired).status.tolist()) == {status}


@pytest.mark.parametrize("shape", ["constant", "closed"])
def test_nobody_there(generator: Generator, shape: str) -> None:
    closed = shape == "closed"
    profile = Profile(
        "p", shape, 0.2, rate_per_s=None if closed else 20.0, concurrency=2 if closed else None
    )
    fired = generator.fire(job(refused().removesuffix("/predict"), profile, timeout_s=0.3))
    assert kinds(fired) <= {"connect", "timeout", "disconnected"}
    assert "" not in kinds(fired)


# --- requests that go on --------------------------------------------------------------------------

PROFILES = [
    Profile("open", "constant", 0.1, rate_per_s=200.0),
    Profile("closed", "closed", LONG_S, concurrency=4),
]


def going_on(url: str, profile: Profile, timeout_s: float = LONG_S, limit_s: float = LONG_S) -> Job:
    made = job(url, profile, timeout_s, None if profile.is_open else 20)
    return replace(made, target=replace(made.target, exchanges=Obedient(limit_s)))


def thrice(body: bytes, _: grpc.ServicerContext) -> bytes:
    if body in BODIES:
        return b"wait"
    return b"other" if json.loads(body)[1] == 2 else b"again"


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_a_request_goes_on_until_its_last_answer(
    generator: Generator, serve: Callable[[Answer], tuple[str, Service]], profile: Profile
) -> None:
    url, _ = serve(thrice)
    fired = generator.fire(going_on(url, profile))
    requests = requests_of(fired)
    assert kinds(fired) == {""}
    assert len(requests) == 20
    assert set(fired.bodies.values()) == {b"what is judged"}
    assert (requests.done_ns - requests.sent_ns >= 30_000_000).all()


@pytest.mark.parametrize("profile", PROFILES, ids=str)
@pytest.mark.parametrize(
    ("reply", "kind", "why"),
    [
        (b"fail", "failed", ("failed", "on purpose")),
        (b"raise", "garbage", ("malformed", "ZeroDivisionError: as of a protocol with a mistake")),
    ],
)
def test_a_request_that_fails_after_an_answer(
    generator: Generator,
    serve: Callable[[Answer], tuple[str, Service]],
    profile: Profile,
    reply: bytes,
    kind: str,
    why: tuple[str, str],
) -> None:
    url, _ = serve(lambda _, __: reply)
    fired = generator.fire(going_on(url, profile))
    assert kinds(fired) == {kind}
    assert (fired.columns["status"] == 200).all()
    assert [(cause.kind, cause.said, cause.count) for cause in fired.causes] == [(*why, 20)]


@pytest.mark.parametrize("profile", PROFILES, ids=str)
def test_a_request_that_never_ends_has_timed_out(
    generator: Generator, serve: Callable[[Answer], tuple[str, Service]], profile: Profile
) -> None:
    url, _ = serve(lambda _, __: b"wait")
    requests = requests_of(generator.fire(going_on(url, profile, limit_s=0.2)))
    assert {ERRORS[code] for code in requests.error} == {"timeout"}
    assert (requests.done_ns - requests.sent_ns == 200_000_000).all()


def test_pieces_of_answers_are_rows(
    generator: Generator, serve: Callable[[Answer], tuple[str, Service]]
) -> None:
    url, _ = serve(lambda _, __: b"one two\nthree\nend\n")
    made = job(url, PROFILES[0])
    fired = generator.fire(replace(made, target=replace(made.target, exchanges=Lines())))
    assert kinds(fired) == {""}
    assert fired.chunks.count.tolist() == [2, 1] * 20
    assert (fired.chunks.at_ns <= fired.columns["done_ns"][fired.chunks.request]).all()
