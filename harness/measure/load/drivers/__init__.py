"""Drivers make the load. One registered maker a file."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from harness.measure.load.generator.job import Fired, Job
from harness.setup.catalog import pick

NATIVE = "native"


@dataclass(frozen=True, slots=True)
class DriverOrder:
    """The requested driver and its options."""

    name: str = NATIVE
    master: str | None = None  # host:port where workers find the one who coordinates them
    workers: int | None = None  # that come from elsewhere; None: its own, one a CPU

    @property
    def rpc_users(self) -> bool:
        """Whether its users who think speak gRPC, too. Raises UsageError."""
        return kind(self.name).rpc_users


DEFAULT = DriverOrder()


class Firing(Protocol):
    """A window that is being fired."""

    start_ns: int

    def wait(self, seconds: float) -> bool:
        """Wait so long at most; whether the window is over."""

    def result(self) -> Fired:
        """Everything that was fired, in one table."""


class Driver(Protocol):
    """Fires jobs, one at a time."""

    @property
    def cpus(self) -> tuple[int, ...]:
        """CPUs of this machine that it has for itself."""

    def make_ready(self) -> None:
        """Wait for its processes to have started. Raises HarnessError."""

    def start(self, job: Job) -> Firing:
        """Fire a job; its `start_ns` is set here. Raises HarnessError."""

    def cut(self) -> None:
        """End the window that is under way: nothing more is sent, and what was sent has a moment to
        be answered. Again where it goes on, which does no harm."""

    def fire(self, job: Job) -> Fired:
        """Fire a job and wait for its end. Raises HarnessError."""


Maker = Callable[[Sequence[int], DriverOrder], AbstractContextManager[Driver]]


@dataclass(frozen=True, slots=True, kw_only=True)
class DriverKind:
    """A driver, with what it declares."""

    make: Maker
    rpc_users: bool  # its users who think speak gRPC, too


DRIVERS: dict[str, DriverKind] = {}


def driver(name: str, *, rpc_users: bool = True) -> Callable[[Maker], Maker]:
    """Register what makes a driver under the name that `--driver` takes."""

    def register(make: Maker) -> Maker:
        DRIVERS[name] = DriverKind(make=make, rpc_users=rpc_users)
        return make

    return register


def kind(name: str) -> DriverKind:
    """The driver of that name. Raises UsageError."""
    found: DriverKind = pick("driver", name, registered())
    return found


def registered() -> dict[str, DriverKind]:
    """Every driver, by name."""
    for module in pkgutil.iter_modules(__path__, f"{__name__}."):
        importlib.import_module(module.name)
    return DRIVERS


def make(cpus: Sequence[int], order: DriverOrder) -> AbstractContextManager[Driver]:
    """The driver that is asked for. Raises HarnessError."""
    return kind(order.name).make(cpus, order)
