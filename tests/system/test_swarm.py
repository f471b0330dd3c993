"""The driver `locust`: N workers send what one would, and what is lost is said to be."""

from __future__ import annotations

import asyncio
import gzip
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.analyse.run import findings
from harness.analyse.run.context import WindowContext
from harness.base import paths
from harness.base.errors import HarnessError, UsageError
from harness.measure.launch.launchers.ports import free_ports
from harness.measure.load.generator.job import Fired, Job
from harness.measure.load.generator.pool import Generator, requests_of
from harness.measure.load.swarm.swarm import Swarm
from harness.measure.talk.target import target
from harness.protocols import Message
from harness.stored.records import Window, WindowFacts
from harness.windows.causes import told
from harness.windows.profiles import Profile, due_times
from harness.windows.samples import ERRORS, MISSING, Calls, Usage, empty
from tests.system.endpoints import Endpoint, Writer, echo, hold
from tests.system.sandbox import LONG_S, children_of, until

pytestmark = pytest.mark.slow

CPU = max(os.sched_getaffinity(0))
HOST = "127.0.0.1"
ADDRESSES = ("127.0.0.2", "127.0.0.3", "127.0.0.4")
PATIENT_NS = 600 * 10**9  # nothing is late because this machine is busy
ELSEWHERE_S = 100_000  # how far the clock of another machine is ahead


@pytest.fixture(scope="module")
def own() -> Iterator[Swarm]:
    """Two workers that it started itself; that they share a CPU does not matter here."""
    with Swarm(HOST, 0, [CPU, CPU], None) as swarm:
        yield swarm


@contextmanager
def elsewhere(*prefixes: list[str]) -> Iterator[Swarm]:
    """Workers that somebody started, each with an address of its own and perhaps a clock."""
    (port,) = free_ports(1)
    command = [sys.executable, "-m", "harness", "worker", f"{HOST}:{port}", "--cpus", str(CPU)]
    with ExitStack() as stack:
        started = []
        for prefix, address in zip(prefixes, ADDRESSES, strict=False):
            line = [*prefix, *command, "--address", address]
            started.append(stack.enter_context(_ended(line)))
        with Swarm(HOST, port, [], len(started)) as swarm:
            yield swarm
        # The master has told them to go home.
        assert [process.wait(LONG_S) for process in started] == [0] * len(started)


