"""What the containers of one function stand on, as the harness sees it: figures, and an image."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from harness.measure.launch.containers import cgroup, engine
from harness.measure.launch.containers.container_host import ContainerHost
from harness.measure.launch.containers.groups import Lasting
from harness.measure.launch.containers.options import PIDS
from harness.measure.launch.functions import records
from harness.measure.launch.functions.container_instances import ContainerOrder, layers
from harness.measure.launch.functions.control import Cooling
from harness.measure.watch import tree
from harness.stored.container import ContainerFacts
from harness.windows.samples import MISSING


class ContainerGround:
    """Of one function."""

    def __init__(self, host: ContainerHost, order: ContainerOrder, folder: Path) -> None:
        """`folder`: of the front's records."""
        self._host, self._order, self._folder = host, order, folder
        self._groups: dict[int, Lasting] = {}  # by the number of the instance
        self.address = host.gateway
        seen = layers(host.client, order.image)
        self.cooling = Cooling(
            files=(), why_no_files=None if seen else "the layers of its image can't be seen here"
        )

    def sample(self, *, pss: bool) -> dict[str, int] | None:
        """Columns of Usage of all instances; of one that has ended, what was seen of it last."""
        self._look()
        groups = self._groups.values()
        pids = [pid for group in groups for pid in group.pids()]
        seen = tree.of_processes(pids, pss=pss)
        if not pids:  # scaled to zero: nothing is known to be used
            seen = {name: 0 if value == MISSING else value for name, value in seen.items()}
        return {
            "cpu_ns": sum(group.cpu_ns() for group in groups),
            "memory_bytes": sum(group.memory_bytes() for group in groups),
            "throttled_ns": sum(group.throttled_ns() for group in groups),
            **seen,
        }

    def _look(self) -> None:
        """Find the control groups of instances that have come up meanwhile."""
        for line in records.lines(self._folder / records.INSTANCES):
            number, pid = int(line["number"]), int(line["pid"])
            if pid and number not in self._groups:
                found = cgroup.of_process(pid)
                if found is not None:
                    self._groups[number] = Lasting(found)

    def exposed(self) -> tuple[str, ...]:
        """Ports of this machine, other than loopback's, that lead to one of them."""
        with engine.answering("The containers of instances can't be looked at"):
            found = [each.attrs["NetworkSettings"]["Ports"] or {} for each in self._ours()]
        places = [place for ports in found for bound in ports.values() for place in bound or ()]
        return tuple(
            f"{place['HostIp']}:{place['HostPort']}"
            for place in places
            if place["HostIp"] not in ("127.0.0.1", "::1")
        )

    def close(self) -> ContainerFacts | None:
        """Remove what is left of them. Raises LaunchError."""
        with engine.answering("The containers of instances can't be removed"):
            for container in self._ours():
                container.remove(force=True, v=True)
        return ContainerFacts(
            engine=self._host.version,
            reached="container" if self._host.bridged else "published",
            memory_limit_bytes=self._order.options["mem_limit"],
            pids_limit=PIDS,
            memory_peak_bytes=None,  # each has one of its own, which its invocations say
            throttled_s=None,  # as it is meant to be
            out_of_memory=None,  # its log says which
        )

    def _ours(self) -> Iterator[Any]:
        for container in engine.made_by(self._host.client, self._host.owner):
            if str(container.name).startswith(f"{self._order.name}-"):
                yield container
