"""How a server's container runs: what it may do, what it may use, and what it is told."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from harness.measure.launch.containers.context import APP
from harness.measure.launch.containers.engine import LABEL, OWNER
from harness.measure.launch.launchers import RECORDS, LaunchOrder
from harness.measure.launch.launchers.place import PAYLOADS, ServerPlace, environment
from harness.measure.watch import gpu
from harness.setup import components

PORT = 8080  # in the container; more_ports follow
MIB = 1 << 20
PIDS = 1024  # Ray alone starts some 250 threads on two CPUs
TRACE = Path("/run/harness/calls")
TEMPORARY = "/tmp"


def name_of(variant: str) -> str:
    """The container's name. One campaign at a time runs on a machine, so it is free."""
    return f"serving-harness-{re.sub('[^A-Za-z0-9_.-]', '-', variant)}"


def place_of(order: LaunchOrder) -> ServerPlace:
    """The server's paths, address and ports in its container."""
    table = order.variant.table
    predictor = order.benchmark.predictor(table.backend)
    return ServerPlace(
        bin=order.provided.bin,
        host="0.0.0.0",  # of the container, which only this machine can reach
        port=table.port or PORT,
        ports={name: PORT + 1 + number for number, name in enumerate(table.more_ports)},
        shared=Path(APP / "servers" / "shared"),
        predictor=Path(APP / "benchmarks" / order.benchmark.name / predictor.name),
        artefact=Path(APP / "artefact"),
        home=Path(TEMPORARY) / "home",
        temporary=Path(TEMPORARY),
        trace=TRACE,
        payloads=Path(APP / "benchmarks" / order.benchmark.name / PAYLOADS),
    )


def options(order: LaunchOrder, owner: str) -> dict[str, Any]:
    """The arguments of the SDK's `containers.create`, all but the network.

    Nothing of it can be written but /tmp, in memory, and the folder of its calls.
    """
    table, place = order.variant.table, place_of(order)
    limit, beside = table.memory_mib * MIB, components.beside(table.components)
    made: dict[str, Any] = {
        "name": name_of(order.variant.name),
        "command": place.command(table),
        "environment": {**environment(order, place), **beside, "USER": "harness"},
        "working_dir": str(APP / "servers" / order.variant.server.name),
        "labels": {LABEL: "server", OWNER: owner},
        "init": True,  # an init passes signals on, and buries orphans
        "stop_signal": table.stop_signal,
        "read_only": True,
        "tmpfs": {TEMPORARY: f"rw,exec,nosuid,nodev,mode=1777,size={limit // 2}"},
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "cpuset_cpus": ",".join(map(str, order.cpus)),
        "mem_limit": limit,
        "memswap_limit": limit,
        "shm_size": limit // 4,
        "pids_limit": PIDS,
        "log_config": {"type": "json-file", "config": {"max-size": "16m"}},
        "volumes": [f"{order.scratch / RECORDS}:{TRACE}:rw"],
    }
    if order.variant.image:
        made = _as_it_stands(made)
    if order.device == "gpu":
        from docker.types import DeviceRequest

        # In the container those are all that there are, so that it need not be told which.
        named = list(gpu.visible())
        which: dict[str, Any] = {"device_ids": named} if named else {"count": -1}
        made["device_requests"] = [DeviceRequest(**which, capabilities=[["gpu"]])]
    return made


def _as_it_stands(made: dict[str, Any]) -> dict[str, Any]:
    """The same for an image that was not made for us: its own command, user, folders and
    environment, and what it may use is as much as any other's."""
    ours = ("command", "environment", "working_dir", "read_only", "tmpfs", "cap_drop", "volumes")
    return {name: value for name, value in made.items() if name not in ours}
