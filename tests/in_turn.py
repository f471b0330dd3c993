"""Servers that take requests in turn, simulated: what their windows would have been."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from harness.queues import law
from harness.stored.records import Run, Search, Window, WindowFacts
from harness.windows.kinds import WindowKind
from harness.windows.marks import MARKS, Marks
from harness.windows.profiles import Profile
from harness.windows.samples import Calls, Requests, Usage, empty
from tests import fakes

MS = 1e6
SATURATED = Profile("saturated", "closed", 4.0, concurrency=8)
ALONE = Profile("audit", "closed", 2.0, concurrency=1)
STEADY = Profile("steady", "poisson", 6.0, rate_per_s=75.0)


@dataclass(frozen=True)
class InTurn:
    """Takes requests in turn: the model, some work before and after it, and work that overlaps."""

    model_ms: float = 8.0
    around_ms: float = 1.0  # that keeps the next one out
    beside_ms: float = 0.5  # that does not
    again_ms: float = 0.0  # after the model, that keeps the next out under random arrivals only
    speed: float = 1.0  # of the model's CPU

    def times(self, count: int, rng: np.random.Generator) -> Any:
        return self.model_ms * rng.uniform(0.7, 1.3, count) * MS / self.speed

    def poisson(self, rate: float, seconds: float, seed: int) -> Window:
        rng = np.random.default_rng(seed)
        due = np.sort(rng.uniform(0, seconds * 1e9, int(rate * seconds)))
        model = self.times(len(due), rng)
        around, again = (each * MS / self.speed for each in (self.around_ms, self.again_ms))
        left = law.departures(due, model + around + again)
        done = left + self.beside_ms * MS / self.speed
        profile = Profile(f"probe-{seed}", "poisson", seconds, rate_per_s=rate)
        return window(profile, due, due, done, left - again - around / 2 - model, model)

    def closed(self, profile: Profile, seed: int = 1) -> Window:
        rng, callers = np.random.default_rng(seed), profile.concurrency or 1
        count = int(2 * profile.duration_s * 1000 / self.model_ms)
        model = self.times(count, rng)
        around = self.around_ms * MS / self.speed
        beside = self.beside_ms * MS / self.speed
        sent, done, start, free = np.zeros(count), np.zeros(count), np.zeros(count), 0.0
        for i in range(count):
            sent[i] = done[i - callers] if i >= callers else 0.0
            start[i] = max(free, sent[i]) + around / 2
            free = start[i] + model[i] + around / 2
            done[i] = free + beside
        kept = done < profile.duration_s * 1e9
        nothing = np.full(count, -1.0)
        return window(profile, *(c[kept] for c in (nothing, sent, done, start, model)))


def window(profile: Profile, due: Any, sent: Any, done: Any, start: Any, model: Any) -> Window:
    count, zeros = len(due), np.zeros(len(due), np.int64)
    due, sent, done, start, model = (
        each.astype(np.int64) for each in (due, sent, done, start, model)
    )
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
        start_ns=start,
        duration_ns=model,
        batch=np.ones(count, np.int64),
        process=zeros,
        thread_cpu_ns=model,
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


class Server(Protocol):
    """What is simulated: its windows."""

    def poisson(self, rate: float, seconds: float, seed: int) -> Window: ...
    def closed(self, profile: Profile, seed: int = 1) -> Window: ...


def run(server: Server, number: int = 1, name: str = "in-turn", rate: float = 75.0) -> Run:
    """A run whose steady window and probes are at that rate."""
    base = fakes.run(fakes.Fake(name, profiles=()), number)
    steady = server.poisson(rate, 6.0, 100 * number)
    steady = replace(steady, facts=replace(steady.facts, profile=replace(STEADY, rate_per_s=rate)))
    windows = (steady, server.closed(SATURATED, 100 * number + 1))
    probes = [server.poisson(rate, 3.0, 100 * number + 2 + each) for each in range(4)]
    audit = server.closed(ALONE, 100 * number + 9)
    search = Search(slo="p99<50ms", start_per_s=rate, ceiling_per_s=9_000.0, budget_s=12.0)
    made = replace(base, facts=replace(base.facts, search=search))
    made = fakes.having(made, WindowKind.PROFILE, windows)
    made = fakes.having(made, WindowKind.PROBE, probes)
    return fakes.having(made, WindowKind.AUDIT, [audit])


def polled(made: Run, every_ms: float, *, tells: bool = True) -> Run:
    """The same of jobs that are polled for, by whom each result is known at the next poll; the
    server `tells` when it had it."""
    return replace(made, windows=tuple(_polled(w, int(every_ms * MS), tells) for w in made.windows))


def _polled(window: Window, every_ns: int, tells: bool) -> Window:
    requests = window.requests
    polls = (requests.done_ns - requests.sent_ns) // every_ns + 1
    rows = np.arange(len(requests))
    told = {"polls": polls, "finished_ns": requests.done_ns} if tells else {"polls": polls}
    marks = Marks(
        request=np.repeat(rows, len(told)),
        mark=np.tile([MARKS.index(name) for name in told], len(rows)),
        value=np.stack(list(told.values()), axis=1).ravel(),
    )
    known = replace(requests, done_ns=requests.sent_ns + polls * every_ns)
    return replace(window, requests=known, marks=marks)
