"""Queues of known law, simulated: what a server with that law would have answered, and when."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from harness.stored.records import Window, WindowFacts
from harness.windows.profiles import Profile
from harness.windows.samples import Calls, Requests, Usage, empty

Law = Callable[[Any, np.random.Generator], Any]  # arrivals in seconds -> departures
SERVICE_S = 1e-3
BATCH, BATCH_S, INSTANCE_S = 8, 2e-3, 0.25e-3


def mm1(arrivals: Any, rng: np.random.Generator) -> Any:
    """Exponential service times, one server."""
    return one_by_one(arrivals, rng.exponential(SERVICE_S, len(arrivals)))


def md1(arrivals: Any, _: np.random.Generator) -> Any:
    """Constant service times, one server."""
    return one_by_one(arrivals, np.full(len(arrivals), SERVICE_S))


def batching(arrivals: Any, _: np.random.Generator) -> Any:
    """One server that takes all that wait, up to a batch."""
    departures = np.empty(len(arrivals))
    now, first = 0.0, 0
    while first < len(arrivals):
        now = max(now, arrivals[first])
        waiting = int(np.searchsorted(arrivals[first : first + BATCH], now, side="right"))
        size = max(waiting, 1)
        now += BATCH_S + INSTANCE_S * size
        departures[first : first + size] = now
        first += size
    return departures


LAWS: dict[str, Law] = {"M/M/1": mm1, "M/D/1": md1, "batching": batching}


def one_by_one(arrivals: Any, service: Any) -> Any:
    """One server, given how long each takes."""
    # Lindley's recursion without a loop: a departure is the latest possible start plus all service.
    done = np.cumsum(service)
    return np.maximum.accumulate(arrivals - (done - service)) + done


def probe(law: Law, profile: Profile, rng: np.random.Generator) -> Window:
    """A window as a perfect generator would have recorded it."""
    rate = profile.rate_per_s or 0.0
    count = rate * profile.duration_s
    gaps = rng.exponential(1 / rate, int(count + 6 * math.sqrt(count) + 20))
    arrivals = np.cumsum(gaps)
    arrivals = arrivals[arrivals < profile.duration_s]
    due = (arrivals * 1e9).astype(np.int64)
    done = (law(arrivals, rng) * 1e9).astype(np.int64)
    zeros = np.zeros(len(due), np.int64)
    requests = Requests(
        payload=zeros,
        due_ns=due,
        sent_ns=due,
        first_byte_ns=done,
        done_ns=done,
        status=zeros + 200,
        error=zeros,
        queued=zeros,
        resent=zeros,
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
    return Window(facts=facts, requests=requests, usage=empty(Usage), calls=empty(Calls))


def true_capacity(
    law: Law, share: float, limit_s: float, requests: int = 150_000, least_per_s: float = 100.0
) -> float:
    """The rate at which that share is answered within the limit, by simulating for long."""
    if law is mm1:  # the response time is exponential with rate mu - lambda
        return 1 / SERVICE_S + math.log(1 - share) / limit_s
    low, high = least_per_s, 4000.0
    for _ in range(12):
        rate, rng = math.sqrt(low * high), np.random.default_rng(1)
        arrivals = np.cumsum(rng.exponential(1 / rate, requests))
        taken = (law(arrivals, rng) - arrivals)[requests // 10 :]
        if np.mean(taken > limit_s) > 1 - share:
            high = rate
        else:
            low = rate
    return math.sqrt(low * high)
