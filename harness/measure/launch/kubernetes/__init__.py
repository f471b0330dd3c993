"""Clusters: a namespace of the campaign's own, Deployments in it, and what is seen of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, runtime_checkable

from harness.measure.launch.launchers import Launched
from harness.setup.catalog import Benchmark
from harness.stored.pods import PodShare


@dataclass(frozen=True, slots=True, kw_only=True)
class PodSeen:
    """A pod of a Deployment, now."""

    name: str
    uid: str
    node: str
    phase: str
    ready: bool
    ending: bool  # it was told to end, and is listed still
    restarts: int
    runs: bool = True  # any of its containers does: one that ended may be listed for a while
    why: str = ""  # why it does not run, or why its container ended last, in the cluster's words


@dataclass(frozen=True, slots=True, kw_only=True)
class AutoscalerSeen:
    """A HorizontalPodAutoscaler, now."""

    wanted: int
    cpu_percent: int | None  # of what pods request; None: unknown yet


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingJob:
    """A Job that trains a model, now."""

    began: bool = False  # its container runs, or ran
    over: bool = False
    failure: str = ""
    told: Mapping[str, Any] = field(default_factory=dict)  # its last words, once it is over


class ModelTrainer(Protocol):
    """What trains the model of a Deployment in its cluster. All raise LaunchError."""

    def begin(self) -> str:
        """Make a Job by hand; its name."""

    def repeat(self, *, on: bool) -> None:
        """Let the CronJob make Jobs on its schedule, or no longer."""

    def jobs(self) -> tuple[str, ...]:
        """All that there are, by name."""

    def seen(self, name: str) -> TrainingJob:
        """A Job, now."""

    def serves(self, version: int) -> bool:
        """Whether all pods of the Deployment that take requests have that version of the model;
        that of their image is the first."""

    def end(self) -> None:
        """Train no more, and have the model of its image served again: a rolling update begins,
        unless it was served all the time."""


class DeploymentControl(Protocol):
    """What can be done to a Deployment while it serves. All raise LaunchError."""

    def pods(self) -> tuple[PodSeen, ...]:
        """Those that there are, the oldest first."""

    def wanted(self) -> int:
        """Replicas that it asks for now."""

    def rescale(self, replicas: int) -> None:
        """Ask for so many; returns at once."""

    def await_ready(self, replicas: int, within_s: float) -> None:
        """Wait until exactly so many are ready, and no other is left that takes requests."""

    def update(self) -> None:
        """Begin a rolling update to the same image; returns at once."""

    def is_updated(self) -> bool:
        """Whether the last update is over: all pods are of the newest template, and ready."""

    def autoscale(self, least: int, most: int, cpu_percent: int) -> None:
        """Let the cluster decide how many there are."""

    def autoscaler(self) -> AutoscalerSeen | None:
        """What it decided; None where there is none."""

    def end_autoscaling(self, replicas: int) -> None:
        """Remove the autoscaler, and ask for so many."""

    def kill(self, pod: str) -> None:
        """Delete a pod without grace."""

    def freeze(self, pod: str) -> None:
        """SIGSTOP to all processes of a pod, so that its liveness probe fails."""

    def cordon(self, node: str, *, on: bool) -> None:
        """Keep new pods from a node, or no longer."""

    def protect(self, *, on: bool) -> None:
        """Let no more than one pod be evicted at a time, or no longer so."""

    def evict(self, pod: str) -> None:
        """Evict a pod, as `kubectl drain` does: again for a while, where it is not allowed now."""

    def shares(self, start_ns: int, end_ns: int) -> tuple[PodShare, ...]:
        """The calls of each pod between two moments of this host's CLOCK_MONOTONIC."""

    def metrics_from(self) -> str:
        """What serves the resource metrics that the autoscaler reads, with whether it is the
        usual metrics-server; empty: nothing does."""

    def nodes(self) -> int:
        """How many nodes the cluster has."""

    def trainer(self, benchmark: Benchmark) -> ModelTrainer:
        """What trains the next versions of its model, made ready: its image is there, and nothing
        runs yet. Raises ProvisionError, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeRoom:
    """What a node has left for pods: what it can give, without what those on it request."""

    name: str
    cpu_millis: int
    memory_mib: int
    is_here: bool  # it is this machine, whose CPUs are not all for servers


@runtime_checkable
class HasRoom(Protocol):
    """A launcher that knows how much room its cluster has."""

    def room(self) -> tuple[NodeRoom, ...]:
        """Of each node that takes pods. Raises LaunchError."""


@runtime_checkable
class LaunchedDeployment(Launched, Protocol):
    """A Deployment that was started."""

    control: DeploymentControl
