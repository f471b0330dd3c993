"""The kernel's figures of pods whose node is this machine: exact, without asking the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from harness.measure.launch.containers import cgroup
from harness.measure.launch.containers.cgroup import Cgroup
from harness.measure.launch.containers.groups import Lasting
from harness.measure.launch.kubernetes.pod_counts import Counts, most_of_a_pod, throttled
from harness.measure.watch import tree

_PROC = Path("/proc")
_CPUSET = "cpuset"


def process_of(container: str, proc: Path = _PROC) -> int | None:
    """The first process of a container, by its id on this machine; None where it runs elsewhere.

    The runtime names the control group after the container, under each driver and in kind's nodes
    too, so that no other container of this machine has it.
    """
    found = []
    for entry in proc.iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                if container in (entry / "cgroup").read_text():
                    found.append(int(entry.name))
    return min(found, default=None)


def hold(pid: int, cpus: Sequence[int], root: Path = cgroup.ROOT, proc: Path = _PROC) -> bool:
    """Keep the control group of a process to these CPUs; whether the kernel did so."""
    wanted = ",".join(map(str, sorted(cpus)))
    with suppress(OSError, ValueError):
        folder = _cpuset(pid, root, proc)
        (folder / "cpuset.cpus").write_text(wanted)
        effective = folder / "cpuset.cpus.effective"
        place = effective if effective.exists() else folder / "cpuset.cpus"
        return _numbers(place.read_text()) == set(cpus)
    return False


def _cpuset(pid: int, root: Path, proc: Path) -> Path:
    """The folder of a process's control group that says its CPUs. Raises ValueError."""
    for line in (proc / str(pid) / "cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if controllers == "" and (root / "cgroup.controllers").exists():
            return root / path.lstrip("/")
        if _CPUSET in controllers.split(","):
            return root / _CPUSET / path.lstrip("/")
    raise ValueError(f"the process {pid} is in no {_CPUSET}")


def _numbers(text: str) -> set[int]:
    """The CPUs in a list such as `0-2,5`."""
    found: set[int] = set()
    for part in filter(None, text.strip().split(",")):
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


@dataclass(frozen=True, slots=True)
class _Group:
    """The group of one container."""

    pod: str
    container: str
    counted: Lasting


class PodGroups:
    """The control groups of all containers of a Deployment that were seen on this machine."""

    def __init__(self) -> None:
        self._groups: tuple[_Group, ...] = ()  # replaced whole: other threads read it
        self._pods: dict[str, Lasting] = {}
        self._peaks: Counts = {}

    def add(self, pod: str, container: str, pid: int) -> bool:
        """Count what the control group of this process uses; whether it is seen."""
        group = cgroup.of_process(pid)
        if group is None:
            return False
        if "pod" in group.cpu.parent.name:
            self._pods.setdefault(pod, Lasting(_above(group)))
        self._groups = (*self._groups, _Group(pod, container, Lasting(group)))
        return True

    def sample(self, *, pss: bool) -> dict[str, int] | None:
        """Columns of Usage, of all pods together; None where no process is left."""
        counted = [each.counted for each in self._groups]
        pids = [pid for each in counted for pid in each.pids()]
        if not pids:
            return None
        self.note()
        return {
            "cpu_ns": sum(each.cpu_ns() for each in counted),
            "memory_bytes": sum(each.memory_bytes() for each in counted),
            "throttled_ns": self._throttled_ns(),
            **tree.of_processes(pids, pss=pss),
        }

    def note(self) -> None:
        """Remember what goes with a control group."""
        self._throttled_ns()
        for each in self._groups:
            each.counted.out_of_memory()
            place = each.pod, each.container
            self._peaks[place] = max(each.counted.memory_peak_bytes(), self._peaks.get(place, 0))

    def counts(self) -> tuple[int | None, float | None, int | None]:
        """(the most memory that one pod held, seconds throttled, processes killed for memory); None
        where nothing is seen of them."""
        if not self._groups:
            return None, None, None
        self.note()
        return (
            most_of_a_pod(self._peaks) or None,
            self._throttled_ns() / 1e9,
            sum(each.counted.out_of_memory() for each in self._groups),
        )

    def _throttled_ns(self) -> int:
        counts: Counts = {(pod, ""): each.throttled_ns() for pod, each in list(self._pods.items())}
        for each in self._groups:
            place = each.pod, each.container
            counts[place] = counts.get(place, 0) + each.counted.throttled_ns()
        return int(throttled(counts))


def _above(group: Cgroup) -> Cgroup:
    """The group that one is in."""
    return Cgroup(
        version=group.version,
        cpu=group.cpu.parent,
        cpuacct=group.cpuacct.parent,
        memory=group.memory.parent,
    )
