"""Instances of functions as containers: the engine, and the start of such a function."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

from harness.base.errors import LaunchError
from harness.measure.launch.containers import container_host, engine, images
from harness.measure.launch.containers.container_host import ContainerHost
from harness.measure.launch.containers.images import Image
from harness.measure.launch.functions import launched as fronts
from harness.measure.launch.functions.container_ground import ContainerGround
from harness.measure.launch.functions.container_options import Size, container_order
from harness.measure.launch.functions.launched import LaunchedFront
from harness.measure.launch.functions.orders import FunctionOrder, InstanceOrder
from harness.measure.launch.launchers import RECORDS, LaunchOrder
from harness.measure.launch.launchers.place import hand_over
from harness.setup.catalog import Benchmark, Variant

Front = Callable[[InstanceOrder, dict[str, Any]], FunctionOrder]


class Engine:
    """Connected to when it is needed first, and then for all functions of a launcher."""

    def why_not(self) -> str | None:
        """Why instances can't be containers here, or None."""
        try:
            with closing(engine.connect()) as client:
                return engine.why_unlimited(client) or engine.why_no_quota(client)
        except engine.NoEngine as error:
            return str(error)

    def about(self) -> str:
        """The engine in a few words."""
        with closing(engine.connect()) as client:
            return engine.about(client)

    def provide(self, variant: Variant, benchmark: Benchmark, artefact: Path, device: str) -> Image:
        """The image of a variant. Raises ProvisionError, and LaunchError for what can't be one
        instance of many."""
        if variant.table.components:
            raise LaunchError(
                f"{variant.name} starts other programs beside itself, which instances can't."
            )
        if variant.image:
            return images.as_it_stands(self.host.client, variant.image)
        return images.ensure(self.host.client, variant, benchmark, artefact, device)

    def close(self) -> None:
        """End what the functions shared."""
        if "host" in self.__dict__:
            self.__dict__.pop("host").close()

    @cached_property
    def host(self) -> ContainerHost:
        """What all containers stand on."""
        return container_host.prepared()


def launched(
    order: LaunchOrder, host: ContainerHost, size: Size, told: Mapping[str, str], front: Front
) -> LaunchedFront:
    """Start the front of a function whose instances are containers of that size, told so by its
    service; `front` makes its order."""
    fronts.folders(order)
    records = order.scratch / RECORDS
    records.chmod(0o777)  # the containers' user is none of this machine's
    hand_over(order, records)
    assert isinstance(order.provided, Image)
    made = container_order(order, host, order.provided.facts.tag, size, told)
    ground = ContainerGround(host, made, records)
    memory = {"HARNESS_SHARED_MEMORY": f"harness-{uuid.uuid4().hex}-"}  # of this machine: none
    instance = InstanceOrder(command=(), cwd="", environment=memory, cpus=order.cpus)
    given = front(instance, asdict(made))
    return fronts.free_of(ground, lambda: LaunchedFront(order, given, ground))
