"""Launchers bring a variant up and make it go away. One registered class a file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Protocol

from harness.base.errors import UsageError
from harness.base.trust import Trust
from harness.measure.launch.calls import ServerRecords
from harness.setup.catalog import Benchmark, Variant
from harness.setup.endpoints import Headers
from harness.setup.launching import Launching, declare
from harness.stored.container import ContainerFacts, ImageFacts
from harness.stored.lifecycle import Installed
from harness.stored.records import Stop

GROUP = "serving_harness.launchers"  # of entry points
RECORDS = "calls"  # of the run's folder: where a server's records are, wherever it runs
STOP_GRACE_S = 10.0  # from the stop signal until it is killed


class Provided(Protocol):
    """The environment of this machine, or the image, that a variant runs in."""

    @property
    def bin(self) -> Path:
        """Its interpreter's folder, as the server sees it."""

    @property
    def facts(self) -> ImageFacts | None:
        """The facts about an image."""

    @property
    def installed(self) -> Installed | None:
        """The facts about an environment of its own on this machine."""

    def version_of(self, package: str | None) -> str | None:
        """The installed version of a distribution, read back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchOrder:
    """The facts that a launcher needs to start a variant."""

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
        """The records of its predictors so far, fetched from wherever it runs, and the relation of
        their clock to this host's; also after it was stopped."""

    def sample(self, *, pss: bool) -> dict[str, int] | None:
        """The columns of Usage that can be seen now; None if there are none."""

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
        """The engine or machine that runs variants, in a few words; empty if it is this machine
        itself."""

    def provide(
        self, variant: Variant, benchmark: Benchmark, artefact: Path, device: str, /
    ) -> Provided:
        """The environment or image that a variant needs, made once and cached. Raises
        ProvisionError."""

    def launch(self, order: LaunchOrder) -> Launched:
        """Start a variant; returns before it is ready. Raises LaunchError."""

    def close(self) -> None:
        """End what its servers shared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """A command-line option that belongs to a launcher; the value is a text, if it takes one."""

    name: str  # as `listen` of `--listen`
    help: str
    default: str = ""  # what the launcher takes where it is not given, for `--help`
    flag: bool = False  # it takes no value; the launcher's parameter is `yes` where it is given

    @property
    def parameter(self) -> str:
        """The name of the launcher's parameter that takes the value."""
        return self.name.replace("-", "_")

    def words(self, value: str) -> tuple[str, ...]:
        """As they are given again."""
        return (f"--{self.name}",) if self.flag else (f"--{self.name}", value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """A launcher, with what it declares."""

    make: Callable[..., Launcher]
    launching: Launching
    options: tuple[Option, ...]

    def made(self, given: Mapping[str, str] | None = None) -> Launcher:
        """The launcher, told those of the options given that are its own.

        Raises UsageError for a value that it can't take.
        """
        return self.make(**{o.parameter: value for o, value in self._own(given or {})})

    def configured(self, given: Mapping[str, str]) -> Launching:
        """The declaration, completed by the given options, which measure its variants again."""
        words = (word for o, value in self._own(given) for word in o.words(value))
        return replace(self.launching, again=(*self.launching.again, *words))

    def _own(self, given: Mapping[str, str]) -> list[tuple[Option, str]]:
        return [(o, given[o.parameter]) for o in self.options if o.parameter in given]


LAUNCHERS: dict[str, Registered] = {}


def launcher(
    name: str, launching: Launching, *, options: tuple[Option, ...] = ()
) -> Callable[[type], type]:
    """Register a launcher class under the name that `--launcher` takes, with what it declares and
    the command-line options that it adds; their values become parameters of the class."""

    def register(cls: type) -> type:
        LAUNCHERS[name] = Registered(make=cls, launching=launching, options=options)
        declare(name, launching)
        return cls

    return register


def registered() -> dict[str, Registered]:
    """Every launcher, by name: the modules of this folder, and those that installed packages name
    in the group `serving_harness.launchers` of their entry points. Raises UsageError."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        if not module.name.endswith((".keeper", ".guard")):
            importlib.import_module(module.name)
    for entry in entry_points(group=GROUP):
        _load(entry)
    return dict(sorted(LAUNCHERS.items()))


@cache
def _load(entry: EntryPoint) -> None:
    try:
        entry.load()
    except Exception as error:  # whatever another's module does when it is imported
        raise UsageError(
            f"The launcher {entry.name!r}, which an installed package brings along, can't be "
            f"loaded from {entry.value}: {type(error).__name__}: {error}. Repair or uninstall the "
            "package."
        ) from error
