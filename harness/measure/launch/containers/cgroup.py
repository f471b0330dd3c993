"""The kernel's figures for a container's control group, version 1 or 2.

Formats: Documentation/admin-guide/cgroup-v2.rst and cgroup-v1/ of the Linux sources.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cgroup:
    """Folders of a control group by controller; in version 2 they are all the same."""

    version: int
    cpu: Path
    cpuacct: Path
    memory: Path

    def cpu_ns(self) -> int:
        """CPU time of all processes that are or were in it, in nanoseconds."""
        if self.version == 1:
            return int(_text(self.cpuacct / "cpuacct.usage"))
        return _table(self.cpu / "cpu.stat")["usage_usec"] * 1000

    def throttled_ns(self) -> int:
        """How long it was kept from running by a limit of its CPU time, in nanoseconds."""
        found = _table(self.cpu / "cpu.stat")
        return found["throttled_time"] if self.version == 1 else found["throttled_usec"] * 1000

    def memory_bytes(self) -> int:
        """Memory in use, without file cache that the kernel can drop: what `docker stats` shows."""
        used, inactive = (
            ("memory.usage_in_bytes", "total_inactive_file")
            if self.version == 1
            else ("memory.current", "inactive_file")
        )
        cache = _table(self.memory / "memory.stat")[inactive]
        return max(0, int(_text(self.memory / used)) - cache)

    def memory_peak_bytes(self) -> int | None:
        """The most memory that it held, file cache included; None before Linux 5.19 with v2."""
        name = "memory.max_usage_in_bytes" if self.version == 1 else "memory.peak"
        path = self.memory / name
        return int(_text(path)) if path.exists() else None

    def out_of_memory(self) -> int:
        """How many of its processes the kernel killed because it was at its limit."""
        name = "memory.oom_control" if self.version == 1 else "memory.events"
        return _table(self.memory / name)["oom_kill"]

    def pids(self) -> list[int]:
        """Its processes, by the ids that they have on this machine."""
        found = []
        with suppress(OSError):
            for path in self.memory.rglob("cgroup.procs"):
                found += [int(pid) for pid in _text(path).split()]
        return found


def of_process(pid: int, root: Path = ROOT, proc: Path = Path("/proc")) -> Cgroup | None:
    """The control group of a process; None where it can't be seen from here."""
    try:
        lines = _text(proc / str(pid) / "cgroup").splitlines()
    except OSError:
        return None
    places = {}
    for line in lines:
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            places[controller] = path.lstrip("/")
    if "memory" in places:
        if not {"cpu", "cpuacct"} <= places.keys():
            return None
        folders = {name: root / name / places[name] for name in ("cpu", "cpuacct", "memory")}
        found = Cgroup(version=1, **folders)
    else:
        folder = root / places.get("", "")
        found = Cgroup(version=2, cpu=folder, cpuacct=folder, memory=folder)
    return found if (found.memory / "cgroup.procs").exists() else None


def _text(path: Path) -> str:
    return path.read_text(encoding="ascii")


def _table(path: Path) -> dict[str, int]:
    rows = (line.split() for line in _text(path).splitlines())
    return {row[0]: int(row[1]) for row in rows if len(row) == 2 and row[1].isdigit()}
