"""What can be done to a Deployment while it serves."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

from harness.base.errors import LaunchError
from harness.manifests import objects
from harness.measure.launch.kubernetes import (
    AutoscalerSeen,
    ModelTrainer,
    PodSeen,
    cordons,
    pod_states,
)
from harness.measure.launch.kubernetes.cluster import ApiError, Cluster, Json, answering
from harness.measure.launch.kubernetes.deployments import Deployed, is_rolled_out
from harness.setup.catalog import Benchmark
from harness.stored.pods import PodShare

if TYPE_CHECKING:
    from harness.measure.launch.kubernetes.observing import PodObserver

AUTOSCALER = "HorizontalPodAutoscaler"
_BUDGET = "PodDisruptionBudget"
_METRICS = "/apis/apiregistration.k8s.io/v1/apiservices/v1beta1.metrics.k8s.io"
_USUAL = "metrics-server"
_LOOK_S = 0.1
_FREEZE = ("sh", "-c", "kill -STOP -1")  # all that its user may stop; the shell itself goes on


class PodControl:
    """Of one Deployment, by the process `owner`. All methods raise LaunchError."""

    def __init__(
        self,
        cluster: Cluster,
        deployed: Deployed,
        observer: PodObserver,
        owner: str,
        trainer: Callable[[Benchmark], ModelTrainer],
    ) -> None:
        self._cluster = cluster
        self._trainer = trainer
        self._deployed = deployed
        self._observer = observer
        self._owner = owner

    def pods(self) -> tuple[PodSeen, ...]:
        """Those that there are, the oldest first."""
        return tuple(map(pod_states.seen, oldest_first(self._observer)))

    def wanted(self) -> int:
        """Replicas that it asks for now."""
        return int(self._deployed.state()["spec"].get("replicas", 1))

    def rescale(self, replicas: int) -> None:
        """Ask for so many; returns at once."""
        self._observer.end()
        self._deployed.rescale(replicas)

    def await_ready(self, replicas: int, within_s: float) -> None:
        """Wait until exactly so many are ready, and no other is left that takes requests."""
        until = time.monotonic() + within_s
        while not self._are_ready(replicas):
            if time.monotonic() > until:
                name, ready = self._deployed.workload.name, sum(p.ready for p in self.pods())
                raise LaunchError(
                    f"{name} has {ready} pods that are ready, and not {replicas}, after "
                    f"{within_s:g} s{self._why()}."
                )
            time.sleep(_LOOK_S)

    def update(self) -> None:
        """Begin a rolling update to the same image; returns at once."""
        self._deployed.update()

    def is_updated(self) -> bool:
        """Whether the last update is over: all pods are of the newest template, and ready."""
        return is_rolled_out(self._deployed.state())

    def autoscale(self, least: int, most: int, cpu_percent: int) -> None:
        """Let the cluster decide how many there are."""
        self._deployed.add(
            objects.autoscaler(
                self._deployed.workload, least=least, most=most, cpu_percent=cpu_percent
            )
        )

    def autoscaler(self) -> AutoscalerSeen | None:
        """What it decided; None where there is none."""
        found = self._deployed.autoscaler()
        if found is None:
            return None
        status = found.get("status", {})
        return AutoscalerSeen(
            wanted=int(status.get("desiredReplicas", 0)), cpu_percent=_cpu_percent(status)
        )

    def end_autoscaling(self, replicas: int) -> None:
        """Remove the autoscaler, and ask for so many."""
        self._deployed.take_away(AUTOSCALER)
        self.rescale(replicas)

    def kill(self, pod: str) -> None:
        """Delete a pod without grace."""
        self._observer.end()  # its records go with it
        self._deployed.delete_pod(pod, grace_s=0)

    def freeze(self, pod: str) -> None:
        """SIGSTOP to all processes of a pod, so that its liveness probe fails."""
        workload = self._deployed.workload
        if workload.as_it_stands:
            raise LaunchError(
                f"The pod {pod} can't be frozen: in an image of the user's the server is the first "
                "process, which no signal of another one in its container stops."
            )
        with answering(f"The pod {pod} can't be frozen"):
            self._cluster.execute(self._deployed.namespace, pod, self._deployed.container, _FREEZE)

    def cordon(self, node: str, *, on: bool) -> None:
        """Keep new pods from a node, or no longer."""
        with answering(f"New pods can't be kept from the node {node}, or no longer"):
            cordons.put(self._cluster, node, self._owner, on=on)

    def protect(self, *, on: bool) -> None:
        """Let no more than one pod be evicted at a time, or no longer so."""
        if on:
            self._deployed.add(objects.budget(self._deployed.workload))
        else:
            self._deployed.take_away(_BUDGET)

    def evict(self, pod: str) -> None:
        """Evict a pod, as `kubectl drain` does."""
        self._observer.end()
        self._deployed.evict(pod)

    def shares(self, start_ns: int, end_ns: int) -> tuple[PodShare, ...]:
        """The calls of each pod between two moments of this host's CLOCK_MONOTONIC."""
        return self._observer.shares(start_ns, end_ns)

    def metrics_from(self) -> str:
        """What serves the resource metrics that the autoscaler reads, with whether it is the
        usual metrics-server; empty: nothing does."""
        try:
            found = self._cluster.get(_METRICS)
        except ApiError as error:
            if error.status == 404:
                return ""
            raise LaunchError(f"It can't be seen what serves metrics of pods: {error}.") from error
        service = found.get("spec", {}).get("service") or {}
        name = f"{service.get('namespace', '')}/{service.get('name', '')}"
        return name if service.get("name") == _USUAL else f"{name}, not the usual {_USUAL}"

    def nodes(self) -> int:
        """How many nodes the cluster has."""
        with answering("The nodes of the cluster can't be counted"):
            return len(self._cluster.get("/api/v1/nodes").get("items", ()))

    def trainer(self, benchmark: Benchmark) -> ModelTrainer:
        """What trains the next versions of its model, made ready: its image is there, and nothing
        runs yet. Raises ProvisionError, too."""
        return self._trainer(benchmark)

    def _are_ready(self, replicas: int) -> bool:
        staying = [pod for pod in self.pods() if not pod.ending]
        if [pod.ready for pod in staying] != [True] * replicas:
            return False
        found = self._deployed.endpoints()
        return found is None or len(found) == replicas

    def _why(self) -> str:
        """What the pods that are not ready say of it."""
        told = [f"{pod.name}: {pod.why}" for pod in self.pods() if not pod.ready and pod.why]
        with suppress(LaunchError):
            told += pod_states.warnings(self._deployed.events())[-1:]
        return f" ({'; '.join(told)})" if told else ""


def oldest_first(observer: PodObserver) -> list[Json]:
    """The pods that are there."""
    return sorted(
        observer.pods().values(),
        key=lambda pod: (pod["metadata"]["creationTimestamp"], pod["metadata"]["name"]),
    )


def _cpu_percent(status: Json) -> int | None:
    """What an autoscaler sees, in whichever version of its API."""
    plain = status.get("currentCPUUtilizationPercentage")
    if plain is not None:
        return int(plain)
    for metric in status.get("currentMetrics") or ():
        resource = metric.get("resource") or {}
        share = (resource.get("current") or {}).get("averageUtilization")
        if resource.get("name") == "cpu" and share is not None:
            return int(share)
    return None
