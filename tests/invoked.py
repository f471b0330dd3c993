"""Runs of functions that nobody measured: their invocations, starts and bursts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np

from harness.stored.functions import Burst, FunctionFacts, Lost
from harness.stored.identity import Point
from harness.stored.lifecycle import Lifecycle
from harness.stored.records import Run, Window
from harness.stored.starts import (
    FILES,
    IDLE,
    IMAGE,
    PROCESS,
    Start,
    Starts,
    Temperature,
    ThrownAway,
)
from harness.windows.invocations import Invocations
from harness.windows.kinds import WindowKind
from harness.windows.profiles import Profile
from harness.windows.samples import ERRORS, MISSING, Ints
from tests import fakes
from tests.fakes import Fake

MIB = 1 << 20
BURST = Profile("burst", "poisson", 3.0, rate_per_s=40.0)
NO_IMAGE = "it has no image: its instances are processes"


@dataclass(frozen=True, slots=True, kw_only=True)
class Function:
    """How a function that does not exist behaves."""

    memory_mib: int = 1769
    concurrency: int = 1
    idle_s: float = 300.0
    billed_ms: int = 7  # of a request to an instance that is there
    start_ms: int = 800  # billed of a start besides
    cold: int = 0  # of the requests of a window, the first ones
    peak_mib: int = 130
    instances: int = 4  # of the burst
    throttled: int = 10  # of its requests, the first of those that met none
    starts: Starts | None = None
    lost: tuple[Lost, ...] = ()


def invocations(rows: int, **columns: Sequence[int] | Ints) -> Invocations:
    """Rows of which only some columns matter; the others are zeros."""
    zeros = np.zeros(rows, np.int64)
    named = {name: np.asarray(values, np.int64) for name, values in columns.items()}
    return Invocations(**{f.name: named.get(f.name, zeros) for f in fields(Invocations)})


def answered(told: Function, window: Window) -> Invocations:
    """Each request of a window at an instance of its own time, the first ones cold."""
    count = len(window.requests)
    cold = (np.arange(count) < told.cold).astype(np.int64)
    arrived = np.maximum(window.requests.sent_ns, 0)
    dispatched = arrived + cold * told.start_ms * 1_000_000
    taken = told.billed_ms * 1_000_000 - 400_000
    return invocations(
        count,
        arrived_ns=arrived,
        dispatched_ns=dispatched,
        handled_ns=dispatched + 200_000,
        returned_ns=dispatched + taken - 200_000,
        answered_ns=dispatched + taken,
        sent_ns=dispatched + taken + 100_000,
        instance=np.maximum(np.cumsum(cold), 1),
        cold=cold,
        status=np.full(count, 200),
        billed_ms=told.billed_ms + cold * told.start_ms,
        init_ns=cold * told.start_ms * 1_000_000,
        peak_bytes=np.full(count, told.peak_mib * MIB),
    )


def starts(*whole_ms: tuple[Temperature, float], count: int = 10) -> Starts:
    """As many samples at each temperature, which differ a bit; a tenth of it each but import."""
    samples = [
        _start(temperature, ms / 1e3 * (1 + 0.01 * number))
        for temperature, ms in whole_ms
        for number in range(count)
    ]
    return Starts(
        samples=tuple(samples),
        thrown_away=(ThrownAway(temperature=FILES, count=2, reason="it read 3 pages from disk"),),
        impossible=((IMAGE, NO_IMAGE),),
    )


def _start(temperature: Temperature, whole_s: float) -> Start:
    idle = temperature == IDLE
    tenth = 0.0 if idle else whole_s / 10
    return Start(
        temperature=temperature,
        create_s=tenth,
        runtime_s=tenth,
        import_s=6 * tenth,
        load_s=tenth,
        answer_s=whole_s - 9 * tenth,
        whole_s=whole_s,
        major_faults=0,
    )


USUAL = starts((FILES, 2400.0), (PROCESS, 800.0), (IDLE, 6.0))


def run(
    fake: Fake, told: Function, number: int = 1, benchmark: str = "iris", point: Point | None = None
) -> Run:
    """The run of a function in one round."""
    made = fakes.run(replace(fake, track="functions"), number, benchmark, point=point)
    return function(made, told)


def function(made: Run, told: Function) -> Run:
    """The same run, of a function."""
    windows = [
        replace(each, invocations=answered(told, each))
        if each.facts.kind == WindowKind.PROFILE
        else each
        for each in made.windows
    ]
    facts = FunctionFacts(
        event="http",
        memory_mib=told.memory_mib,
        timeout_s=30.0,
        concurrency=told.concurrency,
        most_instances=None,
        beyond="queue",
        idle_s=told.idle_s,
    )
    life = replace(made.facts.lifecycle or Lifecycle(), starts=told.starts, lost=told.lost)
    if told.starts is not None:
        windows.append(burst(told, made))
        life = replace(life, burst=Burst(most_instances=8, beyond="throttle"))
    server = replace(made.facts.server, function=facts)
    own = replace(made.facts, server=server, lifecycle=life)
    return fakes.of_windows(replace(made, facts=own), *windows)


def burst(told: Function, made: Run) -> Window:
    """Requests that come at once: each of the first ones starts an instance, the next are
    throttled, and the rest find one."""
    base = fakes.window(Fake(made.cell.subject.variant, 20.0), made.cell, BURST, _rng(made))
    count = len(base.requests)
    place = np.arange(count)
    cold = (place < told.instances).astype(np.int64)
    refused = (place >= told.instances) & (place < told.instances + told.throttled)
    error = np.where(refused, ERRORS.index("status"), 0)
    status = np.where(refused, 429, 200)
    requests = replace(base.requests, error=error, status=status)
    arrived = requests.sent_ns
    started = arrived + told.start_ms * 1_000_000
    given = np.where(cold == 1, started, np.maximum(arrived, started[: told.instances].max()))
    rows = invocations(
        count,
        arrived_ns=arrived,
        dispatched_ns=np.where(refused, MISSING, given),
        handled_ns=np.where(refused, MISSING, given),
        returned_ns=np.where(refused, MISSING, given + 5_000_000),
        answered_ns=np.where(refused, MISSING, given + 6_000_000),
        sent_ns=given + 6_100_000,
        instance=np.where(refused, MISSING, 1 + place % told.instances),
        cold=cold,
        status=status,
        billed_ms=np.where(refused, 0, told.billed_ms + cold * told.start_ms),
        init_ns=cold * told.start_ms * 1_000_000,
        peak_bytes=np.full(count, told.peak_mib * MIB),
    )
    return replace(base, requests=requests, invocations=rows).of_kind(WindowKind.BURST)


def _rng(made: Run) -> np.random.Generator:
    return np.random.default_rng(made.cell.round)
