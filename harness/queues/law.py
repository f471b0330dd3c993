"""The law of a queue: what a server's service times say of its response times at any rate.

A server that takes one request at a time, first come, first served, is the queue G/G/1: Lindley's
recursion (Proceedings of the Cambridge Philosophical Society 48, 1952) gives each response time
from the arrivals and the times for which each request occupies the server. With several workers
that take their requests from one queue it is G/G/c, and the recursion that of Kiefer and Wolfowitz
(Transactions of the American Mathematical Society 78, 1955). Pure functions; times are in
nanoseconds.
"""

from __future__ import annotations

import heapq
import math
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from harness.setup.slo import Slo

_ARRIVALS = 40_000  # simulated: of p99 the 400 slowest are seen
# Shares of time in which a worker is occupied; close together where the queue grows fast.
_LOADS = np.concatenate((np.geomspace(0.005, 0.1, 10)[:-1], 1 - np.geomspace(0.9, 0.01, 36)))
_SEED = 17


@dataclass(frozen=True, slots=True, eq=False)
class ServiceShape:
    """How the times for which requests occupy a worker differ, relative to their mean."""

    sample: Any  # ascending, with a mean of 1
    workers: int = 1
    _times: dict[tuple[float, int], float] = field(default_factory=dict, repr=False)

    def load(self, share: float, time: float) -> float:
        """For which share of the time each worker is occupied where that share of the requests
        stays below a response time; 0 where no load is so low."""

        def taken(place: int) -> float:
            if (share, place) not in self._times:
                responses = self.responses(float(_LOADS[place]))
                self._times[share, place] = float(np.quantile(responses, share))
            return self._times[share, place]

        # The same requests come in the same order at all loads: with the load, each one's response
        # time grows, and so a few loads are all that has to be simulated.
        place = bisect_left(range(len(_LOADS)), time, key=taken)
        if place in (0, len(_LOADS)):
            return float(_LOADS[-1]) if place else 0.0
        ends = [place - 1, place]
        return float(np.interp(time, [taken(end) for end in ends], _LOADS[ends]))

    def responses(self, load: float) -> Any:
        """Response times where each worker is occupied for that share of the time, in units of the
        sample's mean; the same randomness always."""
        rng = np.random.default_rng(_SEED)
        arrive = np.cumsum(rng.exponential(size=_ARRIVALS)) / (load * self.workers)
        occupied = self.sample[(rng.random(_ARRIVALS) * len(self.sample)).astype(np.int64)]
        return departures(arrive, occupied, self.workers) - arrive


@dataclass(frozen=True, slots=True)
class Law:
    """The parameters of a server's queue."""

    shape: ServiceShape
    occupied_ns: float  # for how long a request keeps its worker from the next one, in the mean
    beside_ns: float  # of the response time, in which the worker is already at the next request

    def scaled(self, factor: float) -> Law:
        """The same with all times so many times as long."""
        return Law(self.shape, self.occupied_ns * factor, self.beside_ns * factor)

    def stretched(self, factor: float) -> Law:
        """The same with requests that occupy it so many times as long."""
        return Law(self.shape, self.occupied_ns * factor, self.beside_ns)

    def share_over(self, rate_per_s: float, limit_ns: float) -> float:
        """The share of requests that take longer than the limit at a rate of Poisson arrivals."""
        load = rate_per_s * self.occupied_ns / 1e9 / self.shape.workers
        if load >= 1:
            return 1.0
        taken = self.shape.responses(load) * self.occupied_ns + self.beside_ns
        return float((taken > limit_ns).mean())

    def capacity(self, slo: Slo) -> float:
        """The highest rate of Poisson arrivals per second that meets the SLO; 0 if none does."""
        load = self.shape.load(slo.share, (slo.limit_ns - self.beside_ns) / self.occupied_ns)
        return load * self.shape.workers * 1e9 / self.occupied_ns


def of_sample(occupied_ns: Any, beside_ns: float, workers: int = 1) -> Law:
    """The law of a sample of the times for which requests occupy a worker."""
    mean = float(np.mean(occupied_ns))
    return Law(ServiceShape(np.sort(occupied_ns) / mean, workers), mean, beside_ns)


def departures(arrive_ns: Any, occupied_ns: Any, workers: int = 1) -> Any:
    """When each request leaves its worker; arrivals are in order, and so are requests begun."""
    if workers > 1:
        return _of_workers(arrive_ns, occupied_ns, workers)
    total = np.cumsum(occupied_ns)
    return total + np.maximum.accumulate(arrive_ns - (total - occupied_ns))


def _of_workers(arrive_ns: Any, occupied_ns: Any, workers: int) -> Any:
    free, left = [-math.inf] * workers, list[float]()
    for arrive, occupied in zip(arrive_ns.tolist(), occupied_ns.tolist(), strict=True):
        leaves = max(arrive, free[0]) + occupied
        heapq.heapreplace(free, leaves)
        left.append(leaves)
    return np.array(left)
