"""Environments of servers: pinned by a lock file, made once, cached by content."""

from __future__ import annotations

import ast
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from harness.base import paths
from harness.base.errors import ProvisionError
from harness.measure.prepare import installing
from harness.setup.catalog import Benchmark, Variant
from harness.stored.container import ImageFacts
from harness.stored.lifecycle import Installed

_FORMAT = "1"  # of the cached folder; another number makes every environment anew
OWN = "harness"  # the key of the harness's own environment
_PIP_SECTIONS = ("global", "install", ":env:")  # least specific first


@dataclass(frozen=True, slots=True)
class Planned:
    """An environment that a lock pins, plus requirements that it doesn't; made or not yet."""

    name: str
    lock: Path
    extra: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """Changes with its content."""
        text = self.lock.read_text(encoding="utf-8")
        content = "\n".join([_FORMAT, sys.version, sys.platform, text, *self.extra])
        return hashlib.sha256(content.encode()).hexdigest()[:16]

    @property
    def folder(self) -> Path:
        """Its folder in the cache."""
        return paths.cache_dir() / "environments" / f"{self.name}-{self.key}"

    @property
    def is_made(self) -> bool:
        """Whether it is there, whole."""
        return installing.is_whole(self.folder)


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A Python environment: its interpreter's folder, and a key that changes with its content."""

    bin: Path
    key: str
    facts: ImageFacts | None = None  # it is none
    installed: Installed | None = None  # None for the harness's own

    @property
    def python(self) -> Path:
        return self.bin / "python"

    def version_of(self, package: str | None) -> str | None:
        """The installed version of a distribution, read back from the environment."""
        if package is None:
            return None
        wanted = canonical(package)
        for metadata in self.bin.parent.glob("lib/python3*/site-packages/*.dist-info"):
            name, _, version = metadata.name.removesuffix(".dist-info").rpartition("-")
            if canonical(name) == wanted:
                return version
        return None


def for_variant(variant: Variant, benchmark: Benchmark, device: str = "cpu") -> Environment:
    """The environment of a variant that can load the benchmark's predictor too.

    Raises ProvisionError where it can't be made.
    """
    found = planned_for(variant, benchmark, device)
    if found is None:
        return Environment(bin=Path(sys.executable).parent, key=OWN)
    return ensure(found.name, found.lock, found.extra)


def planned_for(variant: Variant, benchmark: Benchmark, device: str = "cpu") -> Planned | None:
    """The same before it is made; None for the harness's own. Raises ProvisionError."""
    if not variant.server.has_environment:
        return None
    lock = variant.server.lock(variant.table.backend, device)
    name = f"{variant.server.name}{lock.stem.removeprefix('requirements') or '-onnx'}"
    return Planned(name, lock, tuple(extra(variant, benchmark, device)))


def extra(variant: Variant, benchmark: Benchmark, device: str = "cpu") -> list[str]:
    """The packages that the benchmark's predictor needs beside the variant's lock. Raises
    ProvisionError."""
    server, backend = variant.server, variant.table.backend
    if not server.has_environment or variant.table.reference:
        return []
    lock = server.lock(backend, device)
    if not lock.exists():
        raise ProvisionError(f"{server.name} has no lock {lock.name}. {how_to_lock(server.name)}")
    return uncovered(needed(benchmark, backend), lock.read_text(encoding="utf-8"))


def how_to_lock(name: str) -> str:
    """The command for the locks of one server or benchmark, as a sentence."""
    return f"Make it with: python scripts/lock.py {name}"


def ensure(name: str, lock: Path, extra: Sequence[str] = ()) -> Environment:
    """The environment that a lock pins, plus requirements that it doesn't; made if need be."""
    planned = Planned(name, lock, tuple(extra))
    folder = planned.folder
    install = partial(_install, name, folder, lock, extra)
    installed = installing.ensure(f"the environment {name}", folder, install)
    return Environment(bin=folder / "bin", key=planned.key, installed=installed)


def uncovered(requirements: Iterable[str], lock: str) -> list[str]:
    """Those requirements that the lock's pins don't already meet."""
    pins = dict(re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock, flags=re.MULTILINE))
    pins = {canonical(name): version for name, version in pins.items()}
    missing = []
    for line in requirements:
        try:
            requirement = Requirement(line)
        except InvalidRequirement as error:
            raise ProvisionError(f"{line!r} in a requirements.in is not a requirement.") from error
        version = pins.get(canonical(requirement.name))
        if version is None or not requirement.specifier.contains(version, prereleases=True):
            missing.append(line)
    return missing


