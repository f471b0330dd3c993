"""The host at two moments, and what happened to it between them."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.measure.watch import host, own_limits
from harness.stored.hosts import HostWatch

# Fields of the first line of /proc/stat.
_IDLE, _IOWAIT, _STEAL = 3, 4, 7


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """Counters and clocks of the host. CPU times are ticks of all its CPUs together."""

    ticks: int
    idle: int
    stolen: int
    monotonic_ns: int
    boottime_ns: int
    realtime_ns: int
    swapped_in: int | None  # pages since the start; None where the kernel does not tell
    swapped_out: int | None
    throttled_ns: int | None = None  # of the harness's own control group, since its beginning

    @staticmethod
    def now() -> Moment:
        with Path("/proc/stat").open(encoding="ascii") as file:
            ticks = [int(field) for field in file.readline().split()[1:9]]
        monotonic_ns, boottime_ns, realtime_ns = _clocks()
        swapped_in, swapped_out = _swapped()
        return Moment(
            ticks=sum(ticks),
            idle=ticks[_IDLE] + ticks[_IOWAIT],
            stolen=ticks[_STEAL],
            monotonic_ns=monotonic_ns,
            boottime_ns=boottime_ns,
            realtime_ns=realtime_ns,
            swapped_in=swapped_in,
            swapped_out=swapped_out,
            throttled_ns=own_limits.read().throttled_ns,
        )

    def stolen_until(self, later: Moment) -> float | None:
        """Share of the CPU time that the hypervisor took; None where too little has passed."""
        total = later.ticks - self.ticks
        return (later.stolen - self.stolen) / total if total > 0 else None

    def busy_until(self, later: Moment) -> float | None:
        """Share of the CPU time that something used; None where too little has passed."""
        total = later.ticks - self.ticks
        used = total - (later.idle - self.idle) - (later.stolen - self.stolen)
        return used / total if total > 0 else None

    def watch_until(self, later: Moment, mhz: Sequence[float] = ()) -> HostWatch:
        """The changes since then."""
        monotonic = later.monotonic_ns - self.monotonic_ns
        boottime = later.boottime_ns - self.boottime_ns
        realtime = later.realtime_ns - self.realtime_ns
        throttled = _more(self.throttled_ns, later.throttled_ns)
        return HostWatch(
            suspended_s=(boottime - monotonic) / 1e9,
            # Against the clock that goes on in suspension: else that would count as a step too.
            clock_step_s=(realtime - boottime) / 1e9,
            swapped_in=_more(self.swapped_in, later.swapped_in),
            swapped_out=_more(self.swapped_out, later.swapped_out),
            mhz=tuple(mhz),
            throttled_s=None if throttled is None else throttled / 1e9,
        )


class Watcher:
    """Watches the host from its making on."""

    def __init__(self, cpus: Sequence[int]) -> None:
        self._cpus = tuple(cpus)
        self._mhz: list[float] = []
        self._before = Moment.now()

    def sample(self) -> None:
        """Note at what the CPUs run now; under load, since an idle one is slow on purpose."""
        found = host.frequencies_mhz(self._cpus)
        if found:
            self._mhz.append(round(sum(found) / len(found), 1))

    def end(self) -> tuple[float | None, HostWatch]:
        """(share of stolen time, what else happened) since the beginning."""
        after = Moment.now()
        return self._before.stolen_until(after), self._before.watch_until(after, self._mhz)


def _clocks() -> tuple[int, int, int]:
    """CLOCK_MONOTONIC, CLOCK_BOOTTIME and CLOCK_REALTIME, as near to each other as can be.

    Where this process loses its CPU between the reads, they are read again.
    """
    found = []
    for _ in range(5):
        monotonic = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        boottime = time.clock_gettime_ns(time.CLOCK_BOOTTIME)
        realtime = time.clock_gettime_ns(time.CLOCK_REALTIME)
        apart = time.clock_gettime_ns(time.CLOCK_MONOTONIC) - monotonic
        found.append((apart, (monotonic, boottime, realtime)))
    return min(found)[1]


def _swapped() -> tuple[int | None, int | None]:
    path = Path("/proc/vmstat")
    lines = path.read_text().splitlines() if path.exists() else []
    counts = dict(line.split() for line in lines)
    swapped_in, swapped_out = (counts.get(name) for name in ("pswpin", "pswpout"))
    return (
        None if swapped_in is None else int(swapped_in),
        None if swapped_out is None else int(swapped_out),
    )


def _more(before: int | None, after: int | None) -> int | None:
    return None if before is None or after is None else after - before
