"""Programs of other projects that a server starts beside itself, such as a broker."""

from __future__ import annotations

import re
import shutil
import subprocess
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

    @property
    def variable(self) -> str:
        """What tells the server where the program is."""
        return "HARNESS_" + self.program.upper().replace("-", "_")


COMPONENTS = {
    "redis": Component(program="redis-server", least=(7,), package="redis-server"),
    "nginx": Component(program="nginx", least=(1, 20), package="nginx", asked="-v"),
}
_BESIDE_PATH = "/usr/local/sbin:/usr/sbin"  # which Debian leaves out of the PATH of a user
_RELEASE = re.compile(r"\d+(?:\.\d+)+")
_ASKED_S = 10.0


def place(name: str) -> Path | None:
    """Where a component's program is on this machine; None where it is not."""
    program = COMPONENTS[name].program
    found = shutil.which(program) or shutil.which(program, path=_BESIDE_PATH)
    return None if found is None else Path(found)


@cache
def why_not(name: str) -> str | None:
    """Why a component can't be used on this machine, or None."""
    component, found = COMPONENTS[name], place(name)
    least = ".".join(map(str, component.least))
    how = f"on Debian: apt-get install {component.package}"
    if found is None:
        return f"it needs {component.program} {least} or later, which is not installed; {how}"
    release = release_of(found, component.asked)
    if release is None:
        return f"{found} does not say which release it is; {least} or later is needed; {how}"
    if tuple(map(int, release.split("."))) < component.least:
        return f"it needs {component.program} {least} or later; {found} is {release}; {how}"
    return None


def release_of(program: Path, asked: str) -> str | None:
    """The release that a program says it is, on whichever stream."""
    try:
        done = subprocess.run(
            [program, asked], capture_output=True, text=True, timeout=_ASKED_S, check=True
        )
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    found = _RELEASE.search(done.stdout + done.stderr)
    return found[0] if found else None
