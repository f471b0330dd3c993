"""Variants as containers: built, without rights, on a private bridge, with the kernel's figures."""

from __future__ import annotations

import time
from contextlib import closing
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness.base.trust import SYSTEM, Trust
from harness.measure.launch import calls
from harness.measure.launch.calls import ServerRecords
from harness.measure.launch.containers import (
    cgroup,
    container_host,
    creating,
    engine,
    groups,
    images,
    sidecars,
)
from harness.measure.launch.containers.container_host import ContainerHost
from harness.measure.launch.containers.images import Image
from harness.measure.launch.containers.options import MIB, PIDS, options, place_of
from harness.measure.launch.launchers import RECORDS, STOP_GRACE_S, LaunchOrder, launcher
from harness.setup.catalog import Benchmark, Variant
from harness.setup.endpoints import Headers
from harness.setup.launching import DOCKER, Launching
from harness.stored.container import ContainerFacts
from harness.stored.records import Stop

if TYPE_CHECKING:
    from docker.models.containers import Container

_LOOK_NS = 500_000_000  # between two looks at the engine: each is a request to it
_LOG_LINES = 10_000


class LaunchedContainer:
    """A server in its container."""

    scheme = "http"
    base = ""
    headers: Headers = ()
    trust: Trust = SYSTEM

    def __init__(self, order: LaunchOrder, ground: ContainerHost) -> None:
        self._what = f"The container of {order.variant.name}"
        self._limit_mib = order.variant.table.memory_mib
        self._ground = ground
        self.log = order.scratch / "server.log"
        self._trace = order.scratch / RECORDS
        self.container: ContainerFacts | None = None
        assert isinstance(order.provided, Image)
        self.image = order.provided.facts.tag
        self._exit: str | None = None
        self._looked_ns = 0
        self._trace.mkdir()
        self._trace.chmod(0o777)  # the container's user is none of this machine's
        place = place_of(order)
        self._inside = {"": place.port, **place.ports}
        self.started_ns = time.monotonic_ns()
        with engine.answering(f"{self._what} can't be created"):
            self._container, self._warnings = _create(self.image, order, ground, self._inside)
        with engine.answering(f"{self._what} can't be started"):
            try:
                self._container.start()
                self._container.reload()
                self._beside = sidecars.started(ground.client, order, ground.owner, self._container)
            except BaseException:
                self._container.remove(force=True, v=True)
                raise
        self._lasting = [sidecar.group for sidecar in self._beside if sidecar.group is not None]
        self._cgroup = cgroup.of_process(self._container.attrs["State"]["Pid"])
        self.host, outside = self._address()
        self.port = outside.pop("")
        self.ports = outside

    def _address(self) -> tuple[str, dict[str, int]]:
        """The address at which this machine reaches it."""
        settings = self._container.attrs["NetworkSettings"]
        if self._ground.bridged:
            networks = settings["Networks"]
            return networks[self._ground.network.name]["IPAddress"], dict(self._inside)
        bound = settings["Ports"]
        # A container that has ended has none; the readiness probe finds out why.
        places = {name: bound.get(f"{port}/tcp") for name, port in self._inside.items()}
        return "127.0.0.1", {
            name: int(found[0]["HostPort"]) if found else 0 for name, found in places.items()
        }

    def calls(self) -> ServerRecords:
        """From the folder that is mounted in the container; the kernel, so the clock, is ours."""
        return calls.of_folder(self._trace)

    def exited(self) -> str | None:
        """Why the container has ended, or None while it runs."""
        now = time.monotonic_ns()
        if self._exit is None and now - self._looked_ns > _LOOK_NS:
            self._looked_ns = now
            with engine.answering(f"{self._what} can't be looked at"):
                self._container.reload()
            self._exit = self._ended(self._container.attrs["State"])
        return self._exit

    def _ended(self, state: dict[str, Any]) -> str | None:
        if state["Status"] in ("created", "running"):
            return None
        if state["OOMKilled"]:
            return (
                "the kernel's out-of-memory killer ended it: it may use "
                f"{self._limit_mib} MiB (`memory_mib` in server.toml)"
            )
        return f"its container ended with exit code {state['ExitCode']}"

    def sample(self, *, pss: bool) -> dict[str, int] | None:
        """The kernel's figures of its control group and of those beside it, and of the processes in
        them."""
        group = self._cgroup
        if group is None:
            return None
        return groups.sample(group, self._lasting, pss=pss)

    def exposed(self) -> tuple[str, ...]:
        """Ports of this machine, other than loopback's, that lead to it."""
        with engine.answering(f"{self._what} can't be looked at"):
            self._container.reload()
        bound = self._container.attrs["NetworkSettings"]["Ports"].values()
        places = [place for places in bound for place in places or ()]
        return tuple(
            f"{place['HostIp']}:{place['HostPort']}"
            for place in places
            if place["HostIp"] not in ("127.0.0.1", "::1")
        )

    def kill(self, pid: int) -> None:
        """SIGKILL to the process that has that id in the container."""
        with engine.answering(f"A process of {self._what} can't be killed"):
            self._container.exec_run(["sh", "-c", f"kill -KILL {pid:d}"])

    def stop(self) -> Stop:
        """Stop it, keep its log and what the kernel counted, and remove it."""
        began = time.monotonic()
        # As long as it runs: the control group goes with the container.
        peak, throttled, killed = groups.counts(self._cgroup, self._lasting)
        try:
            with engine.answering(f"{self._what} can't be stopped"):
                running = self.exited() is None
                self._container.stop(timeout=int(STOP_GRACE_S))
                seconds = time.monotonic() - began
                self._container.reload()
                state = self._container.attrs["State"]
                said = self._container.logs(tail=_LOG_LINES)
                self.log.write_bytes(b"\n".join([said, *(each.log() for each in self._beside)]))
        finally:
            with engine.answering(f"{self._what} can't be removed"):
                for sidecar in self._beside:
                    sidecar.remove()
                self._container.remove(force=True, v=True)
        self.container = ContainerFacts(
            engine=self._ground.version,
            reached="container" if self._ground.bridged else "published",
            memory_limit_bytes=(self._limit_mib + sum(s.limit_mib for s in self._beside)) * MIB,
            pids_limit=PIDS,
            memory_peak_bytes=peak,
            throttled_s=throttled,
            out_of_memory=max(killed or 0, int(state["OOMKilled"])),
            warnings=self._warnings,
        )
        forced = running and state["ExitCode"] == 137
        return Stop(seconds=seconds, exit_code=state["ExitCode"], orphans=0, killed=int(forced))


