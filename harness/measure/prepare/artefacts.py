"""Artefacts of benchmarks: what `build.py` makes, once, cached by what it is made from.

A benchmark may have versions of its artefact, as a model has that is trained again: `build.py`
reads `HARNESS_ARTEFACT_VERSION`. Version 1 is what servers are measured with.
"""

from __future__ import annotations

import hashlib
import logging
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.base import caches, paths, reading
from harness.base.errors import ProvisionError, ResultError
from harness.measure.prepare import environments, weights
from harness.measure.prepare.environments import OWN, Environment, Planned
from harness.setup.catalog import Benchmark

_LOG = logging.getLogger(__name__)
_FACTS = "facts.json"
_VERSION = "HARNESS_ARTEFACT_VERSION"


@dataclass(frozen=True, slots=True)
class Artefact:
    """A built model: its folder, and what the build measured of it."""

    folder: Path
    facts: dict[str, Any]


def has_versions(benchmark: Benchmark) -> bool:
    """Whether the benchmark's build makes more than one artefact."""
    build = benchmark.folder / "build.py"
    return build.exists() and _VERSION in build.read_text("utf-8", "replace")


def ensure(benchmark: Benchmark, environment: Environment, version: int = 1) -> Artefact:
    """The benchmark's artefact of that version, built if need be.

    It is built in the benchmark's own build environment where it has one, else in the given one.
    Raises ProvisionError where the build fails, is not accurate enough, or makes no such version.
    The facts of a model with synthetic weights say so; how accurate it is means nothing.
    """
    if version < 1 or (version > 1 and not has_versions(benchmark)):
        raise ProvisionError(
            f"{benchmark.name} has no version {version} of its model: versions count from 1, and "
            f"others than 1 are made by a build.py that reads {_VERSION}."
        )
    environment = builder(benchmark, environment)
    folder = _folder(benchmark, environment.key, version)
    caches.folder(folder.parent.name)
    with caches.locked(Path(f"{folder}.lock")):
        if not folder.exists():
            _build(benchmark, environment, folder, version)
    return read(benchmark, folder)


def builder(benchmark: Benchmark, environment: Environment) -> Environment:
    """The benchmark's own build environment where it has one, else the given one. Raises
    ProvisionError."""
    lock = benchmark.folder / "requirements-build.txt"
    if lock.with_suffix(".in").exists() and not lock.exists():
        own = benchmark.folder.name
        raise ProvisionError(f"{own} has no lock {lock.name}. {environments.how_to_lock(own)}")
    if not lock.exists():
        return environment
    return environments.ensure(f"{benchmark.folder.name}-build", lock)


def read(benchmark: Benchmark, folder: Path) -> Artefact:
    """An artefact that was built. Raises ProvisionError where it is not accurate enough."""
    facts = _facts(benchmark, folder / _FACTS)
    if benchmark.synthetic:
        facts["synthetic"] = True
    else:
        _check_accuracy(benchmark, facts)
    return Artefact(folder, facts)


def size_bytes(artefact: Path) -> int:
    """All files of a model."""
    return sum(path.stat().st_size for path in artefact.rglob("*") if path.is_file())


def _facts(benchmark: Benchmark, path: Path) -> dict[str, Any]:
    try:
        found = reading.parsed(path) if path.exists() else {}
    except ResultError as error:
        raise ProvisionError(
            f"{benchmark.name}/build.py wrote a {_FACTS} that is not JSON."
        ) from error
    if not isinstance(found, dict):
        raise ProvisionError(
            f"{benchmark.name}/build.py wrote a {_FACTS} that is not a JSON object."
        )
    return found


def lacking(benchmark: Benchmark, environment: Planned | None) -> list[str]:
    """The parts that `ensure` would make first in the given environment, in words."""
    lock, key = benchmark.folder / "requirements-build.txt", environment.key if environment else OWN
    found = []
    if lock.exists():
        build = Planned(f"{benchmark.folder.name}-build", lock)
        key = build.key
        found += [] if build.is_made else [f"the environment {build.name}"]
    if (benchmark.folder / "build.py").exists() and not _folder(benchmark, key).exists():
        found.append(f"the model of {benchmark.name}")
    return found


