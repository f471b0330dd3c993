"""The kernel's figures of pods whose node is this machine: exact, without asking the cluster."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from harness.measure.launch.containers import cgroup
from harness.measure.launch.containers.groups import Lasting
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


class PodGroups:
    """The control groups of all containers of a Deployment that were seen on this machine."""

    def __init__(self) -> None:
        self._groups: tuple[Lasting, ...] = ()  # replaced whole: other threads read it
        self._peak_bytes: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._groups)

    def add(self, pid: int) -> bool:
        """Count what the control group of this process uses; whether it is seen."""
        group = cgroup.of_process(pid)
        if group is None:
            return False
        self._groups = (*self._groups, Lasting(group))
        return True

    def sample(self, *, pss: bool) -> dict[str, int] | None:
        """Columns of Usage, of all pods together; None where no process is left."""
        pids = [pid for each in self._groups for pid in each.pids()]
        if not pids:
            return None
        self.note()
        return {
            "cpu_ns": sum(each.cpu_ns() for each in self._groups),
            "memory_bytes": sum(each.memory_bytes() for each in self._groups),
            "throttled_ns": sum(each.throttled_ns() for each in self._groups),
            **tree.of_processes(pids, pss=pss),
        }

    def note(self) -> None:
        """Remember what goes with a control group."""
        for number, each in enumerate(self._groups):
            each.out_of_memory()
            each.throttled_ns()
            with suppress(OSError, KeyError):
                peak = each.group.memory_peak_bytes() or 0
                self._peak_bytes[number] = max(peak, self._peak_bytes.get(number, 0))

    def counts(self) -> tuple[int | None, float | None, int | None]:
        """(the most memory that one pod held, seconds throttled, processes killed for memory); None
        where nothing is seen of them."""
        if not self._groups:
            return None, None, None
        self.note()
        return (
            max(self._peak_bytes.values(), default=0) or None,
            sum(each.throttled_ns() for each in self._groups) / 1e9,
            sum(each.out_of_memory() for each in self._groups),
        )
