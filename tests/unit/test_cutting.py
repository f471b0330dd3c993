"""What is left of a window that was cut short."""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from dataclasses import fields

import numpy as np
import pytest
import uvloop

from harness.measure.campaign import interruption
from harness.measure.load.generator import cutting, pool, worker
from harness.measure.load.generator.job import Fired, Job, Target
from harness.measure.load.generator.reaching import Known
from harness.measure.load.swarm import wire
from harness.windows.samples import MISSING, Requests
from tests.system.endpoints import Endpoint, echo


def fired(done: list[int], cut_s: float | None = None) -> Fired:
    stamps = np.array(done, np.int64)
    names = [field.name for field in fields(Requests) if field.name != "done_ns"]
    columns = {name: np.arange(len(done), dtype=np.int64) for name in names}
    return Fired(
        columns={**columns, "done_ns": stamps},
        bodies={row: str(row).encode() for row in range(len(done))},
        cpu_s=0.5,
        elapsed_s=3600.0,
        cut_s=cut_s,
    )


def test_what_has_no_end_is_left_out_and_counted() -> None:
    found = cutting.fitted(fired([5, MISSING, 2_000_000_000, MISSING]), 1_500_000_000)
    assert found.columns["payload"].tolist() == [0, 2]
    assert (found.cut_s, found.elapsed_s, found.unanswered) == (1.5, 2.0, 2)
    assert found.bodies == {0: b"0", 1: b"2"}


def test_a_cut_before_the_start_is_no_negative_time() -> None:
    found = cutting.fitted(fired([]), -5)
    assert found.cut_s is not None
    assert 0 < found.cut_s < 1e-6


def test_shares_that_were_cut_short_are_one_window() -> None:
    parts = [cutting.fitted(fired([5, MISSING]), cut) for cut in (1_000_000_000, 1_100_000_000)]
    whole = pool.merge(parts)
    assert (whole.cut_s, whole.unanswered, len(whole.columns["due_ns"])) == (1.1, 2, 2)
    assert pool.merge([fired([5]), fired([6])]).cut_s is None
    found = wire.unpack_fired(wire.pack_fired(whole))
    assert (found.cut_s, found.unanswered) == (1.1, 2)


@pytest.mark.parametrize("is_open", [True, False], ids=["open", "closed"])
def test_an_order_ends_a_window(is_open: bool) -> None:
    orders, its_end = os.pipe()
    with Endpoint(echo) as endpoint, os.fdopen(orders, "rb") as read, os.fdopen(its_end, "wb") as w:
        due = np.arange(3600, dtype=np.int64) * 10_000_000 if is_open else None
        port = int(endpoint.url.rpartition(":")[2].partition("/")[0])
        goal = Target(
            host="127.0.0.1", port=port, tls=False, messages=(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n",)
        )
        payload = np.zeros(3600 if is_open else 1, np.int64)
        start_ns = time.monotonic_ns()
        job = Job(
            target=goal,
            start_ns=start_ns,
            duration_ns=3_600_000_000_000,
            payload=payload,
            due_ns=due,
            concurrency=1,
            limit=None,
            timeout_ns=10_000_000_000,
            keep_every=0,
        )

        def order() -> None:
            while len(endpoint.requests) < 5:
                time.sleep(0.01)
            for _ in range(2):  # once more does no harm
                pickle.dump(None, w)
                w.flush()

        other = threading.Thread(target=order)
        other.start()
        found = uvloop.run(worker.fire(job, Known(), time.monotonic_ns, read))
        other.join()
    assert found.cut_s is not None
    assert 0 < found.cut_s < 3600
    assert len(found.columns["done_ns"]) == len(endpoint.requests) >= 5
    assert found.unanswered == 0
    assert not found.columns["error"].any()


def test_a_signal_is_noted_and_a_second_one_passed_over() -> None:
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    with interruption.noted() as came:
        assert not came()
    assert {number: signal.getsignal(number) for number in before} == before
    try:
        with interruption.noted() as came:
            signal.raise_signal(signal.SIGTERM)
            signal.raise_signal(signal.SIGINT)
            assert came()
        signal.raise_signal(signal.SIGINT)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_lost_process_is_no_reason_to_fail_a_cut() -> None:
    with pool.Generator([min(os.sched_getaffinity(0))]) as generator:
        generator.cut()  # nothing is under way
        goal = Target(host="127.0.0.1", port=9, tls=False, messages=(b"GET / HTTP/1.1\r\n\r\n",))
        payload = np.zeros(1, np.int64)
        pending = generator.start(
            Job(
                target=goal,
                start_ns=0,
                duration_ns=10**12,
                payload=payload,
                due_ns=None,
                concurrency=1,
                limit=None,
                timeout_ns=10**9,
                keep_every=0,
            )
        )
        for process in generator._workers:
            process.kill()
            process.wait()
        generator.cut()
        assert pending.wait(10)
        (worker,) = pending.result().workers
        assert "it was killed (signal 9)" in worker.lost
