"""When the program of a container began, by the kernel: its engine tells that only later."""

from __future__ import annotations

import os
import time
from pathlib import Path

_TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
_BEGAN = 19  # of /proc/PID/stat, after the name and what is before it


def program_start_ns(init: int, proc: Path = Path("/proc")) -> int | None:
    """By CLOCK_MONOTONIC, late by a tick at most: of the first child of a container's init, which
    itself is there before the container is started. None where it can't be seen."""
    try:
        children = (proc / f"{init}/task/{init}/children").read_text().split()
        stat = (proc / children[0] / "stat").read_text()
    except (OSError, IndexError):
        return None
    ticks = int(stat.rpartition(")")[2].split()[_BEGAN])
    asleep_ns = time.clock_gettime_ns(time.CLOCK_BOOTTIME) - time.monotonic_ns()
    return (ticks + 1) * _TICK_NS - asleep_ns
