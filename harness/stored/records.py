"""What is measured: the records that the measuring half writes and the reporting half reads.

A Run is frozen the moment it exists.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from harness.setup.endpoints import REFERENCE, Endpoint
from harness.setup.judges import EQUAL
from harness.setup.launching import Launching, of_earlier
from harness.stored.clocks import SAME_CLOCK, ServerClock
from harness.stored.hosts import HostCheck, HostProof, HostWatch, WorkerFacts
from harness.stored.lifecycle import Lifecycle
from harness.stored.revisions import Revision
from harness.stored.tunings import Tuning
from harness.windows.causes import Cause
from harness.windows.profiles import Profile
from harness.windows.samples import Calls, Chunks, Requests, Usage, empty


@dataclass(frozen=True, slots=True)
class Cell:
    """One variant x benchmark x round (rounds count from 1)."""

    variant: str
    benchmark: str
    round: int

    def __str__(self) -> str:
        return f"{self.variant} on {self.benchmark}, round {self.round}"


@dataclass(frozen=True, slots=True)
class OwnFigures:
    """What the server itself counted in a window, summed over its requests."""

    requests: float
    queue_s: float | None  # that they waited before the model
    model_s: float | None  # that they were in it


@dataclass(frozen=True, slots=True)
class WindowFacts:
    """One profile's stretch of a run, all but its columns."""

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
    workers: tuple[WorkerFacts, ...] = ()  # of the driver `locust`
    own: OwnFigures | None = None  # None where the server counts nothing that is known here
    causes: tuple[Cause, ...] = ()  # why requests failed, as far as known
    timeout_s: float | None = None  # of a request; None in files of earlier schemas
    addresses: tuple[str, ...] = ()  # where requests went, as far as known
    server_clock: ServerClock = SAME_CLOCK  # that stamped the predictor's calls


@dataclass(frozen=True, slots=True)
class Window:
    """One profile's stretch of a run, with its columns."""

    facts: WindowFacts
    requests: Requests
    usage: Usage
    calls: Calls
    chunks: Chunks = field(default_factory=lambda: empty(Chunks))  # where the protocol asks


@dataclass(frozen=True, slots=True)
class Startup:
    """From the start of the server's process, in seconds."""

    ready_s: float
    first_answer_s: float


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Load before the first window, in slices, until their medians agree."""

    seconds: float  # under load, in all
    steady_s: float | None  # of them, before the first of the slices that agree; None: none did
    medians_ms: tuple[float | None, ...]  # of each slice; None where it had no answer


@dataclass(frozen=True, slots=True)
class Stop:
    """How the server went."""

    seconds: float
    exit_code: int | None
    orphans: int  # processes still there when the main one had ended
    killed: int  # processes that only SIGKILL ended


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What a container was made from."""

    tag: str  # named after its content
    id: str
    size_bytes: int
    base: str  # the image that it was built on
    build_s: float | None  # when it was built; None where this machine did not build it
    steps: int  # of its Dockerfile, all stages
    steps_reused: int  # whose layers were there already


@dataclass(frozen=True, slots=True)
class ContainerFacts:
    """How a container ran."""

    engine: str  # its version
    reached: str  # "container": at its own address; "published": at a port of this machine
    memory_limit_bytes: int
    pids_limit: int
    memory_peak_bytes: int | None  # file cache included; None where the kernel does not tell
    throttled_s: float | None
    out_of_memory: int | None  # processes that the kernel killed for it


@dataclass(frozen=True, slots=True)
class Trial:
    """A fault that was inflicted on a server, and what came of it."""

    fault: str
    status: int  # HTTP status or gRPC code of the answer; 0 where none came
    said: str
    serves: bool  # whether right payloads were answered rightly afterwards
    recovery_s: float  # until they were


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


@dataclass(frozen=True, slots=True)
class ServerFacts:
    """What ran."""

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

    @property
    def way(self) -> Launching:
        """What its launcher declared."""
        return self.launching or of_earlier(self.launcher)


@dataclass(frozen=True, slots=True)
class Search:
    """The search for the highest rate that meets the SLO; a probe is a window like any other."""

    slo: str
    start_per_s: float
    ceiling_per_s: float  # beyond it the generator would be measured
    budget_s: float
    probes: tuple[WindowFacts, ...]
    ended: str = ""  # why it ended before it was done: no answer, or a request alone is too slow


@dataclass(frozen=True, slots=True)
class RunFacts:
    """A run, all but its columns."""

    campaign: str
    cell: Cell
    server: ServerFacts
    started_at: str  # ISO 8601, UTC
    phases_s: dict[str, float]  # wall seconds spent in each phase
    startup: Startup | None
    verified: int  # payloads whose answer was compared before timing
    windows: tuple[WindowFacts, ...]
    stop: Stop | None
    failure: Failure | None
    model_threads: tuple[int, ...] = ()  # read back, in each process that loaded the model
    image: ImageFacts | None = None  # None where it was no container
    container: ContainerFacts | None = None
    search: Search | None = None  # None where none was asked for, or the run did not get that far
    warm_up: WarmUp | None = None  # None where there was none
    lifecycle: Lifecycle | None = None  # None in files of earlier schemas
    strains: tuple[WindowFacts, ...] = ()  # as with search; see harness.stored.lifecycle
    audit: WindowFacts | None = None  # as with search; see harness.windows.audit

    @property
    def outcome(self) -> str:
        return "ok" if self.failure is None else "failed"


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Run:
    """An executed cell: one server start, then every profile in order. Equal to itself alone."""

    facts: RunFacts
    windows: tuple[Window, ...]
    log: str = field(default="", repr=False)
    probes: tuple[Window, ...] = ()  # of the search
    strains: tuple[Window, ...] = ()  # in which it was overloaded, and stopped
    audit: Window | None = None

    @property
    def cell(self) -> Cell:
        return self.facts.cell

    @property
    def every_window(self) -> tuple[Window, ...]:
        """The run's own, then the probes, then the strains, then the audit."""
        return (*self.windows, *self.probes, *self.strains, *([self.audit] if self.audit else []))

    def window(self, profile: str) -> Window | None:
        """The window of the profile of that name, if the run got that far."""
        return next((w for w in self.windows if w.facts.profile.name == profile), None)

    def strain(self, name: str) -> Window | None:
        """The window of that strain, if the run got that far."""
        return next((w for w in self.strains if w.facts.profile.name == name), None)


@dataclass(frozen=True, slots=True)
class BenchmarkFacts:
    """What a campaign knew of a benchmark when it began."""

    version: int
    description: str
    slo: str
    payloads: int
    artefact: dict[str, Any]  # facts.json of the build: held-out accuracy and the like
    capacity_per_s: float  # of the predictor in process, one caller
    profiles: tuple[Profile, ...]  # with absolute rates
    verify_share: float = 1.0  # of the payloads, asked before timing in the first round
    capacity_s: float = 0.0  # for the search of each run; 0: none was asked for
    content: str = ""  # digest of its files; empty in those of a version that did not keep it
    judge: str = EQUAL  # see harness.setup.judges; of earlier schemas, the only one there was
    tolerance: float | None = None  # of numbers in answers; None in files of earlier schemas


@dataclass(frozen=True, slots=True)
class Campaign:
    """The plan of one `run` command, and the machine that it ran on."""

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
