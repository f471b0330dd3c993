"""This machine: what it is, what else it does, which CPUs are whose."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from harness.measure.watch import gpu, own_limits

GIB = 1 << 30


def split_cpus() -> tuple[tuple[int, ...], tuple[int, ...]]:
    """(server's CPUs, generator's CPUs), disjoint where there is more than one CPU.

    The server gets the lower half of the CPUs that this process may use. Where a quota of its
    control group lets it have the time of fewer, they are so many: on more, all would be kept from
    running at once, for tens of milliseconds.
    """
    cpus = sorted(os.sched_getaffinity(0))
    quota = own_limits.read().cpus
    if quota is not None:
        cpus = cpus[: max(int(quota), 1)]
    if len(cpus) == 1:
        return (cpus[0],), (cpus[0],)
    # Threads of one core stay together: they would slow each other down across the divide.
    cores = sorted({tuple(sorted(_siblings(cpu) & set(cpus))) for cpu in cpus})
    groups = cores if len(cores) > 1 else [(cpu,) for cpu in cpus]
    half = (len(groups) + 1) // 2
    server, generator = sum(groups[:half], ()), sum(groups[half:], ())
    return tuple(sorted(server)), tuple(sorted(generator))


def _siblings(cpu: int) -> set[int]:
    """The hardware threads of that CPU's core, itself among them."""
    path = Path(f"/sys/devices/system/cpu/cpu{cpu}/topology/thread_siblings_list")
    found = {cpu}
    for part in path.read_text().strip().split(",") if path.exists() else ():
        first, _, last = part.partition("-")
        found |= set(range(int(first), int(last or first) + 1))
    return found


def environment() -> dict[str, str]:
    """The facts about the machine that a reader of the results needs. The report shows the keys."""
    model = gpu.name()
    return {
        "machine": _cpu_model(),
        "cpus": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / GIB:.1f} GiB",
        **_limits(),
        "kernel": f"{platform.system()} {platform.release()}",
        "distribution": _distribution(),
        "virtual machine": _hypervisor(),
        "governor": governor() or "not shown by this host",
        "clock source": clock_source() or "not shown by this host",
        "python": platform.python_version(),
        "harness": importlib.metadata.version("serving-harness"),
        **({"gpu": model} if model else {}),
    }


def _limits() -> dict[str, str]:
    """The limits of the harness's own control group, if any."""
    found = own_limits.read()
    said = {}
    if found.cpus is not None and found.cpus < len(os.sched_getaffinity(0)):
        said["cpu quota"] = f"{found.cpus:g} CPUs"
    if found.memory_bytes is not None and found.memory_bytes < psutil.virtual_memory().total:
        said["memory limit"] = f"{found.memory_bytes / GIB:.1f} GiB"
    return said


def free_memory_bytes() -> int:
    """The memory that processes can still get, within the limit of the harness's own control
    group."""
    free, own = int(psutil.virtual_memory().available), own_limits.read()
    if own.memory_bytes is None or own.memory_used_bytes is None:
        return free
    return min(free, max(own.memory_bytes - own.memory_used_bytes, 0))


def governor() -> str | None:
    """The frequency governor of CPU 0, where the host shows one."""
    path = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
    return path.read_text().strip() if path.exists() else None


def frequencies_mhz(cpus: Sequence[int]) -> list[float]:
    """The current frequencies of those CPUs; empty if this host does not show them."""
    folder = Path("/sys/devices/system/cpu")
    paths = [folder / f"cpu{cpu}" / "cpufreq" / "scaling_cur_freq" for cpu in cpus]
    with suppress(OSError, ValueError):
        return [int(path.read_text()) / 1000 for path in paths]
    shown = re.findall(r"^cpu MHz\s*: ([0-9.]+)$", Path("/proc/cpuinfo").read_text(), flags=re.M)
    found = [float(value) for value in shown]
    return [found[cpu] for cpu in cpus] if found and max(cpus) < len(found) else []


def clock_source() -> str | None:
    """The kernel's clock source, if it shows it."""
    path = Path("/sys/devices/system/clocksource/clocksource0/current_clocksource")
    return path.read_text().strip() if path.exists() else None


def free_bytes(folder: Path) -> int:
    """Free disk space where the folder is, or will be."""
    while not folder.exists():
        folder = folder.parent
    return shutil.disk_usage(folder).free


def _cpu_model() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _distribution() -> str:
    try:
        return platform.freedesktop_os_release().get("PRETTY_NAME", "unknown")
    except OSError:
        return "unknown"


def _hypervisor() -> str:
    flags = Path("/proc/cpuinfo").read_text()
    return "yes" if " hypervisor" in flags else "no"
