"""How an instance's container runs, beyond what every server's does: a size, and its CPU share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from harness.measure.launch.containers import options as servers
from harness.measure.launch.containers.container_host import ContainerHost, engine_environment
from harness.measure.launch.containers.engine import LABEL
from harness.measure.launch.functions.container_instances import ContainerOrder
from harness.measure.launch.launchers import LaunchOrder

_LEAST_QUOTA_US = 1000  # the kernel's
_TEMPORARY_MIB = 512  # of /tmp: what Lambda gives unless it is told otherwise


@dataclass(frozen=True, slots=True, kw_only=True)
class Size:
    """What an instance may use."""

    memory_mib: int
    cpus: float
    period_us: int  # in which that share of CPU time is counted


def container_order(
    order: LaunchOrder, ground: ContainerHost, image: str, size: Size, told: Mapping[str, str]
) -> ContainerOrder:
    """For instances of a variant; `told`: environment variables that the service sets."""
    made = servers.options(order, ground.owner)
    limit = size.memory_mib * servers.MIB
    made["environment"] = {**made.get("environment", {}), **told}
    made["labels"] |= {LABEL: "instance"}
    made |= {
        "mem_limit": limit,
        "memswap_limit": limit,
        "shm_size": limit // 4,
        "cpu_period": size.period_us,
        "cpu_quota": max(_LEAST_QUOTA_US, round(size.cpus * size.period_us)),
    }
    if "tmpfs" in made:  # an image of the user's has its own folders
        most = f"size={_TEMPORARY_MIB * servers.MIB}"
        made["tmpfs"] = {servers.TEMPORARY: f"rw,exec,nosuid,nodev,mode=1777,{most}"}
    place = servers.place_of(order)
    return ContainerOrder(
        image=image,
        network=ground.network.name or "",
        gateway=ground.gateway,
        bridged=ground.bridged,
        engine=engine_environment(),
        options=made,
        name=made.pop("name"),
        ports=(place.port, *place.ports.values()),
        file=str(order.scratch / "image.tar"),
    )
