"""The payloads that a cell's windows send: a server must not see a fresh one twice."""

from __future__ import annotations

import numpy as np

from harness.measure.campaign.bench import Bench
from harness.windows import repeats
from harness.windows.profiles import Profile
from harness.windows.samples import Ints, Requests


class Payloads:
    """Remembers which fresh payloads were sent."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._sent = 0  # of the fresh ones; where all were, they are sent again

    def order(self, profile: Profile, count: int, seed: int) -> Ints:
        """The number of the payload that each request of a window sends."""
        fresh = (np.arange(len(self._bench.fresh)) + self._sent) % max(len(self._bench.fresh), 1)
        payloads, first = len(self._bench.payloads), self._bench.first_fresh
        return repeats.order(profile, payloads, count, seed, first + fresh)

    def sent(self, requests: Requests) -> Requests:
        """The same requests; the fresh payloads among them are fresh no longer."""
        self._sent += int((requests.payload >= self._bench.first_fresh).sum())
        return requests
