"""A variant that runs as the pods of a Deployment."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from harness.base.errors import LaunchError
from harness.base.trust import SYSTEM, Trust
from harness.manifests import pod_template
from harness.measure.launch.calls import ServerRecords
from harness.measure.launch.kubernetes import ModelTrainer, pod_states
from harness.measure.launch.kubernetes.cluster import Cluster, Json, answering
from harness.measure.launch.kubernetes.deployments import Deployed
from harness.measure.launch.kubernetes.observing import PodObserver
from harness.measure.launch.kubernetes.pod_control import AUTOSCALER, PodControl, oldest_first
from harness.measure.launch.kubernetes.pod_logs import PodLogs
from harness.measure.launch.kubernetes.pod_reach import PodAddress, PodReach
from harness.measure.launch.kubernetes.pod_states import ContainerEnd
from harness.measure.launch.kubernetes.troubles import Troubles
from harness.setup.catalog import Benchmark
from harness.setup.endpoints import Headers
from harness.stored.container import ContainerFacts
from harness.stored.records import Stop

MIB = 1 << 20
_POLL_S = 0.02
_UNSERVED_S = 60.0  # from when all are ready, until a controller should have made a Service
_PATIENT_S = 5.0  # from when all are ready until another way is tried, and until none is left
_UNREACHED_S = 10.0
_BEYOND_S = 30.0  # the grace: a node may take its time to tell
_KILLED = 137


@dataclass(frozen=True, slots=True, kw_only=True)
class PodGround:
    """What the Deployments of a campaign share."""

    cluster: Cluster
    reach: PodReach
    owner: str
    release: str  # of the API server
    runtime: str  # of the nodes


class LaunchedPods:
    """A server in its pods. Its address is known when all of them are ready."""

    scheme = "http"
    base = ""
    headers: Headers = ()
    trust: Trust = SYSTEM
    host = "127.0.0.1"
    port = 0

    def __init__(
        self,
        ground: PodGround,
        deployed: Deployed,
        observer: PodObserver,
        trainer: Callable[[Benchmark], ModelTrainer],
        log: Path,
        *,
        outlives_pods: bool = False,
    ) -> None:
        """Create the objects. Where its address is to outlive pods, it is none of theirs. Raises
        LaunchError, with nothing of the objects left."""
        self._ground = ground
        self._deployed = deployed
        self._observer = observer
        self._workload = deployed.workload
        self._what = f"The Deployment {self._workload.name}"
        self.log = log
        self.ready_path = deployed.ready_path
        self.container: ContainerFacts | None = None
        self.ports = dict.fromkeys(self._workload.more_ports, 0)
        self.control = PodControl(ground.cluster, deployed, observer, ground.owner, trainer)
        self._address: PodAddress | None = None
        self._service: Json | None = None
        self._outlives_pods = outlives_pods
        self._ready_since: float | None = None
        self._exit: str | None = None
        self._ends: dict[str, ContainerEnd] = {}  # by pod, how the server's container ended last
        self._records: ServerRecords | None = None
        self.started_ns = time.monotonic_ns()
        self._troubles = Troubles(deployed, observer)
        try:
            deployed.create()
        except BaseException:
            observer.close()
            raise

    def exited(self) -> str | None:
        """Why it will not serve, or serves no more; None while it may."""
        if self._exit is None and self._address is None:
            self._exit = self._troubles.before_ready() or self._settle()
        elif self._exit is None:
            self._exit = self._troubles.after_ready()
        return self._exit

    def _settle(self) -> str | None:
        """Find the address once all pods are ready; why there is none."""
        pods = oldest_first(self._observer)
        ready = [pod for pod in pods if pod_states.is_ready(pod)]
        if len(ready) < self._workload.replicas:
            return None
        now = time.monotonic()
        if self._ready_since is None:
            self._ready_since = now
        if self._service is None:
            self._service = self._deployed.service()
            if self._service is None:
                return self._unserved(now - self._ready_since)
            self._ready_since = now
        waited_s = now - self._ready_since
        patient = waited_s < _PATIENT_S
        direct = [] if self._outlives_pods else ready
        found = self._ground.reach.found(self._service, direct, patient=patient)
        if found is None:
            return self._unreached(ready) if waited_s > _UNREACHED_S else None
        self._address, self.host = found, found.host
        self.port = found.ports[pod_template.SERVING]
        self.headers = self._deployed.headers
        names = {name: pod_template.port_name(name) for name in self._workload.more_ports}
        self.ports = {name: found.ports.get(known, 0) for name, known in names.items()}
        return None

    def _unserved(self, waited_s: float) -> str | None:
        """Why nothing leads to its pods although all are ready."""
        if waited_s < _UNSERVED_S:
            return None
        told = self._deployed.why_not_served()
        return f"its pods are ready, but nothing leads to them{f' ({told})' if told else ''}"

    def _unreached(self, ready: list[Json]) -> str:
        tried = [
            f"{host}:{next(iter(ports.values()))} ({way})"
            for way, host, ports in self._ground.reach.candidates(self._service or {}, ready)
        ]
        return (
            f"its pods are ready, but this machine reaches none of {', '.join(tried) or 'them'}; "
            "run the harness on a node of the cluster, or where its addresses are routed to"
        )

    def calls(self) -> ServerRecords:
        """From the pods, those that are gone too; what was known last once it was stopped."""
        return self._observer.calls() if self._records is None else self._records

    def sample(self, *, pss: bool) -> dict[str, int] | None:
        """The columns of Usage that can be seen now, of all pods."""
        return self._observer.sample(pss=pss)

    def exposed(self) -> tuple[str, ...]:
        """Ports of nodes that other machines may reach."""
        if self._address is None or not self._address.is_exposed:
            return ()
        return tuple(f"{self._address.host}:{port}" for port in self._address.ports.values())

    def kill(self, pid: int) -> None:
        """SIGKILL to the process that has that id in its pod."""
        command = ("sh", "-c", f"kill -KILL {pid:d}")
        with answering(f"A process of {self._workload.name} can't be killed"):
            for pod in oldest_first(self._observer)[:1]:
                self._ground.cluster.execute(
                    self._deployed.namespace,
                    str(pod["metadata"]["name"]),
                    self._deployed.container,
                    command,
                )

    def stop(self) -> Stop:
        """End its pods, keep their logs and what was counted, and remove all of it."""
        pods = oldest_first(self._observer)
        try:
            running = self.exited() is None
            self._note_ends()
            logs = PodLogs(self._ground.cluster, self._deployed.namespace, pods)
            self._observer.end()
            self._deployed.take_away(AUTOSCALER)
            began = time.monotonic()
            self._deployed.rescale(0)
            self._await_end()
            # It goes on serving before it is sent the signal.
            serves_on_s = self._workload.pre_stop_s if running else 0
            seconds = max(0.0, time.monotonic() - began - serves_on_s)
            self.log.write_bytes(logs.text())
        finally:
            self._remove(pods)
        end = next(iter(self._ends.values()), None)
        self.container = self._facts(end)
        forced = running and any(
            each.code == _KILLED and each.reason != pod_states.OUT_OF_MEMORY
            for each in self._ends.values()
        )
        code = None if end is None else end.code
        return Stop(seconds=seconds, exit_code=code, orphans=0, killed=int(forced))

    def _remove(self, pods: list[Json]) -> None:
        """All of it, also pods that are listed after their end: they count as used room."""
        with suppress(LaunchError):
            self._records = self._observer.calls()
        try:
            self._deployed.remove()
            for pod in oldest_first(self._observer) or pods:
                self._deployed.delete_pod(str(pod["metadata"]["name"]), grace_s=0)
        finally:
            self._observer.close()
            if self._records is None:
                self._records = ServerRecords()

    def _note_ends(self) -> None:
        for name, pod in self._observer.pods().items():
            end = pod_states.ended(pod, self._deployed.container)
            if end is not None:
                self._ends[name] = end

    def _await_end(self) -> None:
        """Until no container of it runs. Raises LaunchError."""
        limit_s = self._workload.pre_stop_s + self._workload.grace_s + _BEYOND_S
        until = time.monotonic() + limit_s
        while any(pod_states.runs(pod) for pod in self._observer.pods().values()):
            self._note_ends()
            if time.monotonic() > until:
                raise LaunchError(f"{self._what} has pods that did not end within {limit_s:g} s.")
            time.sleep(_POLL_S)
        self._note_ends()

    def _facts(self, end: ContainerEnd | None) -> ContainerFacts:
        peak, throttled, killed = self._observer.counts()
        by_memory = end is not None and end.reason == pod_states.OUT_OF_MEMORY
        beside = sum(each.memory_mib for each in self._workload.beside)
        address = self._address
        seen = self._observer.facts(
            cluster=self._ground.release,
            replicas=self._workload.replicas,
            cpus=self._workload.cpus,
            address="" if address is None else f"{address.host}:{self.port}",
        )
        return ContainerFacts(
            engine=self._ground.runtime,
            reached="" if address is None else address.reached,
            memory_limit_bytes=(self._workload.memory_mib + beside) * MIB,
            pids_limit=0,
            memory_peak_bytes=peak,
            throttled_s=throttled,
            out_of_memory=max(killed or 0, int(by_memory)),
            pod=replace(seen, via=self._deployed.via),
        )
