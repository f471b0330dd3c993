"""A server as a cluster runs it, whichever kind of object deploys it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from harness.setup.tables import ServerTable, VariantTable

PART_OF = "serving-harness"  # label app.kubernetes.io/part-of of all that this project makes


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A volume that a container sees."""

    path: str
    source: Mapping[str, Any]  # as a Pod's volume has it: {"persistentVolumeClaim": {...}}
    read_only: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class BesideIt:
    """A container beside the server's in each of its pods, which is reached at loopback there."""

    name: str
    image: str
    memory_mib: int  # requested, and the limit
    cpu_millis: int = 500  # requested, and the limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Workload:
    """One container, and how many copies of it are wanted."""

    name: str  # a DNS label: of the objects, and of the container
    image: str
    command: tuple[str, ...] = ()  # empty: the image's own
    environment: Mapping[str, str] = field(default_factory=dict)
    working_dir: str = ""
    port: int  # that the load goes to
    more_ports: Mapping[str, int] = field(default_factory=dict)  # by name
    ready_path: str = "/health"
    ready_port: str = ""  # of more_ports; empty: the one that the load goes to
    ready_timeout_s: float = 120  # until the first readiness
    metrics_path: str = ""  # empty: it has no metrics
    metrics_port: str = ""  # of more_ports; empty: the one that the load goes to
    cpus: float = (
        1  # requested, and the limit; several pods on a small node need less than one each
    )
    memory_mib: int = 4096  # requested, and the limit; shared memory and /tmp included
    gpus: int = 0
    replicas: int = 1
    writes: tuple[str, ...] = ()  # folders that it may write to beside /tmp
    mounts: tuple[Mount, ...] = ()  # volumes that outlive a pod, or that others share
    beside: tuple[BesideIt, ...] = ()
    service_account: str = ""  # whose token it has; empty: none
    stop_signal: str = "SIGTERM"
    grace_s: int = 10  # from the stop signal until SIGKILL, after the time that it goes on serving
    pre_stop_s: int = 3  # that it goes on serving when it is to end
    labels: Mapping[str, str] = field(default_factory=dict)  # beside the usual ones
    behind: Workload | None = None  # what it hands its requests on to, where each has its own pods
    as_it_stands: bool = False  # an image of the user's: its own command, user and folders
    table: VariantTable | None = None  # for kinds that need to know what protocol it speaks
    server: ServerTable | None = None
