"""What is seen of a Deployment beside the load: its use, its predictors' records, its starts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from threading import Thread
from typing import Any

from harness.base.errors import LaunchError
from harness.measure.launch.calls import ServerRecords
from harness.measure.launch.kubernetes import pod_groups
from harness.measure.launch.kubernetes.cluster import Cluster
from harness.measure.launch.kubernetes.kubelet_statistics import KubeletStatistics
from harness.measure.launch.kubernetes.pod_exec import PodPrograms
from harness.measure.launch.kubernetes.pod_groups import PodGroups
from harness.measure.launch.kubernetes.pod_records import PodRecords
from harness.measure.launch.kubernetes.pod_watch import PodWatch, containers
from harness.stored.pods import PodFacts, PodShare, UsageSource


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Where to look."""

    cluster: Cluster
    namespace: str
    selector: str  # labels of the pods
    container: str  # of the server, in each pod
    interpreter: str  # in its image; empty: the image is none of ours, and writes no records
    records: str  # the folder that it writes them to
    cpus: tuple[int, ...]  # of this machine, kept for servers
    holds: bool  # keep pods on this machine to them


class PodObserver:
    """Made before the Deployment is, so that it sees its first pod from the beginning."""

    def __init__(self, observed: Observed) -> None:
        self._observed = observed
        cluster, namespace = observed.cluster, observed.namespace
        self._groups = PodGroups()
        self._kubelets = KubeletStatistics(cluster, namespace)
        programs = PodPrograms(cluster, namespace, observed.container)
        self._records = PodRecords(programs, observed.interpreter, observed.records)
        self._known: dict[str, tuple[str, str]] = {}  # pod and name of containers, by id
        self._here: dict[str, bool] = {}  # by node: whether its control groups are this machine's
        self._held: list[bool] = []
        self._pods: set[str] = set()  # that have ever run
        self._ending: set[str] = set()
        self._qos = ""
        self._is_over = False
        self._watch = PodWatch(
            cluster, namespace, observed.selector, observed.container, self._changed
        )

    @property
    def began_ns(self) -> int:
        """When it began, by CLOCK_MONOTONIC."""
        return self._watch.began_ns

    def pods(self) -> dict[str, dict[str, Any]]:
        """Those that are there, by name, as the API server described them last; no request."""
        return self._watch.pods()

    @property
    def failure(self) -> str:
        """Why nothing is heard of pods now; empty: it is."""
        return self._watch.failure

    def sample(self, *, pss: bool) -> dict[str, int] | None:
        """The columns of Usage that can be seen now."""
        if not self._here or self._is_over:
            return None
        if self._all_here:
            return self._groups.sample(pss=pss)
        if self._records.clock_off_s() is None:
            with suppress(LaunchError):
                self.read()
        off_s = self._records.clock_off_s() or 0.0
        return self._kubelets.sample(tuple(self._here), dict(self._known), off_s, at_end=pss)

    def calls(self) -> ServerRecords:
        """The predictors' records up to now; what was known last, once it is over.

        Raises LaunchError where a pod that runs does not give its own.
        """
        self.read()
        return self._records.all()

    def shares(self, start_ns: int, end_ns: int) -> tuple[PodShare, ...]:
        """The calls of each pod between two moments of this host's CLOCK_MONOTONIC."""
        self.read()
        return self._records.shares(start_ns, end_ns)

    def read(self) -> None:
        """Fetch what is new of every pod that runs. Raises LaunchError."""
        if self._is_over:
            return
        for name, pod in self.pods().items():
            if name in self._pods and not _ends(pod):
                self._read(name)
            elif name in self._pods:
                self._records.read_gone(name)

    def end(self) -> None:
        """Note what goes with the pods: to be called before they are deleted."""
        self._groups.note()
        if not self._all_here:
            self.sample(pss=True)
        with suppress(LaunchError):
            self.read()

    def counts(self) -> tuple[int | None, float | None, int | None]:
        """(the most memory that one pod held, seconds throttled, processes killed for memory)."""
        told = self._watch.out_of_memory()
        if self._all_here:
            peak, throttled, killed = self._groups.counts()
            return peak, throttled, max(killed or 0, told)
        return (*self._kubelets.counts(), told)

    def facts(self, *, cluster: str, replicas: int, cpus: float, address: str) -> PodFacts:
        """How it ran, as far as it was seen."""
        return PodFacts(
            cluster=cluster,
            node=", ".join(self._here),
            namespace=self._observed.namespace,
            qos=self._qos,
            replicas=replicas,
            cpus=cpus,
            own_cpus=bool(self._held) and all(self._held),
            usage_from=self._usage_from(),
            start=self._watch.first(),
            restarts=self._watch.restarts(),
            address=address,
            clock_off_s=self._records.clock_off_s(),
        )

    def close(self) -> None:
        """Nothing more is seen: to be called once the pods are gone."""
        self._watch.close()
        self._records.close()
        self._is_over = True

    @property
    def _all_here(self) -> bool:
        """Whether the kernel of this machine counts what all pods use."""
        return bool(self._here) and all(self._here.values())

    def _usage_from(self) -> UsageSource | None:
        if self._all_here:
            return "control group"
        return "kubelet" if self._kubelets.answered else None

    def _read(self, pod: str) -> None:
        try:
            self._records.read(pod)
        except LaunchError:
            now = self.pods().get(pod)  # it may have gone meanwhile, or its container ended
            if now is not None and not _ends(now) and _runs(now, self._observed.container):
                raise

    def _changed(self, pod: dict[str, Any]) -> None:
        """In the thread that follows the pods."""
        name, node = pod["metadata"]["name"], pod.get("spec", {}).get("nodeName", "")
        self._qos = pod.get("status", {}).get("qosClass", "") or self._qos
        for told in containers(pod):
            found = told.get("containerID", "").rpartition("/")[2]
            if "running" in told.get("state", {}) and found and found not in self._known:
                self._known[found] = name, told["name"]
                self._came(name, node, told["name"], found)
        if _ends(pod) and name not in self._ending:
            self._ending.add(name)
            # It goes on serving for a while; to wait for its records would delay what comes next.
            Thread(target=self._records.read_gone, args=(name,), daemon=True).start()

    def _came(self, pod: str, node: str, name: str, container: str) -> None:
        """A container runs."""
        self._pods.add(pod)
        pid = pod_groups.process_of(container)
        if pid is None:  # on another machine; or it has ended since
            self._here.setdefault(node, False)
            return
        if name == self._observed.container:
            self._records.is_here(pod, pid)
        if self._observed.holds:
            self._held.append(pod_groups.hold(pid, self._observed.cpus))
        self._here[node] = self._groups.add(pod, name, pid) or self._here.get(node, False)


def _ends(pod: dict[str, Any]) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _runs(pod: dict[str, Any], name: str) -> bool:
    """Whether its container of that name runs."""
    return any(c["name"] == name and "running" in c.get("state", {}) for c in containers(pod))
