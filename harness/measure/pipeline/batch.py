"""The batch stage: it trains a version, again where that fails, and gives up after a time-out."""

from __future__ import annotations

import time
import uuid
from dataclasses import dataclass
from pathlib import Path

from harness.base.errors import LaunchError, ProvisionError
from harness.measure.launch.launchers.kept import Kept, KeptOrder
from harness.measure.prepare import artefacts
from harness.measure.prepare.artefacts import Artefact
from harness.measure.prepare.environments import Environment
from harness.setup.catalog import Benchmark

_GRACE_S = 2.0  # of a build that is ended
_LAST_BYTES, _LAST = 4096, 400  # of what a build printed; characters of it in a sentence


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchOrder:
    """How versions are trained."""

    benchmark: Benchmark
    environment: Environment  # the benchmark's own for builds, where it has one
    cpus: tuple[int, ...]
    timeout_s: float  # of each try
    retries: int


def train(
    order: BatchOrder, version: int, folder: Path, problems: list[str], end_ns: int | None = None
) -> Artefact:
    """The model of that version, built below the folder; `problems` gets why tries failed.

    After the given moment nothing is tried again. Raises ProvisionError.
    """
    for attempt in range(1, order.retries + 2):
        place = folder / str(attempt)
        place.mkdir(parents=True)
        wrong = _tried(order, version, place)
        if wrong is None:
            return artefacts.read(order.benchmark, place / "artefact")
        problems.append(wrong)
        if end_ns is not None and time.monotonic_ns() > end_ns:
            break
    tries = "once" if len(problems) == 1 else f"{len(problems)} times"
    raise ProvisionError(
        f"Version {version} of {order.benchmark.name} could not be trained, tried {tries}: "
        f"{problems[-1]}"
    )


def _tried(order: BatchOrder, version: int, folder: Path) -> str | None:
    """Try once to train; the sentence on what went wrong, or None."""
    name = f"{order.benchmark.folder.name}/build.py"
    made, log = folder / "artefact", folder / "log"
    made.mkdir()
    log.touch()
    build = artefacts.build_order(order.benchmark, order.environment, folder, made, version)
    kept_order = KeptOrder(
        command=build.command,
        cwd=str(order.benchmark.folder),
        environment=build.environment,
        cpus=list(order.cpus),
        log=str(log),
        memory=f"harness-{uuid.uuid4().hex}-",
        stop_signal="SIGTERM",
        grace_s=_GRACE_S,
    )
    try:
        kept = Kept(name, kept_order)
    except LaunchError as error:
        return str(error)
    try:
        code = kept.exit_code(order.timeout_s)
    finally:
        kept.stop()
    if code == 0:
        return None
    if code is None:
        return (
            f"{name} had not ended after {order.timeout_s:g} s and was ended{_said(log)}. Give a "
            "longer --train-timeout, or make it faster."
        )
    return f"{name} failed with exit code {code}{_said(log)}."


def _said(log: Path) -> str:
    """The end of what a build printed, in a sentence."""
    words = " ".join(log.read_bytes()[-_LAST_BYTES:].decode(errors="replace").split())
    return f"; it printed: {words[-_LAST:].rstrip('.')}" if words else ""
