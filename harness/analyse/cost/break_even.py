"""The rate from which a server is cheaper than a function. Pure functions.

A function costs by use, a machine by the hour, also when it is idle. SeBS (Copik et al., Middleware
2021, doi.org/10.1145/3464298.3476133) divides what a machine costs an hour by what a request to a
function costs: so many requests an hour pay for the machine. That is `break_even` with one machine
and no cold starts. Added here: as many machines as the rate needs, starts that are billed,
instances that are kept ready, and instances that requests share.

Arrivals are taken to be random (a Poisson process): the chance that none came in the last t seconds
is exp(-rate x t).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

MOST_MACHINES = 64  # beyond so many nothing is looked for
_LEAST_RATE = 1e-7  # a request in four months
_LOOKS = 12  # in a decade of rates
_MOST_STEPS = 256  # of one bill that are looked at: later ones are smaller than one in so many
_HALVINGS = 60
_ABOVE = 1 + 1e-6  # a step
_APART = 1 + 1e-4  # two steps that are no closer


class Bill(Protocol):
    """The cost of requests by their rate."""

    @property
    def full_at(self) -> float:
        """The rate that one machine or instance has room for; infinite where none is counted."""

    def usd_per_s(self, rate: float) -> float:
        """US dollars a second at a rate above 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machines:
    """Machines by the hour: at least one, whether anything comes or not."""

    usd_per_s_each: float
    capacity_per_s: float  # of one

    @property
    def full_at(self) -> float:
        return self.capacity_per_s

    def usd_per_s(self, rate: float) -> float:
        return self.usd_per_s_each * _units(rate, self.full_at)


@dataclass(frozen=True, slots=True, kw_only=True)
class OnDemand:
    """A function whose instances take one request at a time, and are billed meanwhile.

    A request that finds none starts one, which is billed too. That none is there is taken to be the
    chance that no request came for as long as an idle instance is kept. So it is for low rates; at
    higher ones, where several instances are busy at once, starts are a small part of the bill.
    """

    usd_each: float  # of a request to an instance that is there
    usd_start: float | None  # of a start; None: not known, and left out
    idle_s: float  # that an instance is kept

    @property
    def full_at(self) -> float:
        return math.inf

    def usd_per_s(self, rate: float) -> float:
        starts = 0.0
        if self.usd_start is not None:
            starts = self.usd_start * math.exp(-rate * self.idle_s)
        return rate * (self.usd_each + starts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provisioned:
    """A function with as many instances kept ready as its requests keep busy on average (Little's
    law: rate x seconds), at least one."""

    usd_each: float  # of a request
    usd_kept_per_s: float  # of an instance
    seconds: float  # that a request keeps one busy

    @property
    def full_at(self) -> float:
        return 1 / self.seconds

    def usd_per_s(self, rate: float) -> float:
        return self.usd_kept_per_s * _units(rate, self.full_at) + rate * self.usd_each


@dataclass(frozen=True, slots=True, kw_only=True)
class Shared:
    """Instances that requests share, billed while at least one request is there.

    At any moment that is the chance that one came in the last `seconds`. The rate is spread evenly
    over as few instances as have room for it.
    """

    usd_each: float  # of a request, whatever its time
    usd_busy_per_s: float  # of an instance
    seconds: float  # from a request to its answer, as rounded up for the bill
    capacity_per_s: float  # of an instance

    @property
    def full_at(self) -> float:
        return self.capacity_per_s

    def usd_per_s(self, rate: float) -> float:
        count = _units(rate, self.full_at)
        busy = -math.expm1(-rate / count * self.seconds)
        return self.usd_busy_per_s * count * busy + rate * self.usd_each


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownBill:
    """A bill, and those at the ends of what is known of it."""

    middle: Bill
    least: Bill
    most: Bill


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakEven:
    """The rates at which a server is cheaper, in requests per second; None: there is none."""

    rate: float | None  # the lowest
    low: float | None  # it, with the dearest function and the cheapest server that may be
    high: float | None  # it, the other way round
    always: float | None  # from here on it is cheaper with any number of machines


def per_million(bill: Bill, rate: float) -> float:
    """US dollars for a million requests at a rate."""
    return 1e6 * bill.usd_per_s(rate) / rate


def break_even(function: KnownBill, server: KnownBill) -> BreakEven:
    """Where a server is cheaper than a function. The ends combine what is least likely: they are
    no closer than a 95% interval of both together."""
    return BreakEven(
        rate=lowest(function.middle, server.middle),
        low=lowest(function.most, server.least),
        high=lowest(function.least, server.most),
        always=always(function.middle, server.middle),
    )


def lowest(function: Bill, server: Bill) -> float | None:
    """The lowest rate at which a server is cheaper; None where it is at none."""
    before = None
    for rate in _looked_at(function, server):
        if _dearer(function, server, rate):
            return 0.0 if before is None else _between(function, server, before, rate)
        before = rate
    return None


def always(function: Bill, server: Bill) -> float | None:
    """The rate from which a server is cheaper, even where one machine more was just added; None
    where it is not with the most machines."""
    found, before, was = None, 0.0, False
    for rate in _looked_at(function, server):
        now = _dearer(function, server, rate)
        if now and not was:
            found = _between(function, server, before, rate) if before else 0.0
        before, was = rate, now
    return found if was else None


def _dearer(function: Bill, server: Bill, rate: float) -> bool:
    return function.usd_per_s(rate) > server.usd_per_s(rate)


def _units(rate: float, full_at: float) -> int:
    return max(1, math.ceil(round(rate / full_at, 9)))


def _looked_at(function: Bill, server: Bill) -> Iterator[float]:
    """Rates, ascending: on both sides of each step of the two bills, and between the steps."""
    most = MOST_MACHINES * server.full_at
    low = min(_LEAST_RATE, most / 2)
    for high in sorted({most, *_steps(function, most), *_steps(server, most)}):
        if high < _APART * low:
            continue
        yield low * _ABOVE
        count = 1 + math.ceil(_LOOKS * math.log10(high / low))
        for place in range(1, count):
            yield low * (high / low) ** (place / count)
        yield high
        low = high


def _steps(bill: Bill, most: float) -> list[float]:
    if math.isinf(bill.full_at):
        return []
    count = min(int(most / bill.full_at), _MOST_STEPS)
    return [place * bill.full_at for place in range(1, count + 1)]


def _between(function: Bill, server: Bill, low: float, high: float) -> float:
    """The rate at which the server becomes the cheaper one, between one at which it is not and one
    at which it is."""
    for _ in range(_HALVINGS):
        middle = math.sqrt(low * high)
        if _dearer(function, server, middle):
            high = middle
        else:
            low = middle
    return high
