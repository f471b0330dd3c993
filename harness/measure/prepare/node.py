"""Packages of Node.js: pinned by a package-lock.json, installed once, cached by content.

They come from the registry that npm is configured with; the lock has their hashes, no registry.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness.base import paths, reading
from harness.base.errors import ProvisionError, ResultError
from harness.measure.prepare import installing
from harness.setup import components
from harness.stored.lifecycle import Installed

_FORMAT = "1"  # of the cached folder; another number installs all packages anew
_FILES = ("package.json", "package-lock.json")
_KIND = "node"  # of the cache
_NPM = "npm"
# Nothing that a package brings is run, and npm asks for nothing but packages.
_OPTIONS = ("--ignore-scripts", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier")
_ONCE = ("--fetch-retries=1", "--fetch-retry-mintimeout=1000", "--no-update-notifier")
_ERROR = re.compile(r"npm (?:error|ERR!) ?(.*)")  # the second until npm 10
_NO_REASON = ("code ", "errno ", "syscall ", "A complete log")


@dataclass(frozen=True, slots=True, kw_only=True)
class NodePackages:
    """Those of a server."""

    folder: Path
    installed: Installed | None

    @property
    def modules(self) -> Path:
        return self.folder / "node_modules"

    @property
    def bin(self) -> Path:
        """The folder of their programs."""
        return self.modules / ".bin"

    def version_of(self, package: str) -> str | None:
        """The installed version of a package, read back."""
        try:
            told = reading.parsed(self.modules / package / "package.json")
        except ResultError:
            return None
        return str(told["version"]) if isinstance(told, dict) and "version" in told else None


def why_not() -> str | None:
    """Why packages of Node.js can't be used on this machine, or None."""
    if (missing := components.why_not(components.NODE)) is not None:
        return missing
    if shutil.which(_NPM) is None:
        return "it needs npm, which is not installed; on Debian: apt-get install npm"
    return None


def ensure(name: str, folder: Path) -> NodePackages:
    """The packages that the lock in a server's folder pins. Raises ProvisionError."""
    for file in _FILES:
        if not (folder / file).exists():
            raise ProvisionError(f"{name} has no {file}, which pins its packages of Node.js.")
    place = paths.cache_dir() / _KIND / f"{name}-{_key(folder)}"
    install = partial(_install, name, folder, place)
    installed = installing.ensure(f"the packages of {name} with npm", place, install)
    return NodePackages(folder=place, installed=installed)


def _key(folder: Path) -> str:
    found = hashlib.sha256("\n".join([_FORMAT, sys.platform, platform.machine()]).encode())
    for file in _FILES:
        found.update((folder / file).read_bytes())
    return found.hexdigest()[:16]


def _install(name: str, folder: Path, place: Path) -> None:
    for file in _FILES:
        shutil.copyfile(folder / file, place / file)
    # Where there is no registry, an installation would look for it once for each package.
    package, version = next(iter(reading.parsed(folder / _FILES[0])["dependencies"].items()))
    _npm(name, place, "view", f"{package}@{version}", "version", *_ONCE)
    _npm(name, place, "ci", *_OPTIONS)


def _npm(name: str, place: Path, *arguments: str) -> None:
    """Run npm. Raises ProvisionError with its reason."""
    try:
        done = subprocess.run(
            [_NPM, *arguments],
            cwd=place,
            env={name: value for name, value in os.environ.items() if value},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise ProvisionError(f"The packages of {name} can't be installed: npm: {error}.") from error
    if done.returncode:
        raise ProvisionError(
            f"The packages of {name} can't be installed with npm: {_reason(done.stderr)}. Is npm's "
            "registry reachable, and is the disk not full?"
        )


def _reason(said: str) -> str:
    """The first of what npm says that is neither a code nor the place of its log."""
    found = [match for line in said.splitlines() if (match := _ERROR.fullmatch(line))]
    told = [match[1] for match in found if match[1] and not match[1].startswith(_NO_REASON)]
    return " ".join((told or [said])[0].split())[:600].rstrip(".")
