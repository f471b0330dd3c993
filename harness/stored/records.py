"""The records that the measuring half writes and the reporting half reads.

A Run is frozen the moment it exists.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from harness.setup.answering import COMPUTED, PREDICTED, STORED, Answering, Missing
from harness.setup.endpoints import REFERENCE, Endpoint
from harness.setup.judges import EQUAL
from harness.setup.launching import Launching, of_earlier
from harness.stored.accuracy import Accuracy
from harness.stored.clocks import SAME_CLOCK, ServerClock
from harness.stored.container import ContainerFacts, ImageFacts
from harness.stored.functions import FunctionFacts
from harness.stored.hosts import HostCheck, HostProof, HostWatch, WorkerFacts
from harness.stored.identity import Canaries, Cell
from harness.stored.lifecycle import Lifecycle, WarmUp
from harness.stored.lifecycle import Startup as Startup
from harness.stored.lifecycle import Stop as Stop
from harness.stored.revisions import Revision
from harness.stored.tunings import Tuning
from harness.windows.causes import Cause
from harness.windows.invocations import Invocations
from harness.windows.kinds import WindowKind
from harness.windows.marks import Marks
from harness.windows.own_figures import OwnFigures, Scrapes
from harness.windows.profiles import Profile
from harness.windows.samples import Calls, Chunks, Requests, Usage, empty
from harness.windows.wire import Wire

Kind = Literal["run", "sweep", "tune", "scale"]  # the command whose campaign it is
RUN: Kind = "run"
SWEEP: Kind = "sweep"
TUNE: Kind = "tune"
SCALE: Kind = "scale"
NOOP = "noop"  # the benchmark whose model takes no time


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowFacts:
    """One stretch of load in a run, all but its columns."""

    profile: Profile
    elapsed_s: float
    generator_cpu_s: float
    generator_cpus: int
    steal_share: float | None  # of the host's CPU time, taken by the hypervisor meanwhile
    checked: int  # answers compared with the reference
    wrong: int
    cpu_energy_j: float | None = None  # of all CPU packages; None where RAPL can't be read
    cpu_energy_s: float | None = None  # the time in which they used it: a bit more than the window
    host: HostWatch | None = None  # None in files of earlier schemas
    workers: tuple[WorkerFacts, ...] = ()  # of the driver `locust`, and where one was lost
    own: OwnFigures | None = None  # None where the server counts nothing that is known here
    own_problem: str = ""  # why `own` is None, of a server that should count
    scrapes: Scrapes | None = None  # of its metrics while the window ran; None: it had none
    causes: tuple[Cause, ...] = ()  # why requests failed, as far as known
    timeout_s: float | None = None  # of a request; None in files of earlier schemas
    addresses: tuple[str, ...] = ()  # where requests went, as far as known
    server_clock: ServerClock = SAME_CLOCK  # that stamped the predictor's calls
    kind: WindowKind = WindowKind.PROFILE
    wire: Wire | None = None  # None: not known

    @property
    def is_whole(self) -> bool:
        """Whether no process that fired a part of it was lost."""
        return not any(worker.lost for worker in self.workers)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """One stretch of load in a run, with its columns."""

    facts: WindowFacts
    requests: Requests
    usage: Usage
    calls: Calls
    chunks: Chunks = field(default_factory=lambda: empty(Chunks))  # where the protocol asks
    marks: Marks = field(default_factory=lambda: empty(Marks))  # where its exchanges tell them
    invocations: Invocations = field(default_factory=lambda: empty(Invocations))  # of a function

    def of_kind(self, kind: WindowKind) -> Window:
        """The same window, fired for that."""
        return replace(self, facts=replace(self.facts, kind=kind))


def of_kind(windows: Iterable[Window], *kinds: WindowKind) -> tuple[Window, ...]:
    """The windows of these kinds, in their order."""
    return tuple(window for window in windows if window.facts.kind in kinds)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run ended early."""

    phase: str
    message: str
    log_tail: str = ""


@dataclass(frozen=True, slots=True)
class Setup:
    """How a variant was told to run; what it did is in its calls and `model_threads`."""

    workers: int  # processes that hold the model
    threads: int  # that share a prediction
    max_batch: int  # instances in a call to the predictor; 1 without batching


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """The facts about the measured server."""

    server: str
    framework: str
    version: str | None  # read back from the environment
    homepage: str
    licence: str
    track: str
    protocol: str
    backend: str
    device: str
    launcher: str
    reference: bool
    description: str
    maintained: bool = True
    note: str = ""
    asked: Setup | None = None  # None: an endpoint that was already running can't be asked
    content: str = ""  # digest of the files that it ran from; empty: not known
    insecure: bool = False  # its certificate was not checked
    judged_by: str = REFERENCE  # see harness.setup.endpoints
    is_here: bool = False  # an endpoint that was already running, on this machine
    launching: Launching | None = None  # None in files of earlier schemas: see `way`
    answers: Answering = PREDICTED
    misses: Missing = COMPUTED  # of stored answers
    beside: tuple[str, ...] = ()  # variants of other tracks that it is to be shown beside
    refuses_beyond: int | None = None  # requests at a time, by contract; None: it declares none
    function: FunctionFacts | None = None  # where a service starts instances as requests come

    @property
    def stores(self) -> bool:
        """Whether it declares that its answers are predicted before they are asked for."""
        return self.answers == STORED

    @property
    def way(self) -> Launching:
        """The declaration of its launcher."""
        return self.launching or of_earlier(self.launcher)


