"""Control groups as files, for what reads them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from harness.measure.launch.containers.cgroup import Cgroup


def written(folder: Path, process: str, said: str, files: Mapping[str, str]) -> tuple[Path, Path]:
    """(the file system of control groups, that of processes), where a process is in the groups that
    are said."""
    for name, text in files.items():
        path = folder / "sys" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (folder / "proc" / process).mkdir(parents=True)
    (folder / "proc" / process / "cgroup").write_text(said)
    return folder / "sys", folder / "proc"


def of_version_2(folder: Path, number: int) -> Cgroup:
    """A group without processes; each of its figures is made of the number."""
    place = folder / str(number)
    place.mkdir()
    files = {
        "cpu.stat": f"usage_usec {number}000\nthrottled_usec {number}\n",
        "memory.current": f"{number}0\n",
        "memory.stat": f"inactive_file {number}\n",
        "memory.peak": f"{number}00\n",
        "memory.events": "oom_kill 1\n",
        "cgroup.procs": "",
    }
    for name, text in files.items():
        (place / name).write_text(text)
    return Cgroup(version=2, cpu=place, cpuacct=place, memory=place)
