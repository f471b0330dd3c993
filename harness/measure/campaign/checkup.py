"""Whether a host is fit to measure on: one registered function a check.

`doctor` runs them, and every campaign before its first cell.
"""

from __future__ import annotations

import os
import resource
import select
import tempfile
import time
import timeit
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import psutil

from harness.base import paths
from harness.measure.launch import launchers
from harness.measure.load.generator import stamped
from harness.measure.load.generator.timer import Timer
from harness.measure.watch import host, own_limits
from harness.measure.watch.moment import Moment
from harness.stored.hosts import HostCheck, HostProof, HostWatch

Fit = Literal["good", "doubtful", "unfit"]
Cpus = tuple[tuple[int, ...], tuple[int, ...]]  # of the server, of the generator

_LOOK_S = 1.0
# A socket's path has 107 characters at most, of which a server's own part takes up to 58: Python's
# multiprocessing makes /harness-XXXXXXXX/cell/tmp/pymp-XXXXXXXX/listener-XXXXXXXX.
_LONGEST_TMPDIR = 49
# A framework in Python answers some thousands a second on a core; the generator must do more.
_LEAST_CEILING_PER_S, _LOW_CEILING_PER_S = 1000, 5000
# From these on a window is INVALID, unless its response times are so long that it does not matter.
_LAG_P50_US, _LAG_P99_US = 500, 5000
# The timer is the first part of the lag: beyond half of what is allowed, little is left.
_TIMER_P50_US, _TIMER_P99_US = 250, 2500
_TIMER_TRIES = 200
# Clocks slower than this need a system call or a device: tsc takes some 50 ns, hpet 1 us.
_SLOW_CLOCK_NS = 500
_CLOCK_READS = 1000
# A generator process opens up to 1024 connections, and a server has as many beside its own files.
_LEAST_FILES, _FEW_FILES = 1100, 4096
_SWAP_USED_GIB = 0.1
_THRASHING_PAGES = 1000  # 4 MiB in a second: memory is short


@dataclass(frozen=True, slots=True, kw_only=True)
class HostState:
    """The state that checks look at."""

    proof: HostProof | str  # a text says why there is none
    cpus: Cpus
    busy: float | None  # share of the CPU time while it was looked at
    stolen: float | None
    meanwhile: HostWatch


Check = Callable[[HostState], tuple[Fit, str]]
CHECKS: dict[str, Check] = {}


def check(function: Check) -> Check:
    """Register a check under its function's name."""
    CHECKS[getattr(function, "__name__", "").replace("_", " ")] = function
    return function


def all_checks(proof: HostProof | str, cpus: Cpus) -> Iterator[HostCheck]:
    """Look at the host for a second, then run every check."""
    before = Moment.now()
    time.sleep(_LOOK_S)
    after = Moment.now()
    ground = HostState(
        proof=proof,
        cpus=cpus,
        busy=before.busy_until(after),
        stolen=before.stolen_until(after),
        meanwhile=before.watch_until(after),
    )
    for name, function in CHECKS.items():
        yield HostCheck(name, *function(ground))


@check
def cpus(ground: HostState) -> tuple[Fit, str]:
    server, generator = ground.cpus
    if set(server) & set(generator):
        return "unfit", "one CPU: server and generator share it. Use a machine with two or more"
    return "good", f"{len(server)} for the server, {len(generator)} for the generator"


@check
def generator_ceiling(ground: HostState) -> tuple[Fit, str]:
    if isinstance(ground.proof, str):
        return "doubtful", f"not known. {ground.proof}"
    rate = ground.proof.ceiling_per_s
    message = f"{rate:.0f}/s against the null server"
    if rate < _LEAST_CEILING_PER_S:
        return "unfit", f"{message}: frameworks reach more. Use a faster machine"
    return ("doubtful" if rate < _LOW_CEILING_PER_S else "good"), message


@check
def send_lag(ground: HostState) -> tuple[Fit, str]:
    if isinstance(ground.proof, str):
        return "doubtful", "not known: the generator was not proven"
    p50, p99 = ground.proof.lag_p50_us, ground.proof.lag_p99_us
    message = f"median {p50:.0f} us, p99 {p99:.0f} us, at {ground.proof.rate_per_s:.0f}/s"
    if p50 > _LAG_P50_US:
        return (
            "unfit",
            f"{message}: every request is sent late. Stop other processes that use the CPUs",
        )
    return ("doubtful" if p99 > _LAG_P99_US else "good"), message


@check
def timer(_: HostState) -> tuple[Fit, str]:
    p50, p99 = np.percentile(timer_lateness_us(), [50, 99])
    message = f"wakes {p50:.0f} us late (median), {p99:.0f} us (p99)"
    if p50 > _LAG_P50_US:
        return "unfit", f"{message}: no request can be sent on time"
    return ("doubtful" if p50 > _TIMER_P50_US or p99 > _TIMER_P99_US else "good"), message


def timer_lateness_us() -> list[float]:
    """How late the driver's timer wakes this process, time after time."""
    made, late = Timer(), []
    try:
        for turn in range(_TIMER_TRIES):
            due = time.monotonic_ns() + 500_000 + 7_000 * (turn % 100)  # 0.5 to 1.2 ms ahead
            made.arm(due)
            select.select([made.fd], [], [])
            late.append((time.monotonic_ns() - due) / 1e3)
    finally:
        made.close()
    return late