def _folder(benchmark: Benchmark, key: str, version: int = 1) -> Path:
    own = benchmark.folder.name
    name = f"{own}-synthetic" if benchmark.synthetic else own
    if version > 1:
        name += f"-v{version}"
    return paths.cache_dir() / "artefacts" / f"{name}-{_key(benchmark, key)}"


def _key(benchmark: Benchmark, environment_key: str) -> str:
    digest = hashlib.sha256(environment_key.encode())
    for path in sorted([*benchmark.folder.iterdir(), *shared(benchmark).glob("*.py")]):
        if path.is_file() and path.name != "benchmark.toml":
            digest.update(path.name.encode() + b"\0" + weights.sha256(path).encode())
    if benchmark.weights is not None:
        digest.update(repr(sorted(benchmark.weights.files.items())).encode())
    return digest.hexdigest()[:16]


def shared(benchmark: Benchmark) -> Path:
    """Modules that every build and every predictor can import; the folder may not exist."""
    return benchmark.folder.parent / "shared"


def _build(benchmark: Benchmark, environment: Environment, folder: Path, version: int) -> None:
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch:
        made = Path(scratch) / "artefact"
        made.mkdir()
        if (benchmark.folder / "build.py").exists():
            which = f"version {version} of " if version > 1 else ""
            _LOG.info("making %sthe model of %s", which, benchmark.name)
            _run_build(benchmark, environment, Path(scratch), made, version)
        made.rename(folder)


def _run_build(
    benchmark: Benchmark, environment: Environment, scratch: Path, made: Path, version: int
) -> None:
    order = build_order(benchmark, environment, scratch, made, version)
    done = subprocess.run(
        order.command,
        cwd=benchmark.folder,
        env=order.environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise ProvisionError(
            f"{benchmark.folder.name}/build.py failed with exit code {done.returncode}: "
            f"{' '.join(done.stderr.split())[-600:]}"
        )


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """How a build is run, in the benchmark's folder."""

    command: list[str]
    environment: dict[str, str]


def build_order(
    benchmark: Benchmark, environment: Environment, scratch: Path, made: Path, version: int
) -> BuildOrder:
    """The order of a build into `made`; its weights are copied into the scratch folder, its home.
    Raises ProvisionError where they can't be had."""
    given = scratch / "weights"
    given.mkdir()
    for name, path in given_weights(benchmark).items():
        shutil.copyfile(path, given / Path(name).name)
    return BuildOrder(
        [str(environment.python), "build.py", str(made)],
        {
            "PATH": f"{environment.bin}:{os.defpath}",
            "HOME": str(scratch),
            "PYTHONPATH": str(shared(benchmark)),
            "HARNESS_WEIGHTS": str(given),
            **({_VERSION: str(version)} if version > 1 else {}),
            **({"HARNESS_SYNTHETIC": "1"} if benchmark.synthetic else {}),
            "PYTHONDONTWRITEBYTECODE": "1",
            "ORT_DISABLE_TELEMETRY": "1",
        },
    )


def given_weights(benchmark: Benchmark) -> dict[str, Path]:
    """The weights that its build is given, by name. Raises ProvisionError."""
    if benchmark.weights is None:
        return {}
    try:
        return weights.ensure(benchmark.weights)
    except ProvisionError as error:
        if benchmark.synthetic or benchmark.table.synthetic is None:
            raise
        raise ProvisionError(
            f"{str(error).rstrip('.')}: give --synthetic-weights to measure {benchmark.name} with "
            "seeded weights of the same architecture instead."
        ) from error


def _check_accuracy(benchmark: Benchmark, facts: dict[str, Any]) -> None:
    wanted = benchmark.table.accuracy_at_least
    if wanted is None:
        return
    accuracy = facts.get("accuracy")
    if not isinstance(accuracy, float) or accuracy < wanted:
        raise ProvisionError(
            f"The model of {benchmark.name} reaches a held-out accuracy of {accuracy}, "
            f"below the {wanted} that its benchmark.toml asks for."
        )
