"""The law of a server that merges waiting requests into batches.

When its worker is free, it takes the requests that wait, up to as many as a batch may have. With
fewer, it waits for more, until the oldest of them has waited for so long. A batch occupies the
worker for a time that grows with its size. There is no formula for its response times: they are
simulated, batch after batch, over Poisson arrivals. Pure functions; times are in nanoseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from harness.setup.slo import Slo

_ARRIVALS = 4_000
# Shares of the rate at which full batches follow each other without a break.
_LOADS = np.concatenate(([0.02, 0.06], np.linspace(0.1, 0.95, 14)))
_SEED = 19

Occupied = Callable[[int], float]  # instances of a batch -> for how long it keeps the next one out


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchLaw:
    """The parameters of such a server's queue."""

    alone_ns: float  # for how long a batch of one keeps the next one out
    each_ns: float  # how much longer per further instance
    most: int  # instances of a batch
    wait_ns: float  # for which the oldest request waits for others, at most
    beside_ns: float  # of the response time, in which the worker is already at the next batch
    # Kept, since each takes a simulation: quantiles by their share, stretched ones by their factor.
    _times: dict[float, Any] = field(default_factory=dict, repr=False, compare=False)
    _others: dict[float, BatchLaw] = field(default_factory=dict, repr=False, compare=False)

    @property
    def occupied_ns(self) -> float:
        """For how long a request that is alone in its batch keeps the next one out."""
        return self.alone_ns

    def scaled(self, factor: float) -> BatchLaw:
        """The same on a machine on which all work takes so many times as long; a wait does not."""
        beside = self.beside_ns * factor
        return replace(self.stretched(factor), beside_ns=beside, _times={}, _others={})

    def stretched(self, factor: float) -> BatchLaw:
        """The same with batches that occupy it so many times as long."""
        if factor not in self._others:
            self._others[factor] = replace(
                self,
                alone_ns=self.alone_ns * factor,
                each_ns=self.each_ns * factor,
                _times={},
                _others={},
            )
        return self._others[factor]

    def occupied(self, batch: int) -> float:
        """For how long a batch keeps the next one out."""
        return self.alone_ns + (batch - 1) * self.each_ns

    def share_over(self, rate_per_s: float, limit_ns: float) -> float:
        """The share of requests that take longer than the limit at a rate of Poisson arrivals."""
        if rate_per_s >= self._most_per_s:
            return 1.0
        return float((self._responses(rate_per_s) > limit_ns).mean())

    def capacity(self, slo: Slo) -> float:
        """The highest rate of Poisson arrivals per second that meets the SLO; 0 if none does."""
        times = self._quantiles(slo.share)
        if slo.limit_ns <= times[0]:
            return 0.0
        return float(np.interp(slo.limit_ns, times, _LOADS)) * self._most_per_s

    @property
    def _most_per_s(self) -> float:
        return self.most * 1e9 / self.occupied(self.most)

    def _quantiles(self, share: float) -> Any:
        if share not in self._times:
            found = [
                np.quantile(self._responses(load * self._most_per_s), share) for load in _LOADS
            ]
            self._times[share] = np.maximum.accumulate(found)
        return self._times[share]

    def _responses(self, rate_per_s: float) -> Any:
        rng = np.random.default_rng(_SEED)
        arrive = np.cumsum(rng.exponential(size=_ARRIVALS)) * (1e9 / rate_per_s)
        left = departures(arrive, self.occupied, self.most, self.wait_ns)
        return left - arrive + self.beside_ns


def departures(arrive_ns: Any, occupied: Occupied, most: int, wait_ns: float) -> Any:
    """When the batch of each request leaves its worker; arrivals are in order."""
    arrive = [*arrive_ns.tolist(), math.inf]
    left = np.empty(len(arrive_ns))
    free, first = -math.inf, 0
    while first < len(arrive_ns):
        full = arrive[min(first + most - 1, len(arrive) - 1)]
        start = max(free, min(full, arrive[first] + wait_ns), arrive[first])
        end = first + 1
        while end < first + most and arrive[end] <= start:
            end += 1
        free = start + occupied(end - first)
        left[first:end] = free
        first = end
    return left
