"""What the truth server's log says of a window, and whether a report agrees with it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, fields

import numpy as np

from harness.windows.samples import Ints
from peers.truth_server import NEVER

# Not the most: one request, so one wake-up that the host delays, would decide.
JUDGED = ("p50", "p90", "p99")
SHARE_LIMIT = 0.02
MS_LIMIT = 0.3


@dataclass(frozen=True, slots=True)
class Figures:
    """Latency of a window's answered requests, in ms."""

    p50: float
    p90: float
    p99: float
    max: float

    @staticmethod
    def of(times_ns: Ints) -> Figures | None:
        """Of these; None of none."""
        if not len(times_ns):
            return None
        return Figures(*(float(ms) for ms in np.percentile(times_ns / 1e6, [50, 90, 99, 100])))


@dataclass(frozen=True, slots=True)
class Log:
    """What the truth server logged, a row for each request that it read, in that order."""

    number: Ints  # which request of the schedule; NEVER where the tool numbers none
    arrived_ns: Ints  # when the kernel had it: from then on the server could have read it
    read_ns: Ints
    written_ns: Ints  # NEVER where no answer was written
    dropped: Ints  # 1 where the server hung up on purpose

    @staticmethod
    def of(text: str) -> Log:
        """From what the server told when it ended."""
        columns = json.loads(text)
        return Log(*(np.array(columns[field.name], np.int64) for field in fields(Log)))


@dataclass(frozen=True, slots=True)
class Plan:
    """When each request of an open loop was due: the published schedule, and its start."""

    start_ns: int  # CLOCK_MONOTONIC
    due_ns: Ints  # since the start, by number


@dataclass(frozen=True, slots=True)
class Truth:
    """What the server knows of a window."""

    since: str  # what the time of a request counts from: "due" or "arrival"
    figures: Figures | None
    requests: int  # that the server read
    dropped: int
    missing: int  # of the schedule, and never read
    double: int  # read more than once


def of_window(log: Log, plan: Plan | None) -> Truth:
    """From when a request was due, or where the tool had no plan from its arrival, to its answer.

    Without a plan, no request can be missing or double: both are 0.
    """
    answered = log.written_ns != NEVER
    requests, dropped = len(log.number), int(log.dropped.sum())
    if plan is None:
        figures = Figures.of(log.written_ns[answered] - log.arrived_ns[answered])
        return Truth("arrival", figures, requests, dropped, 0, 0)
    seen = np.bincount(log.number, minlength=len(plan.due_ns))
    due_ns = plan.start_ns + plan.due_ns[log.number[answered]]
    return Truth(
        "due",
        Figures.of(log.written_ns[answered] - due_ns),
        requests,
        dropped,
        int((seen == 0).sum()),
        int((seen > 1).sum()),
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """One percentile beside the truth, in ms."""

    name: str
    told: float
    true: float

    @property
    def limit(self) -> float:
        return max(SHARE_LIMIT * self.true, MS_LIMIT)

    @property
    def passed(self) -> bool:
        return abs(self.told - self.true) <= self.limit


def judge(told: Figures, true: Figures) -> Iterator[Judged]:
    """Each percentile beside the truth."""
    for name in JUDGED:
        yield Judged(name, getattr(told, name), getattr(true, name))


def schedule(rate_per_s: float, count: int, seed: int) -> Ints:
    """LoadGen's Poisson schedule for its Server scenario, in ns since its start.

    The first request is due at once, then std::exponential_distribution over std::mt19937, as
    libstdc++ has them: two draws of 32 bits make a uniform number, low ones first. LoadGen says at
    which mean rate it scheduled, which `tools` compares.
    """
    legacy = np.random.MT19937()
    legacy._legacy_seeding(seed)
    raw = legacy.random_raw(2 * count).astype(np.float64)
    uniform = (raw[0::2] + raw[1::2] * 2**32) / 2**64
    gaps_s = -np.log(1 - uniform) / rate_per_s
    due_s = np.concatenate(([0.0], np.cumsum(gaps_s)[:-1]))
    return (due_s * 1e9).astype(np.int64)
