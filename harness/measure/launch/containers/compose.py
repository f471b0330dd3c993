"""A Compose file of one variant: the containers that are measured, but for their own network."""

from __future__ import annotations

from typing import Any

import yaml

from harness.measure.launch.containers import sidecars
from harness.measure.launch.containers.images import Image
from harness.measure.launch.containers.options import MIB, options, place_of
from harness.measure.launch.launchers import LaunchOrder


def text(order: LaunchOrder) -> str:
    """The file, as YAML."""
    made, place = options(order, owner=""), place_of(order)
    assert isinstance(order.provided, Image)
    environment = {k: v for k, v in made["environment"].items() if k != "HARNESS_TRACE"}
    service: dict[str, Any] = {
        "image": order.provided.facts.tag,
        "command": made["command"],
        # A dollar sign would be taken for a variable.
        "environment": {k: v.replace("$", "$$") for k, v in environment.items()},
        "working_dir": made["working_dir"],
        "init": True,
        "stop_signal": made["stop_signal"],
        "read_only": True,
        "tmpfs": [f"{folder}:{how}" for folder, how in made["tmpfs"].items()],
        "cap_drop": made["cap_drop"],
        "security_opt": made["security_opt"],
        "cpuset": made["cpuset_cpus"],
        "mem_limit": f"{made['mem_limit'] // MIB}m",
        "memswap_limit": f"{made['memswap_limit'] // MIB}m",
        "shm_size": f"{made['shm_size'] // MIB}m",
        "pids_limit": made["pids_limit"],
        "ports": [f"127.0.0.1:{port}:{port}" for port in (place.port, *place.ports.values())],
    }
    name = order.variant.table.name
    beside = {
        each: _sidecar(order, each, facts.tag, name)
        for each, facts in order.provided.beside.items()
    }
    file = {"version": "2.4", "services": {name: service, **beside}}
    return str(yaml.safe_dump(file, sort_keys=False, width=1000))


def _sidecar(order: LaunchOrder, name: str, image: str, server: str) -> dict[str, Any]:
    """A component beside the server, at loopback there."""
    made = sidecars.options(order, name, owner="")
    return {
        "image": image,
        "network_mode": f"service:{server}",
        "restart": made["restart_policy"]["Name"],
        "init": True,
        "read_only": True,
        "cap_drop": made["cap_drop"],
        "security_opt": made["security_opt"],
        "cpuset": made["cpuset_cpus"],
        "mem_limit": f"{made['mem_limit'] // MIB}m",
        "memswap_limit": f"{made['memswap_limit'] // MIB}m",
        "pids_limit": made["pids_limit"],
    }
