"""Functions: a front takes requests, and starts and ends instances as a cloud's service does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol, runtime_checkable

if TYPE_CHECKING:
    from harness.measure.launch.launchers import Launched
    from harness.setup.functions import Scaling
    from harness.stored.starts import Temperature
    from harness.windows.invocations import Invocations
else:

    class Launched(Protocol):
        """For its type alone: a front, which is in this package, starts faster without it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """An instance of a function, now."""

    number: int  # from 1 on, in the order in which they were asked for
    pid: int  # on this machine; 0 where it is not known
    state: Literal["starting", "idle", "busy"]
    handled: int  # requests that it has answered
    asked_ns: int  # its start was ordered; moments are by this host's CLOCK_MONOTONIC
    begun_ns: int | None  # its program was begun
    ready_ns: int | None  # it asked for work the first time


@dataclass(frozen=True, slots=True, kw_only=True)
class Steps:
    """The marks that an instance left of its start, by this host's CLOCK_MONOTONIC."""

    number: int  # of the instance
    runtime_ns: int  # the runtime turned to the handler's module
    load_ns: int  # the model began to load
    loaded_ns: int  # it was loaded
    major_faults: int  # of its process until then
    image_ns: int | None = None  # CLOCK_REALTIME: its image was unpacked; None: it has none


class FunctionControl(Protocol):
    """The service behind a function's front."""

    def scale(self, scaling: Scaling) -> None:
        """Change how it starts instances from now on."""

    def instances(self) -> tuple[Instance, ...]:
        """Those that there are."""

    def retire(self) -> None:
        """End all idle instances; returns when they are gone. Raises LaunchError."""

    def why_not(self, temperature: Temperature) -> str | None:
        """Why the next start can't be that cold here, or None."""

    def cool(self, temperature: Temperature) -> None:
        """Make the next request meet an instance that cold. Raises LaunchError."""

    def steps(self) -> tuple[Steps, ...]:
        """The marks of all instances so far."""

    def invocations(self, start_ns: int, end_ns: int) -> Invocations:
        """Requests that arrived between two moments, relative to the first."""


@runtime_checkable
class LaunchedFunction(Launched, Protocol):
    """A function that was started."""

    control: FunctionControl
