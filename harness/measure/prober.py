"""The search for a server's capacity, probe after probe."""

from __future__ import annotations

import time
import zlib
from collections.abc import Callable
from dataclasses import dataclass

from harness import probes, search
from harness.hosts import CEILING_SHARE
from harness.measure.ask import Asker, Unanswered
from harness.profiles import CLOSED, Profile
from harness.protocols import Message
from harness.records import Search, Window
from harness.slo import Slo

_START_SHARE = 0.7  # of the throughput in a closed loop: most SLOs break before that is reached
_SATURATE_S = 1.0
_CALLERS = 8
_RECOVER_S = 20.0  # at most, for the queue of a probe that was too fast to drain
_LIKELIEST_CEILING_PER_S = 20_000.0  # where no null server could prove one


@dataclass(frozen=True, slots=True)
class Order:
    """What is searched for, and how long at most."""

    slo: Slo
    budget_s: float
    ceiling_per_s: float | None  # of the generator on this host


def find(
    order: Order,
    throughput_per_s: float | None,
    load: Callable[[Profile], Window],
    recover: Callable[[], None],
) -> tuple[Search, tuple[Window, ...]]:
    """Probe until the capacity is known well enough or the time is up.

    `load` fires a profile; `recover` waits until the server has nothing left to do. The throughput
    of a closed loop says where to begin; without one it is measured.
    """
    deadline = time.monotonic() + order.budget_s
    if not throughput_per_s:
        throughput_per_s = _throughput(load)
        recover()
    start = max(_START_SHARE * throughput_per_s, 1.0)
    ceiling = CEILING_SHARE * (order.ceiling_per_s or _LIKELIEST_CEILING_PER_S)
    found: list[Window] = []
    tallies: list[probes.Tally] = []
    while True:
        left_s = deadline - time.monotonic()
        next_look = search.look(tallies, order.slo, start, ceiling, left_s)
        if next_look is None:
            break
        name = f"probe-{len(found) + 1}"
        profile = Profile(name, "poisson", next_look.duration_s, next_look.rate_per_s)
        found.append(load(profile))
        # After a disturbed probe nothing new is known: another is made at the same rate.
        tallies += probes.counted(found[-1:], order.slo)
        recover()
    facts = tuple(window.facts for window in found)
    return Search(str(order.slo), start, ceiling, order.budget_s, facts), tuple(found)


def seed_of(profile: Profile) -> int:
    """Of a probe's arrivals: another in each probe."""
    return zlib.crc32(profile.name.encode())


def wait_until_idle(ask: Asker, message: Message, slo: Slo) -> None:
    """Ask until one request alone is answered within the SLO's limit; a while at most."""
    limit_s, end = slo.limit_ns / 1e9, time.monotonic() + _RECOVER_S
    while (began := time.monotonic()) < end:
        try:
            ask(message, max(limit_s, 1.0))
        except Unanswered:
            time.sleep(0.05)  # where the connection is refused, that comes at once
        if time.monotonic() - began <= limit_s:
            return


def _throughput(load: Callable[[Profile], Window]) -> float:
    window = load(Profile("saturate", CLOSED, _SATURATE_S, concurrency=_CALLERS))
    return float(window.requests.ok.sum()) / max(window.facts.elapsed_s, 1e-9)
