"""Control groups of a function's instances: one below another that is the whole function's.

So CPU time and memory of instances that have ended stay counted. Formats: cgroup-v1/ and
admin-guide/cgroup-v2.rst of the Linux sources.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path

from harness.measure.launch.containers.cgroup import ROOT, Cgroup

PERIOD_US = 20_000  # of the CPU quota: Lambda's, by what runs there see
_LEAST_QUOTA_US = 1_000  # the kernel's
_NAME = "serving-harness-function-"  # and the number of the process that made it
_CONTROLLERS = ("cpu", "cpuacct", "memory")
_OURS = re.compile(rf"{_NAME}(\d+)-\d+")
_GONE_S = 5.0


class NoGroup(Exception):
    """No control group can be had here, with the reason."""


def made(serial: int, root: Path = ROOT, own: Path = Path("/proc/self/cgroup")) -> Cgroup:
    """A new group for a function of this process, whose members' CPU time and memory can be
    limited. Raises NoGroup."""
    name = f"{_NAME}{os.getpid()}-{serial}"
    try:
        places = _places(own.read_text())
    except OSError as error:
        raise NoGroup(f"its own control group can't be read: {error.strerror}") from error
    if "memory" in places or "cpu" in places:
        return _made_v1(name, places, root)
    return _made_v2(name, places.get("", "/"), root)


def child(parent: Cgroup, name: str, *, cpus: float, memory_bytes: int) -> Cgroup:
    """A group for one instance below the function's. Raises OSError."""
    folders = {field: getattr(parent, field) / name for field in _CONTROLLERS}
    found = Cgroup(version=parent.version, **folders)
    for folder in _folders(found):
        folder.mkdir(exist_ok=True)
    quota = max(_LEAST_QUOTA_US, round(cpus * PERIOD_US))
    if found.version == 1:
        _write(found.cpu / "cpu.cfs_period_us", PERIOD_US)
        _write(found.cpu / "cpu.cfs_quota_us", quota)
        _write(found.memory / "memory.limit_in_bytes", memory_bytes)
        with suppress(OSError):  # a kernel may not count swap
            _write(found.memory / "memory.memsw.limit_in_bytes", memory_bytes)
        return found
    _write(found.cpu / "cpu.max", f"{quota} {PERIOD_US}")
    _write(found.memory / "memory.max", memory_bytes)
    with suppress(OSError):
        _write(found.memory / "memory.swap.max", 0)
    with suppress(OSError):
        _write(found.memory / "memory.oom.group", 1)
    return found


def why_not() -> str | None:
    """Why instances can't be held to a CPU share and a memory size here, or None."""
    try:
        parent = made(0)
    except NoGroup as error:
        return str(error)
    try:
        found = child(parent, "1", cpus=1.0, memory_bytes=64 << 20)
        with subprocess.Popen(["sleep", "60"]) as process:
            try:
                join(found, process.pid)
            finally:
                process.kill()
    except OSError as error:
        return f"a control group can't be limited, or nothing can be put into it: {error.strerror}"
    finally:
        removed(parent)
    return None


def join(group: Cgroup, pid: int = 0) -> None:
    """Put a process into a group, by default this one. Raises OSError."""
    for folder in _folders(group):
        descriptor = os.open(folder / "cgroup.procs", os.O_WRONLY)
        os.write(descriptor, str(pid).encode())
        os.close(descriptor)


def killed(group: Cgroup) -> None:
    """SIGKILL to all that is in it."""
    for pid in group.pids():
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def removed(group: Cgroup, within_s: float = _GONE_S) -> bool:
    """Kill what is in it, and remove it and those below; whether nothing of it is left."""
    end = time.monotonic() + within_s
    while True:
        killed(group)
        if _remove(group) or time.monotonic() > end:
            return not group.memory.exists()
        time.sleep(0.01)


def sweep(root: Path = ROOT, own: Path = Path("/proc/self/cgroup")) -> None:
    """Remove groups that harnesses which were killed have left, where nothing runs in them."""
    with suppress(OSError):
        for parent in _parents(_places(own.read_text()), root):
            for folder in parent.glob(f"{_NAME}*"):
                match = _OURS.fullmatch(folder.name)
                if match is not None and not Path(f"/proc/{match[1]}").exists():
                    _remove_folders(folder)


