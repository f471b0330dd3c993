"""Whether a host is fit to measure on: one registered function a check."""

from __future__ import annotations

import os
import resource
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

import psutil

from harness import paths
from harness.measure import host, launchers

Fit = Literal["good", "doubtful", "unfit"]
Check = Callable[[], tuple[Fit, str]]
CHECKS: dict[str, Check] = {}

_LOOK_S = 1.0
# A socket's path has 107 characters at most, of which a server's own part takes up to 58: Python's
# multiprocessing makes /harness-XXXXXXXX/cell/tmp/pymp-XXXXXXXX/listener-XXXXXXXX.
_LONGEST_TMPDIR = 49


@dataclass(frozen=True, slots=True)
class Checked:
    """What one check found."""

    name: str
    fit: Fit
    message: str


def check(function: Check) -> Check:
    """Register a check under its function's name."""
    CHECKS[getattr(function, "__name__", "").replace("_", " ")] = function
    return function


def all_checks() -> Iterator[Checked]:
    """Run every check."""
    for name, function in CHECKS.items():
        yield Checked(name, *function())


@check
def cpus() -> tuple[Fit, str]:
    count = len(os.sched_getaffinity(0))
    if count == 1:
        return "unfit", "one CPU: server and generator share it. Use a machine with two or more"
    return "good", f"{count}: server and generator are kept apart"


@check
def other_load() -> tuple[Fit, str]:
    share = host.busy_share(_LOOK_S)
    message = f"{share:.0%} of the CPU time is in use by others now"
    if share > 0.5:
        return "unfit", f"{message}. End what does not belong to the measurement"
    return ("doubtful" if share > 0.1 else "good"), message


@check
def stolen_time() -> tuple[Fit, str]:
    before = host.Steal.now()
    host.busy_share(_LOOK_S)
    share = before.share_until(host.Steal.now())
    if share is None:
        return "doubtful", "this host does not show it"
    message = f"{share:.1%} of the CPU time is taken by the hypervisor"
    if share > 0.1:
        return "unfit", f"{message}. Use a machine with CPUs of its own"
    return ("doubtful" if share > 0.02 else "good"), message


@check
def frequency() -> tuple[Fit, str]:
    governor = host.governor()
    if governor is None:
        return "good", "set outside this host (a virtual machine shows no governor)"
    if governor != "performance":
        return "doubtful", f"governor {governor!r}. Set it to 'performance' while measuring"
    return "good", "governor 'performance'"


@check
def memory() -> tuple[Fit, str]:
    free = psutil.virtual_memory().available / host.GIB
    if psutil.swap_memory().used > 0.1 * host.GIB:
        return "doubtful", f"{free:.1f} GiB free, but the host swaps. Free memory or turn swap off"
    return ("unfit" if free < 1 else "doubtful" if free < 4 else "good"), f"{free:.1f} GiB free"


@check
def disk() -> tuple[Fit, str]:
    free = min(host.free_bytes(paths.cache_dir()), host.free_bytes(paths.results_dir())) / host.GIB
    message = f"{free:.1f} GiB free for environments and results"
    return ("unfit" if free < 2 else "doubtful" if free < 10 else "good"), message


@check
def temporary_files() -> tuple[Fit, str]:
    folder = tempfile.gettempdir()
    if len(folder) > _LONGEST_TMPDIR:
        return "doubtful", (
            f"{folder} has a long path: servers that make sockets in it (LitServe, Seldon Core) "
            f"can't start. Let TMPDIR name one of at most {_LONGEST_TMPDIR} characters"
        )
    return "good", folder


@check
def open_files() -> tuple[Fit, str]:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < 4096:
        return "doubtful", f"limit {soft}: many connections need more (ulimit -n 65536)"
    return "good", f"limit {soft}"


@check
def launcher() -> tuple[Fit, str]:
    found, usable = {}, []
    for name, make in launchers.registered().items():
        found[name] = make().why_not("cpu")
        if found[name] is None:
            about = make().about()
            usable.append(f"{name} ({about})" if about else name)
    said = ", ".join(usable)
    said += "".join(f"; {name} can't be used: {why}" for name, why in found.items() if why)
    return ("good" if usable else "unfit"), said