@check
def clock_source(_: HostState) -> tuple[Fit, str]:
    cost = (
        min(timeit.repeat(time.monotonic_ns, number=_CLOCK_READS, repeat=20)) / _CLOCK_READS * 1e9
    )
    message = f"{host.clock_source() or 'not shown'}, {cost:.0f} ns a reading"
    if cost > _SLOW_CLOCK_NS:
        return "doubtful", f"{message}: each request takes four readings. Boot with clocksource=tsc"
    return "good", message


@check
def kernel_stamps(_: HostState) -> tuple[Fit, str]:
    if stamped.by_kernel():
        return "good", "the kernel says when an answer came"
    return "doubtful", (
        "the kernel does not say when an answer came (WSL 1 does not): the generator's own clock "
        "does, later by the time that it waits for its CPU"
    )


@check
def other_load(ground: HostState) -> tuple[Fit, str]:
    if ground.busy is None:
        return "doubtful", "this host does not show it"
    message = f"{ground.busy:.0%} of the CPU time is used by other processes now"
    if ground.busy > 0.5:
        return "unfit", f"{message}. Stop processes that do not belong to the measurement"
    return ("doubtful" if ground.busy > 0.1 else "good"), message


@check
def stolen_time(ground: HostState) -> tuple[Fit, str]:
    if ground.stolen is None:
        return "doubtful", "this host does not show it"
    message = f"{ground.stolen:.1%} of the CPU time is taken by the hypervisor"
    if ground.stolen > 0.1:
        return "unfit", f"{message}. Use a machine with dedicated CPUs"
    return ("doubtful" if ground.stolen > 0.02 else "good"), message


@check
def frequency(ground: HostState) -> tuple[Fit, str]:
    mhz = host.frequencies_mhz([cpu for cpus in ground.cpus for cpu in cpus])
    now = f"now {min(mhz):.0f} to {max(mhz):.0f} MHz" if mhz else "the frequency is not shown"
    governor = host.governor()
    if governor is None:
        return "good", f"set outside this host (a virtual machine shows no governor); {now}"
    if governor != "performance":
        return "doubtful", f"governor {governor!r}, {now}. Set it to 'performance' while measuring"
    return "good", f"governor 'performance', {now}"


@check
def cpu_quota(_: HostState) -> tuple[Fit, str]:
    quota, allowed = own_limits.read().cpus, len(os.sched_getaffinity(0))
    if quota is None or quota >= allowed:
        return "good", "none below the number of CPUs"
    said = f"this control group may use {quota:g} of {allowed} CPUs' time"
    if quota < 2:
        return "unfit", f"{said}: server and generator need a CPU each. Raise or remove the limit"
    return "doubtful", f"{said}, so only that many are used. Pin CPUs instead (--cpuset-cpus)"


@check
def memory(_: HostState) -> tuple[Fit, str]:
    free, limit = host.free_memory_bytes() / host.GIB, own_limits.read().memory_bytes
    said = f"{free:.1f} GiB free"
    if limit is not None and limit < psutil.virtual_memory().total:
        said += f" of the {limit / host.GIB:.1f} GiB that this control group may use"
    return ("unfit" if free < 1 else "doubtful" if free < 4 else "good"), said


@check
def swap(ground: HostState) -> tuple[Fit, str]:
    used = psutil.swap_memory().used / host.GIB
    pages = (ground.meanwhile.swapped_in or 0) + (ground.meanwhile.swapped_out or 0)
    message = f"{used:.1f} GiB in use, {pages} pages moved in {_LOOK_S:g} s"
    if pages > _THRASHING_PAGES:
        return "unfit", f"{message}: the host swaps now. Free memory or turn swap off"
    if pages or used > _SWAP_USED_GIB:
        return "doubtful", f"{message}: a server may be on the disk. Free memory or turn swap off"
    return "good", message


@check
def disk(_: HostState) -> tuple[Fit, str]:
    free = min(host.free_bytes(paths.cache_dir()), host.free_bytes(paths.results_dir())) / host.GIB
    message = f"{free:.1f} GiB free for environments and results"
    return ("unfit" if free < 2 else "doubtful" if free < 10 else "good"), message


@check
def temporary_files(_: HostState) -> tuple[Fit, str]:
    folder = tempfile.gettempdir()
    if len(folder) > _LONGEST_TMPDIR:
        return "doubtful", (
            f"{folder} has a long path: servers that make sockets in it (LitServe, Seldon Core) "
            f"can't start. Let TMPDIR name one of at most {_LONGEST_TMPDIR} characters"
        )
    return "good", folder


@check
def open_files(_: HostState) -> tuple[Fit, str]:
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if 0 <= soft < _FEW_FILES:  # below 0: there is none
        fit: Fit = "unfit" if soft < _LEAST_FILES else "doubtful"
        return fit, f"limit {soft}: many connections need more (ulimit -n 65536)"
    return "good", f"limit {soft if soft >= 0 else 'none'}"


@check
def launcher(_: HostState) -> tuple[Fit, str]:
    found, usable = {}, []
    for name, each in launchers.registered().items():
        made = each.made()
        found[name] = made.why_not("cpu")
        if found[name] is None:
            about = made.about()
            usable.append(f"{name} ({about})" if about else name)
    said = ", ".join(usable)
    said += "".join(f"; {name} can't be used: {why}" for name, why in found.items() if why)
    return ("good" if usable else "unfit"), said