def children(parent: Cgroup) -> Iterator[Cgroup]:
    """The groups of the instances that there are."""
    with suppress(OSError):
        for folder in parent.memory.iterdir():
            if folder.is_dir():
                places = {field: getattr(parent, field) / folder.name for field in _CONTROLLERS}
                yield Cgroup(version=parent.version, **places)


def as_json(group: Cgroup) -> dict[str, object]:
    """For the order of a front."""
    return {"version": group.version, **{n: str(getattr(group, n)) for n in _CONTROLLERS}}


def of_json(found: dict[str, object]) -> Cgroup:
    """The same, read back."""
    assert {field.name for field in fields(Cgroup)} == {"version", *_CONTROLLERS}
    return Cgroup(
        version=int(str(found["version"])), **{n: Path(str(found[n])) for n in _CONTROLLERS}
    )


def _made_v1(name: str, places: dict[str, str], root: Path) -> Cgroup:
    folders = {}
    for controller in _CONTROLLERS:
        own = root / controller / places.get(controller, "").lstrip("/")
        base = own if own.is_dir() else root / controller
        folders[controller] = base / name
        try:
            folders[controller].mkdir(exist_ok=True)
        except OSError as error:
            _remove(Cgroup(version=1, **{n: folders.get(n, base / name) for n in _CONTROLLERS}))
            raise NoGroup(
                f"no control group can be made in {base}: {error.strerror}. Run it as a user who "
                "may, or with a container engine"
            ) from error
    found = Cgroup(version=1, **folders)
    if not (found.cpu / "cpu.cfs_quota_us").exists():
        _remove(found)
        raise NoGroup("this kernel does not limit CPU time (CONFIG_CFS_BANDWIDTH)")
    return found


def _made_v2(name: str, place: str, root: Path) -> Cgroup:
    """The nearest group above that may have others below with limits: one with processes of its
    own may not."""
    own = root / place.lstrip("/")
    said = f"{root} has no control groups"
    for base in (own, *(above for above in own.parents if above.is_relative_to(root))):
        folder = base / name
        try:
            _delegate(base)
            folder.mkdir(exist_ok=True)
            _delegate(folder)
        except OSError as error:
            said = f"{base}: {error.strerror}"
            with suppress(OSError):
                folder.rmdir()
            continue
        return Cgroup(version=2, cpu=folder, cpuacct=folder, memory=folder)
    raise NoGroup(
        f"no control group with limits of CPU time and memory can be made ({said}). Run it as a "
        "user who may, by `systemd-run --scope -p Delegate=yes`, or with a container engine"
    )


def _delegate(folder: Path) -> None:
    """Let groups below have limits. Raises OSError."""
    there = (folder / "cgroup.subtree_control").read_text().split()
    wanted = [each for each in ("cpu", "memory") if each not in there]
    if wanted:
        _write(folder / "cgroup.subtree_control", " ".join(f"+{each}" for each in wanted))


def _places(text: str) -> dict[str, str]:
    """Paths of groups by controller; of version 2 by the empty name."""
    found = {}
    for line in text.splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = path
    return found


def _parents(places: dict[str, str], root: Path) -> Iterator[Path]:
    """The folders in which `made` may have made some."""
    for controller in _CONTROLLERS:
        if controller in places:
            yield root / controller / places[controller].lstrip("/")
            yield root / controller
    if "memory" not in places:
        own = root / places.get("", "/").lstrip("/")
        yield from (own, *(above for above in own.parents if above.is_relative_to(root)))


def _folders(group: Cgroup) -> list[Path]:
    """Each once: controllers may share a folder."""
    return list(dict.fromkeys(getattr(group, name).resolve() for name in _CONTROLLERS))


def _remove(group: Cgroup) -> bool:
    left = [folder for folder in _folders(group) if not _remove_folders(folder)]
    return not left


def _remove_folders(folder: Path) -> bool:
    try:
        for below in folder.iterdir():
            if below.is_dir():
                _remove_folders(below)
        folder.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def _write(path: Path, value: object) -> None:
    path.write_text(str(value))
