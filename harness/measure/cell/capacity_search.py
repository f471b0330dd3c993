"""The search for a server's capacity, probe after probe."""

from __future__ import annotations

import math
import time
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.measure.talk.ask import Asker, Unanswered
from harness.protocols import Message
from harness.search import search, tallying
from harness.search.search import Estimate
from harness.setup.slo import Slo
from harness.stored.hosts import CEILING_SHARE
from harness.stored.records import Search, Window
from harness.windows import causes
from harness.windows.profiles import CLOSED, Profile

# Share of the closed loop's throughput, used if no law is known: most SLOs break before that is
# reached, and batches are larger there than under the load that an SLO bears.
_START_SHARE = 0.5
_SATURATE_S = 1.0
LEAST_S = 3.0  # of a search: the closed loop, and a probe that is at most a fifth of the rest
_CALLERS = 8
_ALIKE, _LEVEL = 4, 1.2  # so many answers in a row, within that factor of each other
_WARM_SHARE = 0.1  # of the budget
_BROKEN = 2  # probes that broke the SLO, for a request alone to prove that no rate holds it
_MUTE = 2  # probes in a row without any answer end a search
_RECOVER_S = 20.0  # at most, for the queue of a probe that was too fast to drain
_LIKELIEST_CEILING_PER_S = 20_000.0  # where no null server could prove one


Expected = Callable[[Sequence[Window]], Estimate | None]  # probes so far -> capacity


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchOrder:
    """The SLO of a search, and the limits of its time and rate."""

    slo: Slo
    budget_s: float
    longest_s: float  # where its capacity is not well known by then
    ceiling_per_s: float | None  # of the generator on this host


def find(
    order: SearchOrder,
    throughput_per_s: float | None,
    load: Callable[[Profile], Window],
    recover: Callable[[], float | None],
    expected: Expected = lambda _: None,
) -> tuple[Search, tuple[Window, ...]]:
    """Probe until the capacity is known well enough or the time is up: the longer one, where
    the shorter one leaves it unsure.

    `load` fires a profile; `recover` waits until the server has nothing left to do, and says how
    many seconds a request alone takes where that is over the SLO's limit. `expected` says what the
    capacity should be, given the probes so far: then they lie beside that. Where nothing says so,
    the throughput of a closed loop says where to begin; without one it is measured.
    """
    began = time.monotonic()
    if not throughput_per_s:
        window = _warmed(load, _WARM_SHARE * order.budget_s)
        throughput_per_s = window.requests.throughput(window.facts.elapsed_s)
        if not throughput_per_s:
            return Search(
                slo=str(order.slo),
                start_per_s=1.0,
                ceiling_per_s=1.0,
                budget_s=order.budget_s,
                ended=_unanswered(window),
            ), ()
        recover()
    start = max(_START_SHARE * throughput_per_s, 1.0)
    ceiling = CEILING_SHARE * (order.ceiling_per_s or _LIKELIEST_CEILING_PER_S)
    spent_s = time.monotonic() - began
    found, ended = _probed(order, start, ceiling, spent_s, load, recover, expected)
    ended = ended if found else _no_time(min(start, ceiling), order.slo, spent_s)
    return Search(
        slo=str(order.slo),
        start_per_s=start,
        ceiling_per_s=ceiling,
        budget_s=order.budget_s,
        ended=ended,
    ), tuple(found)


