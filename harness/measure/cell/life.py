"""The facts about a server's life after its windows, and those that its strain adds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from harness.measure.launch.launchers import Launched
from harness.search import search
from harness.search.tallying import counted
from harness.setup import slo
from harness.stored.functions import Burst
from harness.stored.lifecycle import (
    Lifecycle,
    Overload,
    Replacement,
    Restart,
    Shutdown,
    Training,
)
from harness.stored.pods import ClusterChange, PodShare
from harness.stored.records import Search, Startup, Stop, Window, of_kind
from harness.stored.starts import Starts
from harness.windows.kinds import WindowKind


@dataclass(kw_only=True)
class Life:
    """Filled bit by bit, so that what was learnt is kept where something fails half-way."""

    startup: Startup | None = None
    windows: list[Window] = field(default_factory=list)  # the run's own list, of all kinds
    search: Search | None = None
    idle_cpu_share: float | None = None
    memory_after_bytes: int | None = None
    overload: Overload | None = None
    not_overloaded: str = ""
    shutdown: Shutdown | None = None
    restart: Restart | None = None
    replacement: Replacement | None = None
    training: Training | None = None
    starts: Starts | None = None
    burst: Burst | None = None
    shares: tuple[PodShare, ...] = ()
    changes: list[ClusterChange] = field(default_factory=list)
    show: Callable[[str], None] = lambda _: None  # what it has come to
    stop: Stop | None = None
    stopped: bool = False  # it was told to, and whatever could be ended is

    def added_to(self, known: Lifecycle) -> Lifecycle:
        """With what was known before any load."""
        return Lifecycle(
            installed=known.installed,
            memory_idle_bytes=known.memory_idle_bytes,
            idle_cpu_share=self.idle_cpu_share,
            memory_after_bytes=self.memory_after_bytes,
            overload=self.overload,
            not_overloaded=self.not_overloaded,
            shutdown=self.shutdown,
            restart=self.restart,
            jobs=known.jobs,
            replacement=self.replacement,
            training=self.training,
            starts=self.starts,
            burst=self.burst,
            lost=known.lost,
            shares=self.shares,
            changes=tuple(self.changes),
        )


def capacity_per_s(life: Life) -> float | None:
    """The rate that was found to hold the SLO; else what was answered in a closed loop."""
    if life.search is not None:
        wanted = slo.parse(life.search.slo)
        probes = of_kind(life.windows, WindowKind.PROBE)
        found = search.estimate(counted(probes, wanted), wanted).rate_per_s
        if found:
            return found
    profiles = of_kind(life.windows, WindowKind.PROFILE)
    closed = [w for w in profiles if not w.facts.profile.is_open and w.requests.ok.any()]
    if not closed:
        return None
    return closed[-1].requests.throughput(closed[-1].facts.elapsed_s)


def memory_bytes(launched: Launched) -> int | None:
    """Proportional set size of its processes now; None: not known."""
    row = launched.sample(pss=True)
    return None if row is None else row.get("pss_bytes")