def _create(
    image: str, order: LaunchOrder, ground: ContainerHost, ports: dict[str, int]
) -> tuple[Container, tuple[str, ...]]:
    made = options(order, ground.owner)
    if not ground.bridged:
        made["ports"] = creating.published(ports.values())
    return creating.create(ground.client, image, network=ground.network.name, **made)


@launcher(DOCKER, Launching(described="a container", installs=False))
class DockerLauncher:
    """Starts variants as containers of a Docker engine on this machine."""

    def why_not(self, device: str) -> str | None:
        try:
            with closing(engine.connect()) as client:
                limits = engine.why_unlimited(client)
                return limits or (engine.why_no_gpu(client) if device == "gpu" else None)
        except engine.NoEngine as error:
            return str(error)

    def about(self) -> str:
        with closing(engine.connect()) as client:
            return engine.about(client)

    def provide(self, variant: Variant, benchmark: Benchmark, artefact: Path, device: str) -> Image:
        if variant.image:
            return images.as_it_stands(self._ground.client, variant.image)
        made = images.ensure(self._ground.client, variant, benchmark, artefact, device)
        return replace(made, beside=sidecars.ensure(self._ground.client, variant))

    def launch(self, order: LaunchOrder) -> LaunchedContainer:
        return LaunchedContainer(order, self._ground)

    def close(self) -> None:
        """End the guard: there is nothing left to guard."""
        if "_ground" in self.__dict__:
            self.__dict__.pop("_ground").close()

    @cached_property
    def _ground(self) -> ContainerHost:
        return container_host.prepared()