def _probed(
    order: SearchOrder,
    start_per_s: float,
    ceiling_per_s: float,
    spent_s: float,
    load: Callable[[Profile], Window],
    recover: Callable[[], float | None],
    expected: Expected,
) -> tuple[list[Window], str]:
    """(the probes, why they ended before it was done)."""
    found: list[Window] = []
    tallies: list[tallying.Tally] = []
    ended, deadline = "", time.monotonic() + order.budget_s - spent_s
    extra_s = max(order.longest_s - order.budget_s, 0.0)
    while not ended:
        left_s = deadline - time.monotonic()
        known = expected(found)
        deadline = time.monotonic() + left_s  # computing does not count: the server idled meanwhile
        rate = known.rate_per_s if known is not None else None
        next_look = None
        if rate is not None and search.BESIDE * rate <= ceiling_per_s:
            next_look = search.around(rate, len(found), tallies, order.slo, left_s)
        if next_look is None and (rate is None or not found):
            next_look = search.look(tallies, order.slo, start_per_s, ceiling_per_s, left_s)
        if next_look is None:
            known = known or search.estimate(tallies, order.slo)
            if not extra_s or not found or known.well_known:
                break
            deadline, extra_s = deadline + extra_s, 0.0
            continue
        name = f"probe-{len(found) + 1}"
        profile = Profile(name, "poisson", next_look.duration_s, rate_per_s=next_look.rate_per_s)
        found.append(load(profile))
        # After a disturbed probe nothing new is known: another is made at the same rate.
        tallies += tallying.counted(found[-1:], order.slo)
        ended = _hopeless(order.slo, found, tallies, recover())
    return found, ended


def _no_time(rate_per_s: float, slo: Slo, spent_s: float) -> str:
    """Why there is no probe, and what would do."""
    least_s = search.least_s(rate_per_s, slo)
    count = max(search.FEWEST, round(least_s * rate_per_s))
    return (
        f"a probe of {count} requests at {rate_per_s:.1f}/s takes {least_s:.0f} s, for "
        f"which a search needs {math.ceil(spent_s + least_s + 1)} s or more"
    )


def _warmed(load: Callable[[Profile], Window], most_s: float) -> Window:
    """A closed loop's window, when two in a row have come to about the same: the first requests of
    a server that has just come up are slow."""
    began = time.monotonic()
    profile = Profile("saturate", CLOSED, _SATURATE_S, concurrency=_CALLERS)
    window = load(profile)
    while window.requests.ok.any() and time.monotonic() - began + _SATURATE_S <= most_s:
        before, window = window, load(profile)
        rates = (
            before.requests.throughput(before.facts.elapsed_s),
            window.requests.throughput(window.facts.elapsed_s),
        )
        if max(rates) <= _LEVEL * min(rates):
            break
    return window


def _unanswered(window: Window) -> str:
    """Why nothing can be searched for."""
    kinds = window.requests.kinds()
    if not kinds:
        return "nothing could be sent"
    return f"nothing was answered: {causes.told(kinds, window.facts.causes)}"


def _hopeless(
    slo: Slo, found: Sequence[Window], tallies: Sequence[tallying.Tally], alone_s: float | None
) -> str:
    """Why no rate will meet the SLO; empty if one may.

    Two probes at least must have broken it too: a server that batches may wait longer for a batch
    that one request alone does not fill.
    """
    if len(found) >= _MUTE and not any(w.requests.ok.any() for w in found[-_MUTE:]):
        return f"the last {_MUTE} probes had no answer at all: {_unanswered(found[-1])}"
    broken = len(tallies) >= _BROKEN and search.bracket(tallies, slo)[0] is None
    if alone_s is None or not broken:
        return ""
    return f"a request alone takes {1e3 * alone_s:.0f} ms"


def seed_of(profile: Profile) -> int:
    """The seed of a probe's arrivals, different for each probe."""
    return zlib.crc32(profile.name.encode())


def wait_until_idle(ask: Asker, message: Message, slo: Slo) -> float | None:
    """Ask until one request alone is answered within the SLO's limit, or takes as long as those
    before it: then nothing is left that it waits for. A while at most.

    Where it took as long as those before, and longer than the limit: how many seconds.
    """
    limit_s, end = slo.limit_ns / 1e9, time.monotonic() + _RECOVER_S
    taken: list[float] = []
    while (began := time.monotonic()) < end:
        answered = True
        try:
            ask(message, max(limit_s, 1.0))
        except Unanswered:
            answered = False
            time.sleep(0.05)  # where the connection is refused, that comes at once
        taken.append(time.monotonic() - began)
        last = taken[-_ALIKE:]
        level = answered and len(last) == _ALIKE and max(last) < _LEVEL * min(last)
        if taken[-1] <= limit_s:
            return None
        if level:
            return min(last)
    return None
