"""A variant as a workload: the very container of the container launcher, in pods."""

from __future__ import annotations

import re
from dataclasses import replace

from harness.base.errors import ProvisionError
from harness.manifests.workload import BesideIt, Workload
from harness.measure.launch.containers.context import APP
from harness.measure.launch.containers.images import Image
from harness.measure.launch.containers.options import TRACE, place_of
from harness.measure.launch.launchers import STOP_GRACE_S, LaunchOrder
from harness.measure.launch.launchers.place import environment
from harness.setup import catalog, components
from harness.setup.components import COMPONENTS

_LONGEST = 40  # of a name: controllers append their own words, and 63 is a label's limit
_RECORDS = "HARNESS_TRACE"


def dns_label(name: str) -> str:
    """A variant's name as the objects of a cluster may have it."""
    return re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")[:_LONGEST].rstrip("-")


def of_order(
    order: LaunchOrder,
    *,
    replicas: int = 1,
    cpus: float | None = None,
    records: bool = True,
) -> Workload:
    """As many pods of it, with the CPUs of the order unless given or in the variant's table;
    without `records`, the predictor keeps none of its calls."""
    table, place = order.variant.table, place_of(order)
    server, stands = order.variant.server, bool(order.variant.image)
    image = _image(order)
    return Workload(
        name=dns_label(table.name),
        image=image.facts.tag,
        command=() if stands else tuple(place.command(table)),
        environment={} if stands else _environment(order, records),
        working_dir="" if stands else str(APP / "servers" / server.name),
        port=place.port,
        more_ports=place.ports,
        ready_path=table.ready_path,
        ready_port=table.ready_port or "",
        ready_timeout_s=table.ready_timeout_s,
        metrics_path=server.table.metrics_path or "",
        metrics_port=_metrics_port(order),
        cpus=cpus or table.cpus or len(order.cpus),
        memory_mib=table.memory_mib,
        gpus=int(order.device == "gpu"),
        replicas=replicas,
        writes=() if stands or not records else (str(TRACE),),
        beside=_beside(image),
        stop_signal=table.stop_signal,
        grace_s=int(STOP_GRACE_S),
        behind=_behind(order, replicas, cpus, records) if table.transforms else None,
        as_it_stands=stands,
        table=table,
        server=server.table,
    )


def _image(order: LaunchOrder) -> Image:
    if not isinstance(order.provided, Image):
        raise ProvisionError(f"{order.variant.name} has no image that a cluster could run.")
    return order.provided


def _behind(order: LaunchOrder, replicas: int, cpus: float | None, records: bool) -> Workload:
    """The variant of the same image that it starts as its second process."""
    other = catalog.pick("variant", order.variant.table.transforms, catalog.variants())
    there = replace(order, variant=replace(other, launcher=order.variant.launcher))
    return of_order(there, replicas=replicas, cpus=cpus, records=records)


def _environment(order: LaunchOrder, records: bool) -> dict[str, str]:
    table = order.variant.table
    told = environment(order, place_of(order)) | components.beside(table.components)
    if not records:
        told.pop(_RECORDS)
    return {**told, "USER": "harness"}


def _metrics_port(order: LaunchOrder) -> str:
    """Of its own ports; another's, such as gRPC's variants have, does not count."""
    named = order.variant.server.table.metrics_port or ""
    return named if named in order.variant.table.more_ports else ""


def _beside(image: Image) -> tuple[BesideIt, ...]:
    return tuple(
        BesideIt(name=name, image=facts.tag, memory_mib=COMPONENTS[name].memory_mib)
        for name, facts in image.beside.items()
    )
