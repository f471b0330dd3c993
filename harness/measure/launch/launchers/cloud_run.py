"""Variants as services of Cloud Run: their images, in as many instances as requests need."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from harness.base.errors import LaunchError
from harness.measure.launch.containers.images import Image
from harness.measure.launch.containers.options import place_of
from harness.measure.launch.functions import container_kind, instance_places, launched
from harness.measure.launch.functions.container_kind import Engine
from harness.measure.launch.functions.container_options import Size
from harness.measure.launch.functions.launched import HOST, LaunchedFront
from harness.measure.launch.functions.orders import FunctionOrder, InstanceOrder, ScaleLimits
from harness.measure.launch.launchers import RECORDS, LaunchOrder, launcher
from harness.measure.launch.launchers.ports import free_ports
from harness.setup.catalog import Benchmark, Variant
from harness.setup.functions import CLOUD_RUN, FunctionTable
from harness.setup.launching import Launching

# Of the service, where a variant does not say otherwise: docs.cloud.google.com/run, "Quotas and
# limits", "Maximum concurrent requests", "Container runtime contract".
CONCURRENCY = 80
TIMEOUT_S = 300.0
LISTEN_S = 240.0
GRACE_S = 10.0
CPUS = 1.0
_PERIOD_US = 100_000


@launcher(
    CLOUD_RUN,
    Launching(
        described="instances of a container, started as requests come",
        installs=False,
        again=("--launcher", CLOUD_RUN),
    ),
)
class CloudRunLauncher:
    """Starts services."""

    def __init__(self) -> None:
        self._engine = Engine()

    def why_not(self, device: str) -> str | None:
        if device == "gpu":
            return "instances have no GPU"
        return self._engine.why_not()

    def about(self) -> str:
        return self._engine.about()

    def provide(self, variant: Variant, benchmark: Benchmark, artefact: Path, device: str) -> Image:
        return self._engine.provide(variant, benchmark, artefact, device)

    def close(self) -> None:
        self._engine.close()

    def launch(self, order: LaunchOrder) -> LaunchedFront:
        if order.variant.spoken().rpc:
            raise LaunchError(f"{order.variant.name} does not speak HTTP/1.1, as the front does.")
        name, table = order.variant.table.name, table_of(order.variant)
        return container_kind.launched(
            order,
            self._engine.host,
            Size(memory_mib=table.memory_mib, cpus=CPUS, period_us=_PERIOD_US),
            {
                "PORT": str(place_of(order).port),
                "K_SERVICE": name,
                "K_REVISION": f"{name}-00001",
                "K_CONFIGURATION": name,
            },
            lambda instance, own: _front_order(order, table, instance, own),
        )


def table_of(variant: Variant) -> FunctionTable:
    """What a variant says of its service, or what the service takes otherwise."""
    return variant.table.function or FunctionTable(
        memory_mib=variant.table.memory_mib, timeout_s=TIMEOUT_S, concurrency=CONCURRENCY
    )


def _front_order(
    order: LaunchOrder, table: FunctionTable, instance: InstanceOrder, own: dict[str, Any]
) -> FunctionOrder:
    (port,) = free_ports(1, HOST)
    return FunctionOrder(
        service=CLOUD_RUN,
        place=instance_places.CONTAINER,
        name=order.variant.table.name,
        host=HOST,
        port=(order.ports or {"": port})[""],
        control=str(launched.control_path(order)),
        records=str(order.scratch / RECORDS),
        event=table.event,
        ready_path=order.variant.table.ready_path,
        memory_mib=table.memory_mib,
        timeout_s=table.timeout_s,
        concurrency=table.concurrency,
        limits=ScaleLimits(
            most_instances=table.most_instances or len(order.cpus),
            beyond=table.beyond,
            idle_s=table.idle_s,
        ),
        instance=instance,
        own=own,
        init_s=LISTEN_S,
        grace_s=GRACE_S,
    )
