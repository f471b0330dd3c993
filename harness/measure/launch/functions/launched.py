"""A function that was started: its front below a keeper, and its instances below that."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from harness.base import paths
from harness.base.errors import LaunchError
from harness.base.trust import SYSTEM, Trust
from harness.measure.launch import calls
from harness.measure.launch.calls import ServerRecords
from harness.measure.launch.functions import records
from harness.measure.launch.functions.control import Control, Cooling
from harness.measure.launch.functions.orders import FunctionOrder
from harness.measure.launch.launchers import RECORDS, STOP_GRACE_S, LaunchOrder
from harness.measure.launch.launchers.kept import Kept, KeptOrder
from harness.measure.launch.launchers.ports import require_free
from harness.measure.watch import tree
from harness.setup.endpoints import Headers
from harness.stored.container import ContainerFacts
from harness.stored.records import Stop

HOST = "127.0.0.1"
OF_INSTANCES = 1_000_000  # and its number: an instance's own id in the names of its records
_UP_S = 20.0
_CONTROL = "control"


class InstanceGround(Protocol):
    """What all instances of one function stand on."""

    cooling: Cooling
    address: str  # of this machine, at which nobody but instances reach it; empty: none

    def sample(self, *, pss: bool) -> dict[str, int] | None:
        """Columns of Usage of all instances, ended ones too; None where nothing can be seen."""

    def exposed(self) -> tuple[str, ...]:
        """`address:port` of whatever of them listens where other machines could reach it."""

    def close(self) -> ContainerFacts | None:
        """When the front has ended: remove what is left; its facts where it was containers.
        Raises LaunchError."""


def folders(order: LaunchOrder) -> None:
    """Make what a function's records, home and temporary files are in."""
    for name in (RECORDS, "home", "tmp"):
        (order.scratch / name).mkdir()


def control_path(order: LaunchOrder) -> Path:
    """Where its front takes commands."""
    return order.scratch / _CONTROL


class LaunchedFront:
    """One that was started; it returns from its start when the front listens."""

    scheme = "http"
    base = ""
    headers: Headers = ()
    trust: Trust = SYSTEM

    def __init__(self, order: LaunchOrder, front: FunctionOrder, ground: InstanceGround) -> None:
        self.host, self.port = front.host, front.port
        self.ports: dict[str, int] = {}
        self.log = order.scratch / "server.log"
        self.container: ContainerFacts | None = None
        self._records = Path(front.records)
        self._ground = ground
        require_free(front.host, front.port)
        self.log.touch()
        front.write(order.scratch / "front.json")
        self.control = Control(Path(front.control), self._records, ground.cooling)
        self._kept = Kept(order.variant.name, _kept_order(order, front))
        try:
            self.control.await_front(self._why_gone, _UP_S)
        except BaseException:
            self._kept.stop()
            raise
        # A service is up before anybody asks: the time that our front takes to come up is not its.
        self.started_ns = time.monotonic_ns()

    def calls(self) -> ServerRecords:
        """From the folder of all instances."""
        return calls.of_folder(self._records)

    def exited(self) -> str | None:
        """Why there is no function any more, or never will be."""
        return self._kept.exited() or records.hopeless(self._records)

    def sample(self, *, pss: bool) -> dict[str, int] | None:
        """Of the instances: the front is the service's, and nobody is charged for it."""
        return self._ground.sample(pss=pss)

    def exposed(self) -> tuple[str, ...]:
        """Sockets of the front and of instances that listen beyond loopback."""
        own = self._ground.address
        listening = tree.exposed(self._kept.keeper.pid)
        beyond = [place for place in listening if place.rpartition(":")[0] != own]
        return (*beyond, *self._ground.exposed())

    def kill(self, pid: int) -> None:
        """SIGKILL to the instance whose records bear that number."""
        self.control.kill(pid - OF_INSTANCES)

    def stop(self) -> Stop:
        """End the front, which ends its instances; the keeper proves that nothing is left."""
        try:
            return self._kept.stop()
        finally:
            self.container = self._ground.close()

    def _why_gone(self) -> str | None:
        reason = self._kept.exited()
        if reason is None:
            return None
        said = self.log.read_text(errors="replace").strip().splitlines()
        return f"{reason}: {said[-1]}" if said else reason


def front_cpus(order: LaunchOrder) -> tuple[int, ...]:
    """The CPUs that a front runs on: not the instances', if this process has any other."""
    own = os.sched_getaffinity(0)
    return tuple(sorted(own - set(order.cpus) or own))


def free_of(ground: InstanceGround, start: Callable[[], LaunchedFront]) -> LaunchedFront:
    """A start; if it fails, nothing of what it stands on is left."""
    try:
        return start()
    except BaseException:
        with suppress(LaunchError):  # the first error says more
            ground.close()
        raise


def _kept_order(order: LaunchOrder, front: FunctionOrder) -> KeptOrder:
    return KeptOrder(
        command=[
            *(sys.executable, "-m", "harness.measure.launch.functions.function_front"),
            str(order.scratch / "front.json"),
        ],
        cwd=str(order.scratch),
        environment={
            "PATH": os.defpath,
            "LANG": "C.UTF-8",
            "PYTHONPATH": str(paths.PROJECT),
            "PYTHONUNBUFFERED": "1",
        },
        cpus=list(front_cpus(order)),
        log=str(order.scratch / "server.log"),
        memory=front.instance.environment["HARNESS_SHARED_MEMORY"],
        stop_signal="SIGTERM",
        grace_s=STOP_GRACE_S,
    )
