"""How large pods may be so that as many as an experiment needs fit into a cluster at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from harness.base.errors import UsageError
from harness.measure.launch.kubernetes import NodeRoom

_CPU_STEP, _MEMORY_STEP = 50, 64  # millis, MiB: sizes that people would write


@dataclass(frozen=True, slots=True)
class PodSize:
    """What one pod requests, and is held to."""

    cpu_millis: int
    memory_mib: int

    @property
    def cpus(self) -> float:
        """CPUs, as a fraction."""
        return self.cpu_millis / 1000

    def __str__(self) -> str:
        return f"{self.cpus:g} CPUs and {self.memory_mib} MiB"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedSize:
    """What a pod is to have."""

    most: PodSize  # as much as a server has elsewhere
    cpu_millis: int | None = None  # just so many; None: as many as fit
    memory_mib: int | None = None


def fitting(rooms: Sequence[NodeRoom], pods: int, wanted: WantedSize, here_millis: int) -> PodSize:
    """The largest size of which so many pods fit. Nodes that are this machine share what it has for
    servers. Raises UsageError."""

    def fits(size: PodSize) -> bool:
        return room_for(rooms, size, here_millis) >= pods

    most = wanted.most
    cpus = wanted.cpu_millis or _largest(_CPU_STEP, most.cpu_millis, lambda n: fits(PodSize(n, 0)))
    memory = wanted.memory_mib or _largest(
        _MEMORY_STEP, most.memory_mib, lambda n: fits(PodSize(cpus or _CPU_STEP, n))
    )
    size = PodSize(cpus or _CPU_STEP, memory or _MEMORY_STEP)
    if not fits(size):
        raise UsageError(
            f"{pods} pods of {size} do not fit into the cluster, which has room for "
            f"{room_for(rooms, size, here_millis)}. Lower --pod-cpus, --pod-memory, --max-pods or "
            "--replicas, or name experiments that need fewer pods."
        )
    return size


def room_for(rooms: Sequence[NodeRoom], size: PodSize, here_millis: int) -> int:
    """How many pods of that size there is room for."""
    here = sum(_on(room, size) for room in rooms if room.is_here)
    there = sum(_on(room, size) for room in rooms if not room.is_here)
    return there + min(here, here_millis // size.cpu_millis)


def _on(room: NodeRoom, size: PodSize) -> int:
    by_cpu = room.cpu_millis // size.cpu_millis
    return min(by_cpu, room.memory_mib // size.memory_mib) if size.memory_mib else by_cpu


def _largest(step: int, most: int, fits: Callable[[int], bool]) -> int | None:
    """The largest that fits: `most`, or a multiple of the step below it."""
    multiples = range(most // step * step, 0, -step)
    return next((n for n in (most, *multiples) if fits(n)), None)
