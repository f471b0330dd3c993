"""Launchers bring a variant up and make it go away. One registered class a file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from harness.base.trust import Trust
from harness.measure.launch.calls import ServerRecords
from harness.setup.catalog import Benchmark, Variant
from harness.setup.endpoints import Headers
from harness.stored.lifecycle import Installed
from harness.stored.records import ContainerFacts, ImageFacts, Stop

STOP_GRACE_S = 10.0  # from the stop signal until it is killed


class Provided(Protocol):
    """What a variant runs on: an environment of this machine, or an image."""

    @property
    def bin(self) -> Path:
        """Its interpreter's folder, as the server sees it."""

    @property
    def facts(self) -> ImageFacts | None:
        """Of an image."""

    @property
    def installed(self) -> Installed | None:
        """Of an environment of its own on this machine."""

    def version_of(self, package: str | None) -> str | None:
        """The installed version of a distribution, read back."""


@dataclass(frozen=True, slots=True)
class LaunchOrder:
    """What a launcher needs to know to start a variant."""

    variant: Variant
    provided: Provided
    benchmark: Benchmark
    artefact: Path
    threads: int
    device: str
    cpus: tuple[int, ...]
    signature: dict[str, Any]  # names and datatypes of the model's tensors; see protocols.tensors
    scratch: Path  # a folder of the run's own: home, temporary files, log, the predictor's calls
    ports: Mapping[str, int] | None = None  # to take, by name, the load's as ""; None: free ones


class Launched(Protocol):
    """A variant that was started."""

    scheme: str  # "http" or "https"; of gRPC too: whether it is encrypted
    host: str
    base: str  # of the path, before the variant's own; for an endpoint behind a prefix
    headers: Headers  # beside the protocol's
    trust: Trust  # where it is encrypted
    port: int  # the one that the load goes to
    ports: dict[str, int]  # the variant's more_ports
    started_ns: int  # CLOCK_MONOTONIC, just before its process began
    log: Path
    container: ContainerFacts | None  # once it was stopped, where it was one

    def exited(self) -> str | None:
        """Why it is no longer running, or None while it is."""

    def calls(self) -> ServerRecords:
        """What its predictors recorded so far, fetched from wherever it runs, and how their clock
        relates to this host's; also once it was stopped."""

    def sample(self, *, pss: bool) -> dict[str, int] | None:
        """Those columns of Usage that can be seen now; None where nothing can."""

    def exposed(self) -> tuple[str, ...]:
        """`address:port` of whatever of it listens where other machines could reach it."""

    def kill(self, pid: int) -> None:
        """SIGKILL to one of its processes, by the id that it has for itself."""

    def stop(self) -> Stop | None:
        """End all of it; None where it was not started.

        Raises LaunchError if something could not be ended.
        """


class Launcher(Protocol):
    """Starts variants."""

    def why_not(self, device: str, /) -> str | None:
        """Why it can't be used on this machine for that device, or None."""

    def about(self) -> str:
        """What brings variants up here, in a few words; empty where that is this machine itself."""

    def provide(
        self, variant: Variant, benchmark: Benchmark, artefact: Path, device: str, /
    ) -> Provided:
        """What a variant needs to run, made once and cached. Raises ProvisionError."""

    def launch(self, order: LaunchOrder) -> Launched:
        """Start a variant; returns before it is ready. Raises LaunchError."""

    def close(self) -> None:
        """End what its servers shared."""


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
        if not module.name.endswith((".keeper", ".guard")):
            importlib.import_module(module.name)
    return dict(sorted(LAUNCHERS.items()))
