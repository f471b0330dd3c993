"""Bills of a campaign's functions and servers, by a price table: what `break_even` sets side by
side."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from harness.analyse.cost.break_even import (
    KnownBill,
    Machines,
    OnDemand,
    Provisioned,
    Shared,
)
from harness.analyse.cost.cost import InstanceCost, billed_gib, measured, on_instance
from harness.analyse.cost.prices import RentedMachine, Serverless
from harness.analyse.field.comparison import Row, counted
from harness.analyse.run.invoked import Invoked, Use
from harness.analyse.statistics import resampling
from harness.analyse.statistics.stats import Spread, spread
from harness.setup.functions import CLOUD_RUN
from harness.setup.tracks import FUNCTIONS
from harness.stored.records import Campaign
from harness.stored.starts import PROCESS

PROVISIONED = ", provisioned"  # after the name of a service


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionBill:
    """A function on a service."""

    variant: str
    provider: str
    service: str
    platform: Serverless
    memory_gib: float  # billed
    seconds: Spread  # billed of a request to an instance that is there
    start_s: float | None  # billed of a start besides; None: not known, or not billed
    usd: Spread  # of a million requests whose instances are there, without any that is kept ready
    known: KnownBill


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerBill:
    """A server on a machine."""

    variant: str
    machine: RentedMachine
    cost: InstanceCost
    known: KnownBill


def functions(row: Row, platforms: Iterable[Serverless], cpus: int) -> list[FunctionBill]:
    """The bills of a row's function on all services of its kind; none where no use is known.

    `cpus` are those that its instances had.
    """
    found = [d.invoked for d in counted(row.digests) if d.invoked is not None]
    known = [each for each in found if each.steady is not None and len(each.steady.billed_s)]
    if not known or row.invalid:
        return []
    shared = row.server.launcher == CLOUD_RUN
    made: list[FunctionBill | None] = []
    for platform in (each for each in platforms if each.shared is shared):
        if shared:
            made.append(_shared(row, known, platform, cpus))
        else:
            made += [_on_demand(row, known, platform), _provisioned(row, known, platform)]
    return [each for each in made if each is not None]


def servers(
    rows: Iterable[Row], campaign: Campaign, machines: Sequence[RentedMachine]
) -> list[ServerBill]:
    """The bills of the servers of a campaign on the machines of each provider that are cheapest by
    the hour, of those that they fit on."""
    made = []
    for row in rows:
        known = measured(row, campaign)
        if known is None or row.server.reference or row.server.track == FUNCTIONS:
            continue
        for provider in dict.fromkeys(each.provider for each in machines):
            own = [each for each in machines if each.provider == provider]
            fits = [(each, c) for each in own if (c := on_instance(known, each)) is not None]
            if fits:
                cheapest = min(fits, key=lambda pair: (pair[0].usd_per_hour, pair[1].usd.median))
                made.append(_machines(row, *cheapest))
    return made


def _machines(row: Row, machine: RentedMachine, cost: InstanceCost) -> ServerBill:
    usd_per_s = machine.usd_per_hour / 3600

    def bill(usd_per_million: float) -> Machines:
        return Machines(usd_per_s_each=usd_per_s, capacity_per_s=1e6 * usd_per_s / usd_per_million)

    return ServerBill(
        variant=row.variant,
        machine=machine,
        cost=cost,
        known=KnownBill(
            middle=bill(cost.usd.median), least=bill(cost.usd.low), most=bill(cost.usd.high)
        ),
    )


def _on_demand(row: Row, known: Sequence[Invoked], platform: Serverless) -> FunctionBill | None:
    memory_gib = _memory(known, platform)
    if memory_gib is None:
        return None
    seconds, start_s = _billed(known, platform), _start_s(known, platform)
    usd_per_s = memory_gib * platform.usd_per_gib_second
    usd_start = None if start_s is None else start_s * usd_per_s

    def bill(billed_s: float) -> OnDemand:
        each = billed_s * usd_per_s + platform.usd_per_million_requests / 1e6
        return OnDemand(usd_each=each, usd_start=usd_start, idle_s=known[0].idle_s)

    return _bill(
        row,
        platform,
        memory_gib=memory_gib,
        seconds=seconds,
        start_s=start_s,
        usd=_each(seconds, lambda value: 1e6 * bill(value).usd_each),
        known=_ends(seconds, bill),
    )


def _provisioned(row: Row, known: Sequence[Invoked], platform: Serverless) -> FunctionBill | None:
    kept = platform.provisioned_usd_per_gib_second
    busy = platform.provisioned_busy_usd_per_gib_second
    memory_gib = _memory(known, platform)
    if kept is None or busy is None or memory_gib is None:
        return None
    seconds = _billed(known, platform)

    def bill(billed_s: float) -> Provisioned:
        return Provisioned(
            usd_each=billed_s * memory_gib * busy + platform.usd_per_million_requests / 1e6,
            usd_kept_per_s=memory_gib * kept,
            seconds=billed_s,
        )

    return _bill(
        row,
        platform,
        suffix=PROVISIONED,
        memory_gib=memory_gib,
        seconds=seconds,
        start_s=None,
        usd=_each(seconds, lambda value: 1e6 * bill(value).usd_each),
        known=_ends(seconds, bill),
    )


def _shared(
    row: Row, known: Sequence[Invoked], platform: Serverless, cpus: int
) -> FunctionBill | None:
    capacity, memory_gib = row.spreads.get("capacity"), _memory(known, platform)
    if memory_gib is None or capacity is None or capacity.low <= 0:
        return None
    seconds = _spread(known, lambda use: _rounded(use.busy_s, platform))
    usd_per_s = memory_gib * platform.usd_per_gib_second + (platform.usd_per_vcpu_second or 0.0)
    each = platform.usd_per_million_requests / 1e6
    instances = known[0].most_instances or cpus

    def bill(rate_per_s: float, taken_s: float) -> Shared:
        return Shared(
            usd_each=each,
            usd_busy_per_s=usd_per_s,
            seconds=taken_s,
            capacity_per_s=rate_per_s / instances,
        )

    return _bill(
        row,
        platform,
        memory_gib=memory_gib,
        seconds=seconds,
        start_s=None,
        usd=_each(seconds, lambda value: 1e6 * (value * usd_per_s + each)),
        known=KnownBill(
            middle=bill(capacity.median, seconds.median),
            least=bill(capacity.high, seconds.low),
            most=bill(capacity.low, seconds.high),
        ),
    )


def _bill(row: Row, platform: Serverless, *, suffix: str = "", **found: Any) -> FunctionBill:
    return FunctionBill(
        variant=row.variant,
        provider=platform.provider,
        service=platform.service + suffix,
        platform=platform,
        **found,
    )


def _memory(known: Sequence[Invoked], platform: Serverless) -> float | None:
    """The billed memory: the size that it has, or what was used, as the service does it."""
    if platform.memory_step_gib is None:
        own = known[0].memory_mib / 1024
        size = own if platform.memory_buys_cpu else max(own, platform.memory_gib)
        return size if size <= platform.memory_gib_max else None
    peaks = [each.steady.peak_gib for each in known if each.steady is not None]
    if any(peak is None for peak in peaks):
        return None
    return billed_gib(max(peak for peak in peaks if peak is not None), platform)


def _billed(known: Sequence[Invoked], platform: Serverless) -> Spread:
    return _spread(known, lambda use: _rounded(use.billed_s, platform))


def _rounded(seconds: Any, platform: Serverless) -> Any:
    """What the service bills for requests of that length; it may be rounded already."""
    step_s, least_s = platform.rounded_up_to_ms / 1e3, (platform.least_ms or 0) / 1e3
    steps = np.maximum(np.ceil(np.round(np.asarray(seconds) / step_s, 6)), 1)
    return np.maximum(steps * step_s, least_s)


def _start_s(known: Sequence[Invoked], platform: Serverless) -> float | None:
    """The billed seconds of a start, beyond those of a request to an instance that is there.

    Of a new process that starts alone, if there are samples: those of a burst share the CPUs.
    """
    if not platform.starts_billed:
        return None
    alone = [s for each in known if each.starts is not None for s in each.starts.of(PROCESS)]
    if alone:
        return sum(each.whole_s - each.answer_s for each in alone) / len(alone)
    warm = np.concatenate([each.steady.billed_s for each in known if each.steady is not None])
    uses = [use for each in known for use in _uses(each)]
    cold = np.concatenate([use.start_billed_s for use in uses])
    if not len(cold) or not len(warm):
        return None
    return max(float(cold.mean()) - float(warm.mean()), 0.0)


def _uses(each: Invoked) -> list[Use]:
    return [*each.windows.values(), *((each.burst.use,) if each.burst is not None else ())]


def _spread(known: Sequence[Invoked], of: Callable[[Use], Any]) -> Spread:
    """The mean of a window's requests, over the rounds."""
    values = [of(each.steady) for each in known if each.steady is not None]
    found = spread(
        [float(each.mean()) for each in values], [resampling.means(each) for each in values]
    )
    assert found is not None  # of no round otherwise
    return found


def _ends(seconds: Spread, bill: Callable[[float], Any]) -> KnownBill:
    return KnownBill(middle=bill(seconds.median), least=bill(seconds.low), most=bill(seconds.high))


def _each(seconds: Spread, of: Callable[[float], float]) -> Spread:
    low, high = of(seconds.low), of(seconds.high)
    return Spread(of(seconds.median), low, high, seconds.rounds)
