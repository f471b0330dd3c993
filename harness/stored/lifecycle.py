"""The records of a server's life beside its windows: its provision, its start, the memory it keeps,
overload, and shutdown."""

from __future__ import annotations

from dataclasses import dataclass

from harness.stored.functions import Burst, Lost
from harness.stored.pods import ClusterChange, PodShare
from harness.stored.starts import Starts

OVERLOAD = "overload"  # names of the windows that it is strained in
SHUTDOWN = "shutdown"
REPLACEMENT = "replacement"


@dataclass(frozen=True, slots=True)
class Startup:
    """From the start of the server's process, in seconds."""

    ready_s: float
    first_answer_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """How the server went."""

    seconds: float
    exit_code: int | None
    orphans: int  # processes still there when the main one had ended
    killed: int  # processes that only SIGKILL ended


@dataclass(frozen=True, slots=True)
class Installed:
    """The environment of a server."""

    size_bytes: int  # on disk; a file that has several names in it counts once
    seconds: float | None  # that it took to install; None where an earlier version did it


@dataclass(frozen=True, slots=True)
class WarmUp:
    """Load before the first window, in slices, until their medians agree."""

    seconds: float  # under load, in all
    steady_s: float | None  # of them, before the first of the slices that agree; None: none did
    medians_ms: tuple[float | None, ...]  # of each slice; None where it had no answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Overload:
    """A window at twice the capacity, and what came after."""

    slo: str  # that requests are held against
    capacity_per_s: float  # what it is twice of
    recovery_s: float | None  # until a request was answered in time again; None: it never was
    died: str = ""  # why the server is gone


@dataclass(frozen=True, slots=True)
class Shutdown:
    """The stop signal in the middle of a window; since the window's start."""

    stop_ns: int  # when it was sent
    gone_ns: int  # when nothing of the server was left


@dataclass(frozen=True, slots=True)
class Restart:
    """The same server once more in the same window, at the same place."""

    launched_ns: int  # since the window's start
    failure: str = ""  # why it did not start there


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchJob:
    """One run of the job that predicts all known inputs before they are asked for."""

    version: int  # of the artefact that predicted
    began_ns: int  # by the server's CLOCK_MONOTONIC
    ended_ns: int
    cpu_s: float  # of its process, with loading the model
    batch_size: int  # instances in a call of the predictor, at most
    inputs: int
    store_bytes: int  # of all its answers
    failure: str = ""  # in the job's words

    @property
    def seconds(self) -> float:
        """From its start to its end."""
        return (self.ended_ns - self.began_ns) / 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Replacement:
    """Another version of the model instead of the one that was served, in the middle of a window;
    since the window's start."""

    version: int
    asked_ns: int  # when the server was told of it
    failure: str = ""  # why it was not replaced


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRound:
    """A round of federated training, and the head that it gave."""

    version: int  # of the head that predicts from then on
    answered: int  # clients, of those that were asked
    seconds: float
    sent_bytes: int  # by all clients, at their sockets
    received_bytes: int
    client_cpu_s: float
    server_cpu_s: float  # of what brings the heads together
    accuracy: float | None  # on the payloads that the benchmark holds out; None: not judged
    said: str = ""  # in the server's words, where not all clients took part


@dataclass(frozen=True, slots=True, kw_only=True)
class Training:
    """Federated training after the windows."""

    clients: int
    examples: int  # of all of them
    up_s: float | None = None  # until all clients were connected
    central_accuracy: float | None = None  # of the benchmark's own model, trained in one place
    rounds: tuple[TrainingRound, ...] = ()
    failure: str = ""  # why there are fewer rounds than planned, or why they are not judged


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifecycle:
    """Each is None if it was not observed, or the run did not get that far."""

    installed: Installed | None = None
    memory_idle_bytes: int | None = None  # after the first right answer, before any load
    idle_cpu_share: float | None = None  # CPUs kept busy just after the last window
    memory_after_bytes: int | None = None  # a moment after the last window
    overload: Overload | None = None
    not_overloaded: str = ""  # why there was none although one was wanted
    shutdown: Shutdown | None = None
    restart: Restart | None = None
    jobs: tuple[BatchJob, ...] = ()  # in the order in which they began
    replacement: Replacement | None = None
    training: Training | None = None  # None where there was none
    starts: Starts | None = None  # of a function's instances
    burst: Burst | None = None
    lost: tuple[Lost, ...] = ()  # instances of a function, by their fate
    shares: tuple[PodShare, ...] = ()  # of a Deployment's pods, over all windows of profiles
    changes: tuple[ClusterChange, ...] = ()  # of a Deployment, under load


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A fault that was inflicted on a server, and what came of it."""

    fault: str
    status: int  # HTTP status or gRPC code of the answer; 0 where none came
    said: str
    serves: bool  # whether right payloads were answered rightly afterwards
    recovery_s: float  # until they were
    failed: bool = False  # it was taken, and then said to have failed
