"""Runs of Deployments that nobody measured: replicas, and changes under load."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from harness.setup.changes import (
    AUTOSCALING,
    NODE_DRAINED,
    NOT_LIVE,
    POD_KILLED,
    ROLLING_UPDATE,
    TRAIN_AND_SERVE,
    ChangeName,
)
from harness.stored.container import ContainerFacts
from harness.stored.identity import VARIANT, Cell, Point
from harness.stored.lifecycle import Lifecycle
from harness.stored.pods import (
    ClusterChange,
    Happening,
    LoadPhase,
    PodFacts,
    PodMoment,
    PodShare,
    TrainedVersion,
)
from harness.stored.records import SCALE, Campaign, Run, Window, WindowFacts
from harness.windows.causes import Cause
from harness.windows.kinds import WindowKind
from harness.windows.marks import MARKS, Marks
from harness.windows.profiles import Profile
from harness.windows.samples import ERRORS, MISSING, Calls, Requests, Usage, empty
from tests import fakes
from tests.fakes import Fake

S = 1_000_000_000
SLO = "p99<50ms"
SHIM = "metrics.k8s.io, served by metrics.py on 10.244.0.1: a stand-in for metrics-server"
ONE_NODE = "one node: its pods share a machine with the cluster itself"
BEFORE_S, DURING_S, AFTER_S = 6.0, 6.0, 6.0
STEPS = (("0.5x", 50.0), ("1x", 100.0), ("2x", 200.0), ("0.5x", 50.0))
STEP_S = 20.0
POD = PodFacts(
    cluster="v1.20.2",
    node="node-1",
    namespace="serving-harness-1",
    qos="Guaranteed",
    replicas=1,
    own_cpus=False,
    usage_from="kubelet",
    address="10.96.3.7:8080",
)
CONTAINER = ContainerFacts(
    engine="containerd 1.6.20",
    reached="service",
    memory_limit_bytes=1 << 30,
    pids_limit=0,
    memory_peak_bytes=None,
    throttled_s=None,
    out_of_memory=None,
    pod=POD,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of the requests of a window: of those that are due in a stretch."""

    from_s: float
    to_s: float
    taken_ms: float = 8.0
    error: str = ""


def window(
    name: ChangeName,
    rates: Sequence[tuple[float, float]],
    fates: Sequence[Fate] = (),
    causes: Sequence[Cause] = (),
) -> Window:
    """(seconds, rate) one after another, at regular intervals; 8 ms each, but for the fates."""
    due, start = [], 0.0
    for seconds, rate in rates:
        due.append(start + np.arange(int(seconds * rate)) / rate)
        start += seconds
    at = np.concatenate(due)
    taken, error = np.full(len(at), 8.0), np.zeros(len(at), np.int64)
    for fate in fates:
        rows = (at >= fate.from_s) & (at < fate.to_s)
        taken[rows] = fate.taken_ms
        error[rows] = ERRORS.index(fate.error)
    due_ns = np.round(at * 1e9).astype(np.int64)
    done_ns = np.where(error > 0, MISSING, due_ns + np.round(taken * 1e6).astype(np.int64))
    zeros = np.zeros(len(at), np.int64)
    requests = Requests(
        payload=zeros,
        due_ns=due_ns,
        sent_ns=due_ns,
        first_byte_ns=done_ns,
        done_ns=done_ns,
        status=np.where(error > 0, 0, 200),
        error=error,
        queued=zeros,
        resent=zeros,
    )
    facts = WindowFacts(
        profile=Profile(name, "constant", start, rate_per_s=rates[0][1]),
        elapsed_s=start,
        generator_cpu_s=0.1,
        generator_cpus=1,
        steal_share=0.0,
        checked=0,
        wrong=0,
        kind=WindowKind.CHANGE,
        causes=tuple(causes),
    )
    return Window(facts=facts, requests=requests, usage=empty(Usage), calls=empty(Calls))


