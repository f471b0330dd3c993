"""Launchers bring a variant up and make it go away. One registered class a file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness.catalog import Variant
from harness.records import Stop, Usage


@dataclass(frozen=True, slots=True)
class LaunchOrder:
    """What a launcher needs to know to start a variant."""

    variant: Variant
    bin: Path  # of the variant's environment
    predictor: Path
    artefact: Path
    threads: int
    device: str
    cpus: tuple[int, ...]
    signature: dict[str, Any]  # names and datatypes of the model's tensors; see protocols.tensors
    scratch: Path  # a folder of the run's own: home, temporary files, log, the predictor's calls


class Launched(Protocol):
    """A variant that was started."""

    scheme: str  # "http" or "https"; of gRPC too: whether it is encrypted
    host: str
    base: str  # of the path, before the variant's own; for an endpoint behind a prefix
    headers: Mapping[str, str]  # beside the protocol's
    port: int  # the one that the load goes to
    ports: dict[str, int]  # the variant's more_ports
    started_ns: int  # CLOCK_MONOTONIC, just before its process began
    log: Path
    trace: Path  # where the predictor records its calls

    def exited(self) -> str | None:
        """Why it is no longer running, or None while it is."""

    def sample(self, *, pss: bool) -> tuple[int, ...] | None:
        """One row of Usage, without its time; None where it can't be seen."""

    def exposed(self) -> tuple[str, ...]:
        """`address:port` of whatever of it listens where other machines could reach it."""

    def stop(self) -> Stop | None:
        """End all of it; None where it was not started.

        Raises LaunchError if something could not be ended.
        """


class Launcher(Protocol):
    """Starts variants."""

    def why_not(self) -> str | None:
        """Why it can't be used on this machine, or None."""

    def launch(self, order: LaunchOrder) -> Launched:
        """Start a variant; returns before it is ready. Raises LaunchError."""


LAUNCHERS: dict[str, Callable[[], Launcher]] = {}


def launcher(name: str) -> Callable[[type], type]:
    """Register a launcher class under the name that `--launcher` takes."""

    def register(cls: type) -> type:
        LAUNCHERS[name] = cls
        return cls

    return register


def registered() -> dict[str, Callable[[], Launcher]]:
    """Every launcher, by name."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        if not module.name.endswith(".keeper"):
            importlib.import_module(module.name)
    return dict(sorted(LAUNCHERS.items()))


__all__ = ["LaunchOrder", "Launched", "Launcher", "Usage", "launcher", "registered"]
