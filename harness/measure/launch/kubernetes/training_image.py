"""The image of the Job that trains a benchmark's model: its build, and the packages for that."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from harness.base import caches, paths
from harness.base.errors import ProvisionError
from harness.measure.launch.containers import images
from harness.measure.launch.containers.context import Context, environment_files, tree
from harness.measure.launch.containers.engine import answering
from harness.measure.prepare import artefacts, environments
from harness.setup.catalog import Benchmark, Variant

if TYPE_CHECKING:
    from docker import DockerClient

FOLDER = paths.PROJECT / "benchmarks" / "training"


def ensure(client: DockerClient, benchmark: Benchmark, predictor: Variant) -> str:
    """The image's name, built if need be; in the predictor's environment, where the benchmark has
    none of its own for builds. Raises ProvisionError."""
    base = paths.variable("HARNESS_BASE_IMAGE") or images.BASE
    made = context_of(benchmark, predictor)
    name = benchmark.folder.name  # of all its points
    digest = made.digest(images.base_id(client, base), name)
    tag = f"{images.REPOSITORY}/training-{name}:{digest}"
    lock = caches.folder("images") / f"{tag.rpartition('/')[2].replace(':', '-')}.lock"
    with caches.locked(lock), answering(f"The image {tag} can't be had", ProvisionError):
        if images.find(client, tag) is None:
            file = os.path.relpath(FOLDER / "Dockerfile", paths.PROJECT)
            arguments = {"BASE": base, "BENCHMARK": name}
            what = f"The image that trains {name}"
            images.build(client, tag, made, arguments, what, file)
    return tag


def context_of(benchmark: Benchmark, predictor: Variant) -> Context:
    """The files that it is built from. Raises ProvisionError."""
    files: dict[str, Path | bytes] = {"Dockerfile": FOLDER / "Dockerfile"}
    files |= environment_files(*_packages(benchmark, predictor))
    files["app/train.py"] = FOLDER / "train.py"
    built = tree(benchmark.folder, "app/build")
    files |= {place: path for place, path in built.items() if place != "app/build/benchmark.toml"}
    files |= {"app/shared/.keep": b"", **tree(artefacts.shared(benchmark), "app/shared")}
    files["app/weights/.keep"] = b""
    for name, path in artefacts.given_weights(benchmark).items():
        files[f"app/weights/{Path(name).name}"] = path
    return Context(files)


def _packages(benchmark: Benchmark, predictor: Variant) -> tuple[str, list[str]]:
    """(a lock, what it does not pin), as `artefacts.builder` has it on this machine."""
    own = benchmark.folder / "requirements-build.txt"
    if own.exists():
        return own.read_text(encoding="utf-8"), []
    if not predictor.server.has_environment:
        return "", []
    lock = predictor.server.lock(predictor.table.backend)
    return lock.read_text(encoding="utf-8"), environments.extra(predictor, benchmark)
