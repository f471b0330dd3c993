"""The cost per million predictions: measured on this host, scaled to the machines of a price table.

Nothing of the other machine is measured, so each figure comes with what was scaled and how.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from harness.analyse.cost.prices import NO_GPU, RentedMachine, Serverless
from harness.analyse.field.comparison import Row
from harness.analyse.statistics.stats import Spread
from harness.stored.records import Campaign

MILLION = 1e6
# A small Linux with its services takes about this much of a machine's memory.
SYSTEM_GIB = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """The measurements from which a variant's costs are computed; None if unknown."""

    capacity: Spread | None  # predictions per second that meet the SLO
    cpus: int  # of this host that its server had
    cpu_s: Spread | None  # CPU seconds of a prediction
    memory_gib: float | None  # the most that its processes were seen to hold
    on_gpu: bool
    gpu: str | None  # the model of this host's GPU

    @property
    def cpus_busy(self) -> float | None:
        """CPUs that it keeps busy at its capacity."""
        if self.capacity is None or self.cpu_s is None:
            return None
        return self.capacity.median * self.cpu_s.median


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceCost:
    """US dollars for a million predictions on a machine that is always at the SLO point."""

    usd: Spread
    rate_per_s: float  # what the machine is taken to serve: the capacity x `factor`
    factor: float
    memory_gib: float  # taken to be needed there, the system's own included


@dataclass(frozen=True, slots=True)
class ServerlessCost:
    """US dollars for a million predictions of one vCPU each, billed by the time they take."""

    usd: Spread
    seconds: float  # billed for one prediction
    memory_gib: float  # billed for as long


def measured(row: Row, campaign: Campaign) -> Measured | None:
    """The measurements of a row; None if its machine is unknown or its numbers don't count.

    What runs on another host, or was already running, is on an unknown machine. A function is
    billed by its use of instances: `billing`.
    """
    known = row.server.way.here and row.server.function is None
    if not known or row.invalid or not campaign.server_cpus:
        return None
    per_1000, memory = row.spreads.get("cpu_per_1000"), row.spreads.get("memory")
    return Measured(
        capacity=row.spreads.get("capacity"),
        cpus=len(campaign.server_cpus),
        cpu_s=_each(per_1000, lambda value: value / 1000) if per_1000 else None,
        memory_gib=memory.high / 1024 if memory else None,
        on_gpu=row.server.device == "gpu",
        gpu=campaign.environment.get("gpu"),
    )


def on_instance(known: Measured, instance: RentedMachine) -> InstanceCost | None:
    """The cost on a machine; None where it is not known, or does not fit.

    On the CPU, capacity is taken to grow with the number of vCPUs, by more copies of the server
    where there are more of them, each with its own memory. On a GPU, it is that of the same model,
    less where the machine has fewer vCPUs than the server had here.
    """
    if known.capacity is None or known.memory_gib is None or known.capacity.low <= 0:
        return None
    if known.on_gpu is (instance.gpu == NO_GPU):
        return None
    factor = instance.vcpus / known.cpus
    if known.on_gpu:
        if known.gpu is None or not same_gpu(instance.gpu, known.gpu):
            return None
        factor = min(1.0, factor)
    memory_gib = known.memory_gib * max(1.0, factor) + SYSTEM_GIB
    if memory_gib > instance.memory_gib:
        return None
    usd_per_s = instance.usd_per_hour / 3600
    usd = _each(known.capacity, lambda rate: MILLION * usd_per_s / (rate * factor))
    return InstanceCost(
        usd=usd, rate_per_s=known.capacity.median * factor, factor=factor, memory_gib=memory_gib
    )


def cheapest(
    known: Measured, instances: Iterable[RentedMachine]
) -> tuple[RentedMachine, InstanceCost] | None:
    """The machine of a price table on which a million predictions cost least, of those that fit."""
    found = [(each, c) for each in instances if (c := on_instance(known, each)) is not None]
    return min(found, key=lambda pair: pair[1].usd.median) if found else None


def on_serverless(known: Measured, platform: Serverless) -> ServerlessCost | None:
    """The cost on a serverless platform; None where it is not known, or does not fit.

    A prediction is taken to need one vCPU for as long as it took CPU time here. Where requests
    don't share an instance, each is rounded up to what the platform bills.
    """
    if known.on_gpu or known.cpu_s is None or known.memory_gib is None:
        return None
    memory_gib = billed_gib(known.memory_gib, platform)
    if memory_gib is None:
        return None
    usd_per_s = memory_gib * platform.usd_per_gib_second + (platform.usd_per_vcpu_second or 0.0)

    def usd(cpu_s: float) -> float:
        return MILLION * usd_per_s * billed_s(cpu_s, platform) + platform.usd_per_million_requests

    seconds = billed_s(known.cpu_s.median, platform)
    return ServerlessCost(_each(known.cpu_s, usd), seconds, memory_gib)


def billed_s(seconds: float, platform: Serverless) -> float:
    """The billed seconds of a request that keeps one vCPU busy for that long."""
    if platform.shared:  # idle time is rounded up once, not for each request
        return seconds
    step_s, least_s = platform.rounded_up_to_ms / 1000, (platform.least_ms or 0) / 1000
    return max(least_s, step_s * max(1, math.ceil(round(seconds / step_s, 6))))


def billed_gib(used_gib: float, platform: Serverless) -> float | None:
    """The billed memory of what uses so much; None where no size has room for it."""
    needed = max(platform.memory_gib, used_gib)
    if platform.memory_step_gib is not None:
        needed = platform.memory_step_gib * math.ceil(round(needed / platform.memory_step_gib, 6))
    return needed if needed <= platform.memory_gib_max else None


def same_gpu(model: str, here: str) -> bool:
    """Whether each word of a price table's GPU is in the name that the driver gives to one."""
    words = [set(re.findall(r"[a-z0-9]+", name.lower())) for name in (model, here)]
    return bool(words[0]) and words[0] <= words[1]


def _each(spread: Spread, of: Callable[[float], float]) -> Spread:
    """The spread of a number that rises or falls with another."""
    low, high = sorted((of(spread.low), of(spread.high)))
    return Spread(of(spread.median), low, high, spread.rounds)
