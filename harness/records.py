"""What is measured: the records that the measuring half writes and the reporting half reads.

A Run is frozen the moment it exists. Columns are NumPy arrays of equal length; times are integer
nanoseconds since the window's start; MISSING marks a moment that never came.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from harness.profiles import Profile

Ints = NDArray[np.int64]
MISSING = -1

# Codes of Requests.error are positions in this tuple. Append only: files store the names.
ERRORS = (
    "",  # answered, and right as far as it was checked
    "connect",  # no connection could be opened
    "disconnected",  # the connection ended before the answer did
    "timeout",  # no whole answer in time
    "status",  # answered with a status other than 2xx
    "garbage",  # the answer is not what the protocol says an answer is
    "wrong_answer",  # well-formed, but not what the reference answers
    "unsent",  # due, but the window ended before it could be sent
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One variant x benchmark x round (rounds count from 1)."""

    variant: str
    benchmark: str
    round: int

    def __str__(self) -> str:
        return f"{self.variant} on {self.benchmark}, round {self.round}"


@dataclass(frozen=True, slots=True)
class Requests:
    """The requests of one window, one row each; a failed one is a row whose `error` is not 0."""

    payload: Ints  # which payload was sent
    due_ns: Ints  # planned send time; MISSING in a closed loop, which has no plan
    sent_ns: Ints
    first_byte_ns: Ints
    done_ns: Ints
    status: Ints  # HTTP status, 0 where none came
    error: Ints  # position in ERRORS
    queued: Ints  # 1 where it had to wait for a free connection, so that lag is not the generator's

    def __len__(self) -> int:
        return len(self.sent_ns)

    @property
    def ok(self) -> NDArray[np.bool_]:
        """Which requests were answered without an error."""
        rows: NDArray[np.bool_] = self.error == 0
        return rows

    def response_ns(self) -> Ints:
        """Response time of the answered requests: from the planned send time to the last byte.

        From the plan, not the send: else a stalled server would hide its own queue.
        Empty in a closed loop.
        """
        rows = self.ok & (self.due_ns != MISSING)
        taken: Ints = self.done_ns[rows] - self.due_ns[rows]
        return taken

    def service_ns(self) -> Ints:
        """Service time of the answered requests: from the send to the last byte."""
        return self.done_ns[self.ok] - self.sent_ns[self.ok]

    def lag_ns(self) -> Ints:
        """How late the generator sent, where it was free to send."""
        rows = (self.due_ns != MISSING) & (self.sent_ns != MISSING) & (self.queued == 0)
        lag: Ints = self.sent_ns[rows] - self.due_ns[rows]
        return lag


@dataclass(frozen=True, slots=True)
class Usage:
    """What the server's process tree used, sampled; one row a sample."""

    at_ns: Ints
    cpu_ns: Ints  # CPU time of the tree since it started
    rss_bytes: Ints
    pss_bytes: Ints  # MISSING between the window's ends: reading it disturbs the server
    processes: Ints
    threads: Ints


@dataclass(frozen=True, slots=True)
class Calls:
    """The predictor seen from the inside; one row a call."""

    start_ns: Ints
    duration_ns: Ints
    batch: Ints  # instances in the call
    process: Ints  # which of the server's processes it was in, from 0


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


@dataclass(frozen=True, slots=True)
class Window:
    """One profile's stretch of a run, with its columns."""

    facts: WindowFacts
    requests: Requests
    usage: Usage
    calls: Calls


@dataclass(frozen=True, slots=True)
class Startup:
    """From the start of the server's process, in seconds."""

    ready_s: float
    first_answer_s: float


@dataclass(frozen=True, slots=True)
class Stop:
    """How the server went."""

    seconds: float
    exit_code: int | None
    orphans: int  # processes still there when the main one had ended
    killed: int  # processes that only SIGKILL ended


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
    asked: Setup | None = None  # None where nobody could ask: an endpoint that was already up


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

    @property
    def outcome(self) -> str:
        return "ok" if self.failure is None else "failed"


@dataclass(frozen=True, slots=True)
class Run:
    """An executed cell: one server start, then every profile in order."""

    facts: RunFacts
    windows: tuple[Window, ...]
    log: str = field(default="", repr=False)

    @property
    def cell(self) -> Cell:
        return self.facts.cell

    def window(self, profile: str) -> Window | None:
        """The window of the profile of that name, if the run got that far."""
        return next((w for w in self.windows if w.facts.profile.name == profile), None)


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


@dataclass(frozen=True, slots=True)
class HostProof:
    """What the generator can do on this host, against the null server."""

    ceiling_per_s: float
    lag_p50_us: float
    lag_p99_us: float
    rate_per_s: float


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A deployed endpoint that is measured as a variant of that name."""

    name: str
    url: str
    protocol: str
    headers: dict[str, str]  # as they were given: `$NAME` stands for a secret that is not stored


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


def empty(columns: type[Any]) -> Any:
    """A table of that type without rows."""
    return columns(*(np.empty(0, np.int64) for _ in fields(columns)))
