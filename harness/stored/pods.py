"""The records of a server that ran in a cluster, and of what was done to it under load."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from harness.setup.changes import ChangeName

UNDER_CHANGE = "changes"  # phase of a run: what is done to its Deployment
Reached = Literal["service", "node port", "pod"]
UsageSource = Literal["control group", "kubelet"]
TrainedBy = Literal["Job", "CronJob"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PodStart:
    """The start of a pod, in seconds since its Deployment was asked for; None where not seen."""

    scheduled_s: float | None
    image_s: float | None  # its image is on the node
    started_s: float | None  # its container runs
    ready_s: float | None  # its readiness probe succeeded


@dataclass(frozen=True, slots=True, kw_only=True)
class PodFacts:
    """How a server ran in a cluster."""

    cluster: str  # the release of the API server
    node: str
    namespace: str
    qos: str  # the class that Kubernetes gave the pod
    replicas: int
    cpus: float = 0.0  # that each pod requests, and is held to; 0: not known
    own_cpus: bool  # its control group was held to the CPUs kept for servers; else a quota alone
    usage_from: UsageSource | None  # None: CPU time and memory are not known
    start: PodStart | None = None  # of the first pod
    restarts: int = 0  # of containers, of all pods
    address: str = ""  # where the load went, such as `10.96.3.7:8080`
    via: str = ""  # the controller that deployed it, with its mode; empty: plain objects
    clock_off_s: float | None = None  # its node's clock of the day less ours; None: not asked


@dataclass(frozen=True, slots=True, kw_only=True)
class PodShare:
    """The calls of the predictor of one pod in a window."""

    pod: str
    calls: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PodMoment:
    """A Deployment at one moment of a window."""

    at_ns: int  # since the window's start
    wanted: int | None  # replicas that the Deployment, or its autoscaler, asks for
    ready: int
    present: int  # pods that are there, ending ones too
    cpu_percent: int | None = None  # of what pods request, as the autoscaler sees it


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """Something that was done, or that was seen, in a window."""

    at_ns: int  # since the window's start
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadPhase:
    """A stretch of a window."""

    name: str  # `before`, `during`, `after`, or what the rate is: `0.5x`
    from_ns: int  # since the window's start
    to_ns: int
    rate_per_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainedVersion:
    """A version of the model that a Job trained, and that its Deployment was to serve then; moments
    are since the window's start. Which version answered a request is a mark of that request."""

    version: int
    by: TrainedBy  # what made the Job
    asked_ns: int  # the Job was made
    began_ns: int | None = None  # its container ran
    ended_ns: int | None = None  # it had told the Deployment, and was over
    served_ns: int | None = None  # all pods that stay had it; those that end answer for a while
    trained_s: float | None = None  # of the Job's time: the training alone
    stored_s: float | None = None  # until the cluster had the model
    accuracy: float | None = None  # held-out, as its build measured it
    failure: str = ""  # why it is not served


@dataclass(frozen=True, slots=True, kw_only=True)
class ClusterChange:
    """What was done to a Deployment while load went on; its window is the one of that kind whose
    profile has its name."""

    name: ChangeName
    slo: str
    rate_per_s: float  # of one pod's capacity, or what load was based on
    phases: tuple[LoadPhase, ...] = ()
    moments: tuple[PodMoment, ...] = ()
    happenings: tuple[Happening, ...] = ()
    shares: tuple[PodShare, ...] = ()
    trained: tuple[TrainedVersion, ...] = ()  # of `train-and-serve`, in this order
    recovery_s: float | None = None  # from what was done until all is as it was
    metrics_from: str = ""  # what the autoscaler's figures come from
    note: str = ""  # what a reader must know: a single node, say
    failure: str = ""  # why it is not whole
