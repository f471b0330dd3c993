"""The facts about the hosts of a campaign: its records of them, and limits that both halves
apply."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CEILING_SHARE = 0.8  # k6's advice: stay below 80% of what the generator can do
STEAL_INVALID = 0.10  # of the host's CPU time, taken by the hypervisor


def machine_id(facts: dict[str, str]) -> str:
    """The identifier of a machine: campaigns with different ones are not compared."""
    return " / ".join(facts.get(key, "") for key in ("machine", "cpus", "memory"))


@dataclass(frozen=True, slots=True, kw_only=True)
class HostProof:
    """The capacity of the generator on this host, against the null server."""

    ceiling_per_s: float
    lag_p50_us: float
    lag_p99_us: float
    rate_per_s: float


@dataclass(frozen=True, slots=True)
class HostCheck:
    """The result of one check of the host before the campaign; `doctor` runs the same checks."""

    name: str
    fit: Literal["good", "doubtful", "unfit"]
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HostWatch:
    """Events on the host while a window ran, beside stolen time."""

    suspended_s: float  # CLOCK_BOOTTIME went on while CLOCK_MONOTONIC stood
    clock_step_s: float  # by which CLOCK_REALTIME was set forward (back: below 0) meanwhile
    swapped_in: int | None  # pages, of the whole host; None where the kernel does not tell
    swapped_out: int | None
    mhz: tuple[float, ...]  # mean frequency of the CPUs that serve, sampled; empty: not shown
    throttled_s: float | None = None  # how long a quota kept the harness's own group from running


@dataclass(frozen=True, slots=True, kw_only=True)
class WorkerFacts:
    """A generator process in one window: of the driver `locust`, and of the native one where a
    process was lost.

    A worker of Locust stamps by its own clock: the offset moves when it began, and no latency.
    """

    name: str  # host and process
    requests: int  # rows of it; of a lost one those that it was to send, where there was a plan
    offset_ns: int  # its CLOCK_MONOTONIC less the harness's
    uncertainty_ns: int  # the offset is that much off at most
    drift_ns: int | None  # how much the offset changed in the window; None: not known
    lost: str = ""  # why nothing came back from it
