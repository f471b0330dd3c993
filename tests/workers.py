"""Servers with several workers, simulated: what their windows would have been."""

from __future__ import annotations

import heapq
from collections import deque
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

from harness.setup.slo import Slo
from harness.stored.records import Window, WindowFacts
from harness.windows.profiles import Profile
from harness.windows.samples import Calls, Requests, Usage, empty
from tests.in_turn import MS


@dataclass(frozen=True)
class Workers:
    """Several workers, each of which takes one request at a time: some work before the model, the
    model, some after it, and work that keeps nobody out."""

    workers: int = 2
    # "shared": the first that waits goes to the first worker that is free; "unordered": any that
    # waits does; "at random", "in rotation", "by connection": each worker has a queue of its own.
    queue: str = "shared"
    model_ms: float = 8.0
    spread: str = "uniform"  # of the model's times: "constant", "uniform", "exponential", "phases"
    around_ms: float = 1.0
    jitter_ms: float = 0.0  # mean of work after the model that differs from request to request
    again_ms: float = 0.0  # after the model, under random arrivals only
    beside_ms: float = 0.5
    cpus: float = 64.0  # that the workers have together

    def times(self, count: int, rng: np.random.Generator) -> Any:
        """The model's times, in ns of a CPU of its own."""
        mean = self.model_ms * MS
        if self.spread == "exponential":
            return rng.exponential(mean, count)
        if self.spread == "phases":  # slow ones come together, a hundred at a time
            return mean * rng.choice([0.6, 1.4], count // 100 + 1).repeat(100)[:count]
        return mean * (rng.uniform(0.7, 1.3, count) if self.spread == "uniform" else np.ones(count))

    def poisson(self, rate: float, seconds: float, seed: int) -> Window:
        rng = np.random.default_rng(seed)
        due = np.sort(rng.uniform(0, seconds * 1e9, int(rate * seconds)))
        profile = Profile(f"probe-{seed}", "poisson", seconds, rate_per_s=rate)
        return self._window(profile, due, rng)

    def closed(self, profile: Profile, seed: int = 1) -> Window:
        return self._window(profile, None, np.random.default_rng(seed))

    def _window(self, profile: Profile, due: Any, rng: np.random.Generator) -> Window:
        seen = _Simulated(self, profile, due, rng)
        sent, done, start, model, worker, cpu = (
            np.array(column, float)[: len(seen.done)] for column in seen.columns()
        )
        kept = (done > 0) & ((done < profile.duration_s * 1e9) | (due is not None))
        planned = due if due is not None else np.full(len(sent), -1.0)
        planned, sent, done, start, model, worker, cpu = (
            column[kept].astype(np.int64)
            for column in (planned, sent, done, start, model, worker, cpu)
        )
        zeros = np.zeros(len(sent), np.int64)
        requests = Requests(
            payload=zeros,
            due_ns=planned,
            sent_ns=sent,
            first_byte_ns=done,
            done_ns=done,
            status=zeros + 200,
            error=zeros,
            queued=zeros,
            resent=zeros,
        )
        calls = Calls(
            start_ns=start, duration_ns=model, batch=zeros + 1, process=worker, thread_cpu_ns=cpu
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


class _Simulated:
    """A window's requests, event after event."""

    def __init__(self, server: Workers, profile: Profile, due: Any, rng: Any) -> None:
        self.server, self.rng, self.end = server, rng, profile.duration_s * 1e9
        count = len(due) if due is not None else int(self.end / MS)
        self.cpu = server.times(count, rng)
        again = 0.0 if due is None else server.again_ms * MS
        self.after = again + rng.exponential(server.jitter_ms * MS, count)
        self.sent, self.done = np.zeros(count), np.zeros(count)
        self.began, self.left = np.zeros(count), np.zeros(count)
        self.worker = np.zeros(count, np.int64)
        self.waiting: list[deque[int]] = [deque() for _ in range(server.workers)]
        self.free = list(range(server.workers))
        self.runs: dict[int, float] = {}  # request -> work that is left
        self.idle_connections, self.connection = list[int](), np.zeros(count, np.int64)
        self.opened, self.closed = 0, due is None
        begin = due if due is not None else np.zeros(profile.concurrency or 1)
        self.arrivals = [(float(at), number) for number, at in enumerate(begin)]
        self.next = len(self.arrivals)
        self._run()

    def columns(self) -> tuple[Any, ...]:
        half = self.server.around_ms * MS / 2
        model = np.maximum(self.left - self.began - 2 * half - self.after, 0)
        return self.sent, self.done, self.began + half, model, self.worker, self.cpu

    def _run(self) -> None:
        now = 0.0
        while self.arrivals or self.runs:
            speed = min(1.0, self.server.cpus / max(len(self.runs), 1))
            ready = min(self.runs.values(), default=np.inf) / speed
            then = min(now + ready, self.arrivals[0][0] if self.arrivals else np.inf)
            for request in self.runs:
                self.runs[request] -= (then - now) * speed
            now = then
            for request in [each for each, left in self.runs.items() if left < 1e-3]:
                self._leave(request, now)
            while self.arrivals and self.arrivals[0][0] <= now:
                self._arrive(heapq.heappop(self.arrivals)[1], now)

    def _arrive(self, request: int, now: float) -> None:
        self.sent[request] = now
        self.waiting[self._line(request)].append(request)
        self._begin(now)

    def _line(self, request: int) -> int:
        """Which queue a request is put into."""
        workers = self.server.workers
        if self.server.queue in ("shared", "unordered"):
            return 0
        if self.server.queue == "at random":
            return int(self.rng.integers(workers))
        if self.server.queue == "in rotation":
            return request % workers
        if not self.idle_connections:  # the one that was used last, as the load driver does
            self.idle_connections.append(self.opened)
            self.opened += 1
        self.connection[request] = self.idle_connections.pop()
        return int(self.connection[request]) % workers

    def _begin(self, now: float) -> None:
        shared = self.server.queue in ("shared", "unordered")
        for worker in list(self.free):
            line = self.waiting[0 if shared else worker]
            if line:
                if self.server.queue == "unordered":
                    line.rotate(-int(self.rng.integers(len(line))))
                request = line.popleft()
                self.free.remove(worker)
                self.worker[request], self.began[request] = worker, now
                self.runs[request] = self._work(request)

    def _work(self, request: int) -> float:
        return float(self.cpu[request] + self.after[request] + self.server.around_ms * MS)

    def _leave(self, request: int, now: float) -> None:
        del self.runs[request]
        self.left[request], self.done[request] = now, now + self.server.beside_ms * MS
        self.free.append(int(self.worker[request]))
        if self.server.queue == "by connection":
            self.idle_connections.append(int(self.connection[request]))
        if self.closed and now < self.end and self.next < len(self.sent):
            heapq.heappush(self.arrivals, (self.done[request], self.next))
            self.next += 1
        self._begin(now)


@cache
def true_capacity(server: Workers, slo: Slo, tries: int = 5, seconds: float = 120.0) -> float:
    """The rate at which the SLO's share is answered within its limit, by simulating for long."""

    def late(rate: float) -> float:
        taken = server.poisson(rate, seconds, 99).requests.response_ns()
        return float((taken > slo.limit_ns).mean())

    at_most = 1e3 * min(server.workers, server.cpus) / (server.model_ms + server.around_ms)
    low, high = 0.4 * at_most, at_most
    for _ in range(tries):
        rate = (low + high) / 2
        low, high = (low, rate) if late(rate) > 1 - slo.share else (rate, high)
    return (low + high) / 2
