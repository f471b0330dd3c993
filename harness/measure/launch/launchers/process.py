"""Variants as plain processes: own session, pinned CPUs, a minimal environment, a kept death."""

from __future__ import annotations

import os
import signal
import socket
import sys
import uuid
from collections.abc import Callable
from pathlib import Path

from harness.base.errors import UsageError
from harness.base.trust import SYSTEM, Trust
from harness.measure.launch import calls
from harness.measure.launch.calls import ServerRecords
from harness.measure.launch.launchers import RECORDS, STOP_GRACE_S, LaunchOrder, Option, launcher
from harness.measure.launch.launchers.kept import Kept, KeptOrder
from harness.measure.launch.launchers.place import ServerPlace, environment, hand_over
from harness.measure.launch.launchers.ports import free_ports, require_free
from harness.measure.prepare import environments
from harness.measure.prepare.environments import Environment
from harness.measure.watch import gpu, tree
from harness.setup import components
from harness.setup.catalog import Benchmark, Variant
from harness.setup.endpoints import Headers
from harness.setup.launching import PROCESS, Launching
from harness.setup.tables import VariantTable
from harness.stored.container import ContainerFacts
from harness.stored.records import Stop

HOST = "127.0.0.1"


class LaunchedProcess:
    """A server below its keeper."""

    scheme = "http"
    base = ""
    headers: Headers = ()
    trust: Trust = SYSTEM
    container: ContainerFacts | None = None

    def __init__(
        self,
        order: LaunchOrder,
        host: str,
        changed: Callable[[KeptOrder], KeptOrder] = lambda kept: kept,
    ) -> None:
        """Start it; `changed` makes of the usual order for a keeper that of another launcher."""
        table = order.variant.table
        taken = order.ports or _free(table, host)
        self.host = host
        self.port = taken[""]
        self.ports = {name: taken[name] for name in table.more_ports}
        self.log = order.scratch / "server.log"
        self._trace = order.scratch / RECORDS
        self.memory = f"harness-{uuid.uuid4().hex}-"
        require_free(host, self.port)
        for folder in (self._trace, order.scratch / "home", order.scratch / "tmp"):
            folder.mkdir()
        hand_over(order, self._trace)
        self.log.touch()
        self._kept = Kept(order.variant.name, changed(_kept_order(order, self, self._trace)))
        self.started_ns = self._kept.started_ns

    def calls(self) -> ServerRecords:
        """From its folder."""
        return calls.of_folder(self._trace)

    def exited(self) -> str | None:
        """Why the server's own process is gone, or None while it runs."""
        return self._kept.exited()

    def sample(self, *, pss: bool) -> dict[str, int] | None:
        """CPU time, memory, processes and threads of the tree below the keeper, while it lives."""
        if self._kept.keeper.poll() is not None:
            return None
        return tree.usage(self._kept.keeper.pid, pss=pss)

    def exposed(self) -> tuple[str, ...]:
        """Sockets of the tree that listen beyond loopback."""
        return tree.exposed(self._kept.keeper.pid)

    def kill(self, pid: int) -> None:
        """SIGKILL to one of its processes; one that has ended is left alone."""
        if pid in tree.pids(self._kept.keeper.pid):
            os.kill(pid, signal.SIGKILL)

    def stop(self) -> Stop:
        """End the whole tree; the keeper proves that nothing is left."""
        return self._kept.stop()


@launcher(
    PROCESS,
    Launching(again=("--launcher", PROCESS)),
    options=(
        Option(
            name="listen",
            help="Address that servers listen on, for workers on other machines.",
            default=HOST,
        ),
    ),
)
class ProcessLauncher:
    """Starts variants as processes of this machine, on loopback unless told otherwise."""

    def __init__(self, listen: str = HOST) -> None:
        self._host = _own_address(listen)

    def why_not(self, device: str) -> str | None:
        if sys.platform != "linux":
            return "it needs Linux (pinning, /proc, subreapers)"
        return gpu.why_not() if device == "gpu" else None

    def about(self) -> str:
        return ""

    def provide(self, variant: Variant, benchmark: Benchmark, _: Path, device: str) -> Environment:
        return environments.for_variant(variant, benchmark, device)

    def close(self) -> None:
        """Nothing is shared by its servers."""

    def launch(self, order: LaunchOrder) -> LaunchedProcess:
        return LaunchedProcess(order, self._host)


def _own_address(text: str) -> str:
    """An IPv4 address of this machine: clients on others must know where to go.

    Raises UsageError.
    """
    with socket.socket() as sock:
        try:
            sock.bind((text, 0))
        except OSError as error:
            raise UsageError(
                f"--listen: {text!r} is not an IPv4 address of this machine."
            ) from error
        if text != sock.getsockname()[0] or text == "0.0.0.0":
            raise UsageError(f"--listen: name one address that others reach it by, not {text!r}.")
    return text


def _free(table: VariantTable, host: str) -> dict[str, int]:
    """Ports for a variant, by name; the one that the load goes to may be fixed."""
    port, *more = free_ports(1 + len(table.more_ports), host)
    return {"": table.port or port, **dict(zip(table.more_ports, more, strict=True))}


def _kept_order(order: LaunchOrder, launched: LaunchedProcess, trace: Path) -> KeptOrder:
    table = order.variant.table
    place = ServerPlace(
        bin=order.provided.bin,
        host=launched.host,
        port=launched.port,
        ports=launched.ports,
        shared=order.variant.server.shared,
        predictor=order.benchmark.predictor(table.backend),
        artefact=order.artefact,
        home=order.scratch / "home",
        temporary=order.scratch / "tmp",
        trace=trace,
        memory=launched.memory,
    )
    return KeptOrder(
        command=place.command(table),
        cwd=str(order.variant.server.folder),
        environment=environment(order, place) | _programs(table) | _seen_gpus(order.device),
        cpus=list(order.cpus),
        log=str(launched.log),
        memory=launched.memory,
        stop_signal=table.stop_signal,
        grace_s=STOP_GRACE_S,
    )


def _programs(table: VariantTable) -> dict[str, str]:
    """The paths of the programs that the server starts beside itself."""
    places = {components.COMPONENTS[n].variable: components.place(n) for n in table.components}
    return {variable: str(path) for variable, path in places.items() if path is not None}


def _seen_gpus(device: str) -> dict[str, str]:
    return gpu.environment() if device == "gpu" else {}