def three(rate_per_s: float = 100.0) -> tuple[LoadPhase, ...]:
    """Before, during and after."""
    edges = (0.0, BEFORE_S, BEFORE_S + DURING_S, BEFORE_S + DURING_S + AFTER_S)
    return tuple(
        LoadPhase(name=name, from_ns=int(a * S), to_ns=int(b * S), rate_per_s=rate_per_s)
        for name, (a, b) in zip(("before", "during", "after"), pairwise(edges), strict=True)
    )


def changed(
    name: ChangeName, fates: Sequence[Fate] = (), causes: Sequence[Cause] = (), **more: object
) -> tuple[Window, ClusterChange]:
    """A change of a Deployment at 100 requests a second for 18 s, done after 6 s."""
    seconds = BEFORE_S + DURING_S + AFTER_S
    told = ClusterChange(
        name=name,
        slo=SLO,
        rate_per_s=100.0,
        phases=three(),
        moments=moments([(0.0, 2, 2, 2), (6.0, 2, 2, 3), (9.0, 2, 2, 3), (12.0, 2, 2, 2)]),
        happenings=(Happening(at_ns=6 * S, said=f"{name} began"),),
        note=ONE_NODE,
    )
    return window(name, [(seconds, 100.0)], fates, causes), replace(told, **more)  # type: ignore[arg-type]


def moments(
    seen: Sequence[tuple[float, int, int, int]], cpu: int | None = None
) -> tuple[PodMoment, ...]:
    """(seconds, wanted, ready, present)."""
    return tuple(
        PodMoment(at_ns=int(at * S), wanted=wanted, ready=ready, present=present, cpu_percent=cpu)
        for at, wanted, ready, present in seen
    )


def autoscaled(fates: Sequence[Fate] | None = None) -> tuple[Window, ClusterChange]:
    """Steps of 20 s to 0.5, 1, 2 and 0.5 times a pod's capacity of 100/s. At twice the capacity,
    requests are late for 9 s, and some fail; a second pod is asked for after 5 s and ready after 8.
    11 s after the rate fell, one pod is left."""
    phases = tuple(
        LoadPhase(
            name=name, from_ns=int(n * STEP_S * S), to_ns=int((n + 1) * STEP_S * S), rate_per_s=rate
        )
        for n, (name, rate) in enumerate(STEPS)
    )
    slow = [
        Fate(from_s=40.0, to_s=49.0, taken_ms=400.0),
        Fate(from_s=44.0, to_s=44.1, error="timeout"),
    ]
    seen = [(0.0, 1, 1, 1), (45.0, 2, 1, 1), (46.0, 2, 1, 2), (48.0, 2, 2, 2), (70.0, 1, 2, 2)]
    seen += [(71.0, 1, 1, 2), (75.0, 1, 1, 1)]
    told = ClusterChange(
        name=AUTOSCALING,
        slo=SLO,
        rate_per_s=100.0,
        phases=phases,
        moments=moments(seen, 80),
        happenings=(Happening(at_ns=45 * S, said="2 replicas asked for"),),
        metrics_from=SHIM,
        note=ONE_NODE,
    )
    rates = [(STEP_S, rate) for _, rate in STEPS]
    causes = [Cause(error="timeout", kind="no answer in time", count=20)]
    return window(AUTOSCALING, rates, slow if fates is None else fates, causes), told


UNDRAINED = (
    Fate(from_s=8.0, to_s=8.1, error="disconnected"),
    Fate(from_s=8.1, to_s=8.13, error="connect"),
)
UNDRAINED_CAUSES = (
    Cause(error="disconnected", kind="reset", count=10),
    Cause(error="connect", kind="refused", count=3),
)


def rolled(*, drains: bool = False) -> tuple[Window, ClusterChange]:
    """A rolling update, in which requests are lost unless pods finish what they have taken."""
    if drains:
        return changed(ROLLING_UPDATE, [Fate(from_s=7.0, to_s=8.0, taken_ms=12.0)])
    return changed(ROLLING_UPDATE, UNDRAINED, UNDRAINED_CAUSES, recovery_s=6.0)


