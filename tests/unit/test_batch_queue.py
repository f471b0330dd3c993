"""The law of a batching server's queue, from windows of servers whose truth is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from harness.queues import batch_law, batch_queue, queueing
from harness.queues.batch_law import BatchLaw
from harness.queues.queueing import Queue
from harness.setup.slo import parse
from harness.stored.records import Window, WindowFacts
from harness.windows.profiles import Profile
from harness.windows.samples import Calls, Requests, Usage, empty
from tests.in_turn import ALONE, MS, SATURATED

SLO = parse("p99<50ms")


@dataclass(frozen=True)
class Batching:
    """Merges what waits: a batch of n takes 5 ms and 3 ms an instance; some work around it."""

    wait_ms: float = 0.0
    around_ms: float = 1.0  # that keeps the next batch out, half of it on either side
    beside_ms: float = 0.5  # that does not
    most: int = 8
    speed: float = 1.0

    def model(self, batch: int) -> float:
        return (5.0 + 3.0 * batch) * MS / self.speed

    def occupied(self, batch: int) -> float:
        return self.model(batch) + self.around_ms * MS / self.speed

    def poisson(self, rate: float, seconds: float, seed: int) -> Window:
        due = np.sort(np.random.default_rng(seed).uniform(0, seconds * 1e9, int(rate * seconds)))
        left = batch_law.departures(due, self.occupied, self.most, self.wait_ms * MS)
        profile = Profile(f"probe-{seed}", "poisson", seconds, rate_per_s=rate)
        return self._window(profile, due, due, left)

    def closed(self, profile: Profile) -> Window:
        """Callers whose answers come together ask together again."""
        callers, wait = profile.concurrency or 1, self.wait_ms * MS
        size = min(callers, self.most)
        sent, left = list[float](), list[float]()
        now = 0.0
        while now < profile.duration_s * 1e9:
            start = now + (0.0 if size == self.most else wait)
            sent += [now] * size
            left += [start + self.occupied(size)] * size
            now = left[-1] + self.beside_ms * MS / self.speed
        nothing = np.full(len(sent), -1.0)
        return self._window(profile, nothing, np.array(sent), np.array(left))

    def _window(self, profile: Profile, due: Any, sent: Any, left: Any) -> Window:
        done = left + self.beside_ms * MS / self.speed
        zeros = np.zeros(len(due), np.int64)
        ends, batch = np.unique(left, return_counts=True)
        taken = np.array([self.model(int(size)) for size in batch])
        start = ends - self.around_ms * MS / self.speed / 2 - taken
        due, sent, done = (each.astype(np.int64) for each in (due, sent, done))
        requests = Requests(
            payload=zeros,
            due_ns=due,
            sent_ns=sent,
            first_byte_ns=done,
            done_ns=done,
            status=zeros + 200,
            error=zeros,
            queued=zeros,
            resent=zeros,
        )
        calls = Calls(
            start_ns=start.astype(np.int64),
            duration_ns=taken.astype(np.int64),
            batch=batch.astype(np.int64),
            process=np.zeros(len(batch), np.int64),
            thread_cpu_ns=taken.astype(np.int64),
        )
        facts = WindowFacts(
            profile=profile,
            elapsed_s=profile.duration_s,
            generator_cpu_s=0.1,
            generator_cpus=1,
            steal_share=0.0,
            checked=0,
            wrong=0,
        )
        return Window(facts=facts, requests=requests, usage=empty(Usage), calls=calls)


def of(server: Batching, rate: float = 90.0) -> Queue:
    windows = [server.closed(SATURATED), *(server.poisson(rate, 3.0, seed) for seed in range(4))]
    found = queueing.of_windows(windows, server.closed(ALONE), SLO)
    assert found is not None
    return found


@pytest.mark.parametrize("server", [Batching(), Batching(wait_ms=5.0), Batching(around_ms=2.0)])
def test_what_a_batch_costs_is_seen(server: Batching) -> None:
    found = of(server)
    assert isinstance(found.law, BatchLaw)
    assert found.unit_ns == pytest.approx(8 * MS, rel=0.03)
    assert found.law.alone_ns == pytest.approx((8 + server.around_ms) / 8, rel=0.05)
    assert found.law.each_ns == pytest.approx(3 / 8, rel=0.05)
    assert found.law.wait_ns / MS == pytest.approx(server.wait_ms + server.around_ms / 2, abs=0.2)
    assert found.excess == pytest.approx(1.0)


@pytest.mark.parametrize("server", [Batching(), Batching(wait_ms=5.0)])
def test_the_capacity_is_that_of_a_long_window(server: Batching) -> None:
    rate = of(server).under_load().capacity(SLO)
    late = server.poisson(rate, 300.0, 9).requests.response_ns() > SLO.limit_ns
    assert 0.005 < late.mean() < 0.018


def test_the_speed_of_the_model_is_not_the_servers() -> None:
    slow, fast = of(Batching(speed=0.85), 70.0), of(Batching(speed=1.2))
    assert slow.unit_ns / fast.unit_ns == pytest.approx(1.2 / 0.85, rel=0.03)
    assert slow.law.occupied_ns == pytest.approx(fast.law.occupied_ns, rel=0.03)


def test_without_lone_requests_there_is_no_law() -> None:
    server = Batching()
    windows = [server.closed(SATURATED), server.poisson(90.0, 3.0, 1)]
    assert queueing.of_windows(windows, None, SLO) is None


@pytest.mark.parametrize("server", [Batching(), Batching(wait_ms=5.0), Batching(around_ms=4.0)])
def test_a_saturated_window_helps_short_ones(server: Batching) -> None:
    """What a batch keeps the next one out for, by three probes of half a second each."""
    truth = np.log((8 + server.around_ms) / 8)
    off: dict[bool, list[float]] = {True: [], False: []}
    for first in range(0, 60, 3):
        probes = [server.poisson(70.0, 0.5, seed) for seed in range(first, first + 3)]
        for saturated in off:
            windows = [*([server.closed(SATURATED)] if saturated else []), *probes]
            found = queueing.of_windows(windows, server.closed(ALONE), SLO)
            if found is not None:
                off[saturated].append(float(np.log(found.law.occupied_ns) - truth))
    alone, beside = (np.sqrt(np.mean(np.square(off[kind]))) for kind in (False, True))
    assert len(off[True]) > 10
    assert beside < alone


@pytest.mark.parametrize(
    ("seen", "error", "expected"),
    [
        (1.5, 0.05, 1.5),  # the wait counts from when the server is free
        (1.35, 0.4, 1.43),
        (0.4, 0.05, 0.4),  # or from when the first request came
        (0.55, 0.4, 0.52),
        (3.0, 0.1, 3.0),  # what else it does while it is not saturated
        (-0.5, 0.1, -0.5),
    ],
)
def test_random_arrivals_say_which_pause_it_is(seen: float, error: float, expected: float) -> None:
    beyond, deviation = batch_queue.settled(seen, error, paused=1.5, before=1.1)
    assert beyond == pytest.approx(expected, abs=0.08)
    assert deviation <= max(error, 0.05) * 1.05


def test_the_less_sure_the_less_is_changed_by_chance() -> None:
    sure, unsure = (batch_queue.settled(1.9, error, 1.5, 1.1)[0] for error in (0.02, 0.6))
    assert abs(sure - 1.9) < abs(unsure - 1.9)