def canonical(name: str) -> str:
    """A distribution's name as the index has it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def needed(benchmark: Benchmark, backend: str) -> list[str]:
    """The requirements of a benchmark's predictor."""
    return required(benchmark.requirements(backend))


def required(path: Path) -> list[str]:
    """The lines of a requirements.in; none where there is no such file."""
    if not path.exists():
        return []
    lines = (line.split("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line]


def _install(name: str, folder: Path, lock: Path, extra: Sequence[str]) -> None:
    options = ["--python", sys.executable, "--no-project", "--allow-existing"]
    uv(name, "venv", *options, str(folder))
    python = ["--python", str(folder / "bin" / "python"), "--compile-bytecode"]
    text = lock.read_text(encoding="utf-8")
    options = [*python, *index_options(torch_version(text), cuda=has_cuda(text))]
    uv(name, "pip", "sync", *options, str(lock))
    if extra:
        uv(name, "pip", "install", *options, "--constraints", str(lock), *extra)


def uv(name: str, *arguments: str) -> None:
    """Run uv. Raises ProvisionError with the end of what it said."""
    from uv import find_uv_bin

    environment = {name: value for name, value in os.environ.items() if value}
    environment.setdefault("UV_HTTP_TIMEOUT", "60")
    environment.setdefault("UV_HTTP_RETRIES", "5")
    certificates = pip_settings().get("cert")
    if certificates:
        environment.setdefault("SSL_CERT_FILE", certificates[-1])
    done = subprocess.run(
        [find_uv_bin(), *arguments], capture_output=True, text=True, env=environment, check=False
    )
    if done.returncode:
        tail = " ".join(done.stderr.split())[-600:]
        raise ProvisionError(
            f"The environment of {name} can't be installed: {tail} "
            "Is the package index reachable, and is the disk not full?"
        )


def torch_version(lock: str) -> str | None:
    """The torch release that a lock pins, if any."""
    found = re.search(r"^torch==([0-9.]+)", lock, flags=re.MULTILINE)
    return found.group(1) if found else None


def has_cuda(lock: str) -> bool:
    """Whether a lock pins NVIDIA's libraries."""
    return re.search(r"^nvidia-cuda-", lock, flags=re.MULTILINE) is not None


def index_options(torch: str | None, *, cuda: bool = False) -> list[str]:
    """Options that make uv look where pip is configured to look, and take torch's CPU build.

    uv reads none of pip's settings. Without a CPU wheel in a find-links folder, torch comes from
    its own index of CPU builds, never as the default build with its gigabytes of CUDA packages; but
    where CUDA is asked for, that is the one, and a CPU wheel must not stand in for it.
    """
    settings = pip_settings()
    links = [] if cuda else settings.get("find-links", [])
    options = [option for link in links for option in ("--find-links", link)]
    for url in settings.get("index-url", [])[-1:]:
        options += ["--default-index", url]
    for url in settings.get("extra-index-url", []):
        if url.startswith(("http://", "https://")):
            options += ["--index", url]
    if torch is not None and not cuda and not _has_cpu_wheel(links, torch):
        options += ["--torch-backend", "cpu"]
    return options


def _has_cpu_wheel(links: Iterable[str], torch: str) -> bool:
    folders = [Path(link.removeprefix("file://")) for link in links]
    return any(list(folder.glob(f"torch-{torch}+cpu-*")) for folder in folders if folder.is_dir())


@cache
def pip_settings() -> dict[str, list[str]]:
    """pip's settings by key, least specific first; empty where there is no pip."""
    done = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    setting = re.compile(r"(global|install|:env:)\.([a-z-]+)=('.*'|\".*\")")
    found = [match for line in done.stdout.splitlines() if (match := setting.fullmatch(line))]
    settings: dict[str, list[str]] = {}
    # pip lists its sections by the alphabet.
    for match in sorted(found, key=lambda match: _PIP_SECTIONS.index(match.group(1))):
        values = str(ast.literal_eval(match.group(3))).split()
        known = settings.setdefault(match.group(2), [])
        known[:] = [value for value in known if value not in values] + values
    return settings