def retrained() -> tuple[Window, ClusterChange]:
    """A Job that trains version 2: its first answer comes 9 s after the window began, the last of
    version 1 half a second later."""
    version = TrainedVersion(
        version=2,
        by="Job",
        asked_ns=6 * S,
        began_ns=7 * S,
        ended_ns=int(8.5 * S),
        served_ns=10 * S,
        trained_s=0.8,
        accuracy=0.97,
    )
    made, told = changed(TRAIN_AND_SERVE, trained=(version,))
    count = len(made.requests)
    at_s = made.requests.due_ns / 1e9
    mixed = (at_s >= 9.0) & (at_s < 9.5) & (np.arange(count) % 2 == 1)
    versions = np.where((at_s < 9.0) | mixed, 1, 2)
    marks = Marks(
        request=np.arange(count),
        mark=np.full(count, MARKS.index("version")),
        value=versions.astype(np.int64),
    )
    return replace(made, marks=marks), told


def every() -> tuple[tuple[Window, ClusterChange], ...]:
    """One of each kind."""
    killed = [Fate(from_s=6.0, to_s=6.03, error="disconnected")]
    frozen = [Fate(from_s=6.0, to_s=7.0, error="timeout")]
    return (
        autoscaled(),
        rolled(),
        changed(POD_KILLED, killed, recovery_s=2.5),
        changed(NODE_DRAINED, failure="the node could not be cordoned"),
        changed(NOT_LIVE, frozen),
        retrained(),
    )


def having(made: Run, *changes: tuple[Window, ClusterChange], pods: Sequence[int] = ()) -> Run:
    """The run of a Deployment that was changed so, and whose pods had so many calls."""
    life = made.facts.lifecycle or Lifecycle()
    shares = tuple(PodShare(pod=f"pod-{n}", calls=calls) for n, calls in enumerate(pods))
    pod = replace(POD, replicas=max(len(pods), 1))
    facts = replace(
        made.facts,
        lifecycle=replace(life, changes=tuple(told for _, told in changes), shares=shares),
        container=replace(CONTAINER, pod=pod),
    )
    windows = [*made.windows, *(window for window, _ in changes)]
    return fakes.of_windows(replace(made, facts=facts), *windows)


def campaign(
    known: Sequence[Fake], replicas: Sequence[int] = (1, 2, 3), rounds: int = 2, id: str = "scaled"
) -> Campaign:
    """A campaign of `scale` on iris."""
    cells = tuple(
        Cell(
            subject=fake.subject,
            benchmark="iris",
            point=Point("replicas", value, VARIANT),
            round=number,
        )
        for number in range(1, rounds + 1)
        for fake in known
        for value in replicas
    )
    names = list(dict.fromkeys(cell.benchmark_name for cell in cells))
    plan = fakes.campaign(known, rounds, names, id)
    return replace(plan, cells=cells, kind=SCALE, preset="scale")


def runs(
    plan: Campaign,
    known: Sequence[Fake],
    changes: Sequence[tuple[Window, ClusterChange]] = (),
    gains: Sequence[float] = (1.0, 1.8, 2.1),
) -> list[Run]:
    """Its runs: so many times the capacity of one with each number of replicas, and the changes at
    one."""
    by_subject = {fake.subject: fake for fake in known}
    made = []
    for cell in plan.cells:
        assert cell.point is not None
        fake, value = by_subject[cell.subject], cell.point.value
        capacity = (fake.capacity_per_s or 100.0) * gains[value - 1]
        base = fakes.run(
            replace(fake, capacity_per_s=capacity), cell.round, "iris", plan.id, cell.point
        )
        calls = [600, 500, 100][:value] if value > 1 else [1200]
        made.append(having(base, *(changes if value == 1 else ()), pods=calls))
    return made