@dataclass(frozen=True, slots=True, kw_only=True)
class Search:
    """The search for the highest rate that holds the SLO; its probes are windows of the run."""

    slo: str
    start_per_s: float
    ceiling_per_s: float  # beyond it the generator would be measured
    budget_s: float
    ended: str = ""  # why it ended before it was done: no answer, or a request alone is too slow


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """A run, all but its columns."""

    campaign: str
    cell: Cell
    server: ServerFacts
    started_at: str  # ISO 8601, UTC
    phases_s: dict[str, float]  # wall seconds spent in each phase
    startup: Startup | None
    verified: int  # payloads whose answer was compared before timing
    windows: tuple[WindowFacts, ...]  # of all kinds, in the order in which they were fired
    stop: Stop | None
    failure: Failure | None
    model_threads: tuple[int, ...] = ()  # read back, in each process that loaded the model
    image: ImageFacts | None = None  # None where it was no container
    container: ContainerFacts | None = None
    search: Search | None = None  # None where none was asked for, or the run did not get that far
    warm_up: WarmUp | None = None  # None where there was none
    lifecycle: Lifecycle | None = None  # None in files of earlier schemas
    accuracy: Accuracy | None = None  # of one whose answers are approximate

    def of(self, *kinds: WindowKind) -> tuple[WindowFacts, ...]:
        """The windows of these kinds."""
        return tuple(window for window in self.windows if window.kind in kinds)

    @property
    def profiles(self) -> tuple[WindowFacts, ...]:
        """The windows of the preset's profiles."""
        return self.of(WindowKind.PROFILE)

    @property
    def outcome(self) -> str:
        return "ok" if self.failure is None else "failed"


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Run:
    """An executed cell: one server start, then every profile in order. Equal to itself alone."""

    facts: RunFacts
    windows: tuple[Window, ...]  # of all kinds, as in the facts
    log: str = field(default="", repr=False)

    @property
    def cell(self) -> Cell:
        return self.facts.cell

    def of(self, *kinds: WindowKind) -> tuple[Window, ...]:
        """The windows of these kinds."""
        return of_kind(self.windows, *kinds)

    @property
    def profiles(self) -> tuple[Window, ...]:
        """The windows of the preset's profiles."""
        return self.of(WindowKind.PROFILE)

    @property
    def probes(self) -> tuple[Window, ...]:
        """The windows of the search for the capacity."""
        return self.of(WindowKind.PROBE)

    @property
    def audit(self) -> Window | None:
        """The window of the audit, if there was one."""
        return next(iter(self.of(WindowKind.AUDIT)), None)

    def window(self, profile: str) -> Window | None:
        """The window of the profile of that name, if the run got that far."""
        return next((w for w in self.profiles if w.facts.profile.name == profile), None)

    def strain(self, name: str) -> Window | None:
        """The window of that strain, if the run got that far."""
        strains = self.of(WindowKind.STRAIN)
        return next((w for w in strains if w.facts.profile.name == name), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkFacts:
    """The facts about a benchmark when a campaign began."""

    version: int
    description: str
    slo: str
    payloads: int
    artefact: dict[str, Any]  # facts.json of the build: held-out accuracy and the like
    capacity_per_s: float  # of the predictor in process, one caller
    profiles: tuple[Profile, ...]  # with absolute rates
    verify_share: float = 1.0  # of the payloads, asked before timing in the first round
    capacity_s: float = 0.0  # for the search of each run; 0: none was asked for
    cold_starts: int = 0  # of functions, at each temperature
    burst_s: float = 0.0  # of functions; 0: no burst was asked for
    changes_s: float = 0.0  # of Deployments, as planned; 0: none were asked for
    content: str = ""  # digest of its files; empty in those of a version that did not keep it
    judge: str = EQUAL  # see harness.setup.judges; of earlier schemas, the only one there was
    tolerance: float | None = None  # of numbers in answers; None in files of earlier schemas
    replaced: tuple[str, ...] = ()  # variants that are to serve another version under load

    @property
    def synthetic(self) -> bool:
        """Whether its weights come from a seed, so that its answers mean nothing."""
        return bool(self.artefact.get("synthetic"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Campaign:
    """The plan of one command, and the machine that it ran on."""

    id: str
    started_at: str
    preset: str
    command: str
    cells: tuple[Cell, ...]
    left_out: tuple[tuple[str, str], ...]  # (variant on benchmark, why)
    environment: dict[str, str]
    benchmarks: dict[str, BenchmarkFacts]
    proof: HostProof | None
    server_cpus: tuple[int, ...]
    generator_cpus: tuple[int, ...]
    launcher: str
    device: str
    endpoint: Endpoint | None = None
    checks: tuple[HostCheck, ...] = ()
    driver: str = "native"
    against: Revision | None = None
    tuning: Tuning | None = None  # of the command `tune` alone
    kind: Kind = RUN
    canaries: Canaries = field(default_factory=Canaries)
    scrape_every_s: float = 0.0  # servers' metrics, during windows too; 0: not then