@contextmanager
def _ended(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command, cwd=paths.PROJECT, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()
        process.wait(LONG_S)


def schedule(url: str, profile: Profile, *, think_s: float | None = None) -> Job:
    """Each request has a body of its own, so that one which is sent twice shows."""
    due = due_times(profile, seed=3) if profile.is_open else None
    count = 5000 if due is None else len(due)
    bodies = [f'{{"instances": ["{number}"]}}'.encode() for number in range(count)]
    goal = target(url, map(Message, bodies), (("Content-Type", "application/json"),))
    order = np.random.default_rng(5).permutation(count)
    callers = profile.concurrency or 4
    duration_ns = int(profile.duration_s * 1e9)
    thinking = None if think_s is None else int(think_s * 1e9)
    return Job(
        target=goal,
        start_ns=0,
        duration_ns=duration_ns,
        payload=order,
        due_ns=due,
        concurrency=callers,
        limit=None,
        timeout_ns=PATIENT_NS,
        keep_every=1,
        think_ns=thinking,
    )


def kinds(fired: Fired) -> Counter[str]:
    return Counter(ERRORS[code] for code in fired.columns["error"])


def assert_own_answers(job: Job, fired: Fired) -> None:
    """Each kept body, which the server echoes, belongs to the request in its row."""
    assert set(fired.bodies) == set(np.flatnonzero(fired.columns["error"] == 0).tolist())
    for row, body in fired.bodies.items():
        sent = job.target.messages[fired.columns["payload"][row]]
        assert sent.endswith(b"\r\n\r\n" + body)


def doubts(profile: Profile, fired: Fired) -> dict[str, str]:
    facts = WindowFacts(
        profile=profile,
        elapsed_s=fired.elapsed_s,
        generator_cpu_s=0.0,
        generator_cpus=0,
        steal_share=None,
        checked=0,
        wrong=0,
        workers=fired.workers,
    )
    window = Window(
        facts=facts, requests=requests_of(fired), usage=empty(Usage), calls=empty(Calls)
    )
    context = WindowContext(window=window)
    return {found.name: str(found.verdict) for found in findings.of_window(context)}


OPEN = Profile("open", "poisson", 1.0, rate_per_s=300.0)


def test_three_workers_on_three_addresses_send_what_one_process_would() -> None:
    with Endpoint(echo) as one, Generator([CPU]) as generator:
        alone = generator.fire(schedule(one.url, OPEN))
    with Endpoint(echo) as endpoint, elsewhere([], [], []) as swarm:
        job = schedule(endpoint.url, OPEN)
        fired = swarm.fire(job)
    for name in ("due_ns", "payload", "error", "status"):
        np.testing.assert_array_equal(fired.columns[name], alone.columns[name])
    assert Counter(endpoint.bodies) == Counter(one.bodies)
    assert set(Counter(endpoint.bodies).values()) == {1}, "no request twice"
    assert len(endpoint.bodies) == len(job.payload), "and none missing"
    assert set(endpoint.peers) == set(ADDRESSES)
    assert_own_answers(job, fired)
    shares = sorted(worker.requests for worker in fired.workers)
    assert sum(shares) == len(job.payload)
    assert shares[-1] - shares[0] <= 1
    for worker in fired.workers:
        assert worker.lost == ""
        # They are all on this machine, which has one clock.
        assert abs(worker.offset_ns) <= worker.uncertainty_ns
        assert worker.drift_ns is not None


def _another_clock() -> list[str]:
    """A command line's beginning that gives what follows a clock of its own."""
    prefix = ["unshare", "--map-root-user", "--time", "--monotonic", str(ELSEWHERE_S), "--fork"]
    try:
        possible = subprocess.run([*prefix, "true"], capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("unshare is missing (util-linux)")
    if possible.returncode:
        pytest.skip(f"time namespaces can't be made here: {possible.stderr.decode().strip()}")
    return [*prefix, "--kill-child"]


def test_a_worker_with_another_clock_begins_with_the_others() -> None:
    with Endpoint(echo) as endpoint, elsewhere([], _another_clock()) as swarm:
        job = schedule(endpoint.url, OPEN)
        pending = swarm.start(job)
        until(lambda: pending.wait(0.1))
        fired = pending.result()
    assert kinds(fired) == {"": len(job.payload)}
    ahead = sorted(fired.workers, key=lambda worker: worker.offset_ns)
    for worker, seconds in zip(ahead, (0, ELSEWHERE_S), strict=True):
        # Its clock was set once, to the nanosecond, when its namespace was made.
        assert abs(worker.offset_ns - seconds * 10**9) <= worker.uncertainty_ns
    # As the server saw it: a share that began a second early or late would be apart. A busy machine
    # makes requests late, though hardly all of them, and none early.
    place = {body: row for row, body in fired.bodies.items()}
    late_ns: dict[str, list[int]] = {}
    for body, peer, came_ns in zip(endpoint.bodies, endpoint.peers, endpoint.came_ns, strict=True):
        due_ns = int(fired.columns["due_ns"][place[body]]) + pending.start_ns
        late_ns.setdefault(peer, []).append(came_ns - due_ns)
    unsure_ns = max(worker.uncertainty_ns for worker in fired.workers)
    assert all(-unsure_ns <= min(each) < 0.9e9 for each in late_ns.values())
    assert set(endpoint.peers) == set(ADDRESSES[:2])


@pytest.mark.parametrize("callers", [1, 5])
def test_callers_are_shared_out(own: Swarm, callers: int) -> None:
    with Endpoint(echo) as endpoint:
        job = schedule(endpoint.url, Profile("closed", "closed", 1.0, concurrency=callers))
        fired = own.fire(job)
    assert kinds(fired) == {"": len(endpoint.requests)}
    assert endpoint.connections == callers
    assert endpoint.most_busy <= callers
    assert (fired.columns["due_ns"] == MISSING).all()
    assert (np.diff(fired.columns["sent_ns"]) >= 0).all()
    assert len(fired.workers) == min(callers, 2)
    assert_own_answers(job, fired)


def test_a_killed_worker_is_noticed_and_its_share_is_lost() -> None:
    profile = Profile("open", "constant", 2.0, rate_per_s=100.0)
    with Endpoint(hold) as endpoint, Swarm(HOST, 0, [CPU, CPU], None) as swarm:
        job = schedule(endpoint.url, profile)
        pending = swarm.start(job)
        until(lambda: len(endpoint.requests) > 20)  # the window can't end before they are answered
        os.kill(_workers()[0], 9)
        endpoint.release()
        until(lambda: pending.wait(0.1))
        fired = pending.result()
        after = swarm.fire(job)
    lost = [worker for worker in fired.workers if worker.lost]
    assert [worker.lost for worker in lost] == ["its heartbeats stopped"]
    assert lost[0].requests == 100
    assert lost[0].drift_ns is None
    np.testing.assert_array_equal(fired.columns["due_ns"], job.due_ns)
    np.testing.assert_array_equal(fired.columns["payload"], job.payload)
    assert kinds(fired) == {"": 100, "lost": 100}
    gone = fired.columns["error"] == ERRORS.index("lost")
    assert (fired.columns["sent_ns"][gone] == MISSING).all()
    assert doubts(profile, fired)["worker-lost"] == "INVALID"
    assert kinds(after) == {"": 200}, "another one has taken its place"
    assert "worker-lost" not in doubts(profile, after)


def test_a_killed_generator_process_is_noticed_at_once(own: Swarm) -> None:
    with Endpoint(hold) as endpoint:
        profile = Profile("open", "constant", 0.3, rate_per_s=100.0)
        pending = own.start(schedule(endpoint.url, profile))
        until(lambda: endpoint.busy == 30)
        os.kill(children_of(_workers()[0])[0], 9)
        endpoint.release()
        until(lambda: pending.wait(0.1))
    fired = pending.result()
    assert kinds(fired) == {"": 15, "lost": 15}
    assert {worker.lost for worker in fired.workers} == {"", "its generator process ended"}
    with Endpoint(echo) as other:
        assert kinds(own.fire(schedule(other.url, OPEN))) == {"": len(other.requests)}


def test_a_window_that_was_cut_short_leaves_nothing_to_the_next(own: Swarm) -> None:
    with Endpoint(hold) as endpoint, Endpoint(echo) as other:
        own.start(schedule(endpoint.url, Profile("closed", "closed", 9.0, concurrency=4)))
        until(lambda: endpoint.busy == 4)
        job = schedule(other.url, OPEN)
        fired = own.fire(job)
        endpoint.release()
    assert kinds(fired) == {"": len(job.payload)}
    assert len(other.requests) == len(job.payload)
    assert_own_answers(job, fired)


PEOPLE = Profile("people", "users", 3.0, concurrency=6, think_s=0.05)


def test_users_think_between_their_requests(own: Swarm) -> None:
    with Endpoint(echo) as endpoint:
        job = schedule(endpoint.url, PEOPLE, think_s=PEOPLE.think_s)
        fired = own.fire(job)
        requests = requests_of(fired)
    assert kinds(fired) == {"": len(endpoint.requests)}
    assert len(requests) > 6
    assert (requests.due_ns == MISSING).all()
    assert ((requests.sent_ns > 0) & (requests.sent_ns < 3e9)).all()
    assert (requests.done_ns > requests.sent_ns).all()
    assert endpoint.most_busy <= 6
    assert endpoint.connections == 6, "each keeps its own"
    assert len(set(endpoint.bodies)) == len(endpoint.bodies)
    assert_own_answers(job, fired)
    heads = {head.split(b"\r\n")[0] for head in endpoint.requests}
    assert heads == {b"POST /predict HTTP/1.1"}
    assert all(b"Content-Type: application/json" in head for head in endpoint.requests)


async def _unavailable(_: Endpoint, body: bytes, writer: Writer) -> bool:
    writer.write(b"HTTP/1.1 503 No\r\nContent-Length: 4\r\nLocation: /b\r\n\r\nbusy")
    return True


async def _twice(_: Endpoint, body: bytes, writer: Writer) -> bool:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nbusy")
    return True


async def _hangs_up(*_: Any) -> bool:
    return False


async def _never(*_: Any) -> bool:
    await asyncio.sleep(60)
    return False


@pytest.mark.parametrize(
    ("behave", "kind", "status", "cause"),
    [
        (_unavailable, "status", 503, "status (503 to /b 'busy')"),
        (_hangs_up, "disconnected", 0, "disconnected (closed by the server)"),
        (_never, "timeout", 0, "timeout"),
        (_twice, "garbage", 0, "garbage (malformed: Duplicate Content-Length)"),
    ],
)
def test_what_users_meet_is_a_row_with_its_kind_and_cause(
    own: Swarm, behave: Any, kind: str, status: int, cause: str
) -> None:
    with Endpoint(behave) as endpoint:
        job = schedule(endpoint.url, PEOPLE, think_s=PEOPLE.think_s)
        fired = own.fire(replace(job, timeout_ns=2 * 10**8, duration_ns=6 * 10**8))
    assert set(kinds(fired)) == {kind}
    assert set(fired.columns["status"].tolist()) == {status}
    assert told(kinds(fired), fired.causes) == f"{len(fired.columns['error'])} {cause}"


async def _compressed(_: Endpoint, body: bytes, writer: Writer) -> bool:
    made = gzip.compress(body)
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n")
    writer.write(b"%x\r\n%b\r\n0\r\n\r\n" % (len(made), made))
    return True


def test_users_undo_what_compresses_a_transfer(own: Swarm) -> None:
    with Endpoint(_compressed) as endpoint:
        job = schedule(endpoint.url, PEOPLE, think_s=PEOPLE.think_s)
        fired = own.fire(replace(job, duration_ns=6 * 10**8))
    assert kinds(fired) == {"": len(fired.bodies)}
    assert_own_answers(job, fired)


def test_nobody_patches_the_harness() -> None:
    program = (
        "import sys; from harness.measure.load.swarm.swarm import Swarm\n"
        f"with Swarm({HOST!r}, 0, [{CPU}], None) as swarm: swarm.make_ready()\n"
        "print([name for name in ('gevent', 'locust') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=paths.PROJECT, capture_output=True, check=False
    )
    assert done.stdout == b"[]\n", done.stderr


def test_a_port_that_is_taken() -> None:
    with Swarm(HOST, 0, [CPU], None) as swarm:
        port = int(swarm._address[1])
        with pytest.raises(UsageError, match=f"can't listen at {HOST}:{port}"):
            Swarm(HOST, port, [], 1)


@pytest.mark.parametrize("seen", [True, False])
def test_a_master_that_was_ended_is_replaced(seen: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also in the moment in which its pipes are closed and its process is still there."""
    with Swarm(HOST, 0, [CPU], None) as swarm, Endpoint(hold) as endpoint:
        job = schedule(endpoint.url, OPEN)
        pending = swarm.start(job)  # it can't end before its requests are answered
        swarm._master.kill()
        with pytest.raises(HarnessError, match="Locust's master ended"):
            until(lambda: pending.wait(0.1))
        if not seen:
            monkeypatch.setattr(swarm._master, "poll", lambda: None)
        endpoint.release()
        assert kinds(swarm.fire(job)) == {"": len(job.payload)}


def test_its_processes_end_with_the_context() -> None:
    before = children_of(os.getpid())
    with Swarm(HOST, 0, [CPU], None):
        started = set(children_of(os.getpid())) - set(before)
        assert len(started) == 2
        below = [pid for parent in started for pid in children_of(parent)]
    assert set(children_of(os.getpid())) == set(before)
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in below))


def test_a_master_whose_harness_is_gone_ends_without_a_word() -> None:
    command = [sys.executable, "-m", "harness.measure.load.swarm.master", "127.0.0.1", "0"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe) as master:
        for stream in (master.stdout, master.stdin):
            assert stream is not None
            stream.close()
        assert master.stderr is not None
        assert master.stderr.read() == b""
    assert master.returncode == 0


def _workers() -> list[int]:
    """Workers of Locust that this process started, the newest last."""
    found = []
    for pid in children_of(os.getpid()):
        if b"harness.measure.load.swarm.locust_worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
            found.append(pid)
    return found[-2:]
