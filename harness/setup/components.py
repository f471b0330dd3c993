"""Programs of other projects that a server starts beside itself, such as a broker."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Component:
    """A program, and which releases of it serve."""

    program: str  # on the PATH
    least: tuple[int, ...]  # release
    package: str  # of Debian
    asked: str = "--version"  # what it says its release on
    url: str = ""  # as a server reaches it in a container, where it has one of its own beside it
    memory_mib: int = 0  # that it may use there

    @property
    def variable(self) -> str:
        """The environment variable that holds the program's path."""
        return "HARNESS_" + self.program.upper().replace("-", "_")


COMPONENTS = {
    "redis": Component(
        program="redis-server",
        least=(7,),
        package="redis-server",
        url="redis://127.0.0.1:6379",
        memory_mib=512,
    ),
}
FRONT = "nginx"  # of a pipeline, and no variant's
NODE = "node"  # of a launcher
_PROGRAMS = {
    **COMPONENTS,
    FRONT: Component(program="nginx", least=(1, 20), package="nginx", asked="-v"),
    NODE: Component(program="node", least=(20, 19), package="nodejs"),
}
_BESIDE_PATH = "/usr/local/sbin:/usr/sbin"  # which Debian leaves out of the PATH of a user
_RELEASE = re.compile(r"\d+(?:\.\d+)+")
_ASKED_S = 10.0


def beside(names: Iterable[str]) -> dict[str, str]:
    """The environment variables that hold the URLs of components beside a server's container."""
    return {f"HARNESS_{name.upper()}_URL": COMPONENTS[name].url for name in names}


def place(name: str) -> Path | None:
    """The path of a component's program on this machine; None if it is missing."""
    program = _PROGRAMS[name].program
    found = shutil.which(program) or shutil.which(program, path=_BESIDE_PATH)
    return None if found is None else Path(found)


@cache
def why_not(name: str) -> str | None:
    """Why a component can't be used on this machine, or None."""
    component, found = _PROGRAMS[name], place(name)
    least = ".".join(map(str, component.least))
    how = f"on Debian: apt-get install {component.package}"
    if found is None:
        return f"it needs {component.program} {least} or later, which is not installed; {how}"
    release = _release(found, component.asked)
    if release is None:
        return f"{found} does not say which release it is; {least} or later is needed; {how}"
    if tuple(map(int, release.split("."))) < component.least:
        return f"it needs {component.program} {least} or later; {found} is {release}; {how}"
    return None


def release(name: str) -> str | None:
    """The release that is on this machine; None where none is, or it does not say."""
    found = place(name)
    return None if found is None else _release(found, _PROGRAMS[name].asked)


def _release(program: Path, asked: str) -> str | None:
    """The release that a program says it is, on whichever stream."""
    try:
        done = subprocess.run(
            [program, asked], capture_output=True, text=True, timeout=_ASKED_S, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    found = _RELEASE.search(done.stdout + done.stderr)
    return found[0] if found else None
