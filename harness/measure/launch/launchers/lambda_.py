"""Variants as functions of AWS Lambda: the Runtime API, and a front that starts instances as the
service does. Instances are processes in control groups, or containers."""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Callable
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from harness.base.errors import LaunchError, UsageError
from harness.measure.launch.containers.context import APP
from harness.measure.launch.containers.images import Image
from harness.measure.launch.functions import (
    container_kind,
    control_groups,
    instance_places,
    launched,
)
from harness.measure.launch.functions.container_kind import Engine
from harness.measure.launch.functions.container_options import Size
from harness.measure.launch.functions.events import REGION
from harness.measure.launch.functions.launched import HOST, LaunchedFront
from harness.measure.launch.functions.orders import FunctionOrder, InstanceOrder, ScaleLimits
from harness.measure.launch.functions.process_ground import ProcessGround
from harness.measure.launch.functions.process_instances import GROUP
from harness.measure.launch.launchers import RECORDS, LaunchOrder, Option, Provided, launcher
from harness.measure.launch.launchers.place import ServerPlace, environment, hand_over
from harness.measure.launch.launchers.ports import free_ports
from harness.measure.prepare import environments
from harness.setup.catalog import Benchmark, Variant
from harness.setup.functions import LAMBDA, FunctionTable, Scaling, cpu_share
from harness.setup.launching import Launching


@launcher(
    LAMBDA,
    Launching(
        described="instances of a function, started as requests come",
        again=("--launcher", LAMBDA),
        handlers=True,
    ),
    options=(
        Option(
            name="instances",
            help="What instances of functions are: container, or process in a control group.",
            default="container where an engine answers",
        ),
    ),
)
class LambdaLauncher:
    """Starts functions."""

    def __init__(self, instances: str = "") -> None:
        if instances and instances not in KINDS:
            raise UsageError(f"--instances: {instances!r} is none of {', '.join(KINDS)}.")
        self._instances = instances

    @cached_property
    def _kind(self) -> Kind:
        if self._instances:
            return KINDS[self._instances]()
        usual = ContainerKind()
        return usual if usual.why_not() is None else ProcessKind()

    def why_not(self, device: str) -> str | None:
        if device == "gpu":
            return "functions have no GPU"
        return self._kind.why_not()

    def about(self) -> str:
        return self._kind.about()

    def provide(
        self, variant: Variant, benchmark: Benchmark, artefact: Path, device: str
    ) -> Provided:
        return self._kind.provide(variant, benchmark, artefact, device)

    def close(self) -> None:
        if "_kind" in self.__dict__:
            self.__dict__.pop("_kind").close()

    def launch(self, order: LaunchOrder) -> LaunchedFront:
        return self._kind.launch(order)


class Kind(Protocol):
    """What instances are; the methods are those of a launcher."""

    def why_not(self) -> str | None:
        """Why there can be none here, or None."""

    def about(self) -> str:
        """What they are, in a few words."""

    def provide(
        self, variant: Variant, benchmark: Benchmark, artefact: Path, device: str, /
    ) -> Provided:
        """The environment or image that they run on."""

    def launch(self, order: LaunchOrder) -> LaunchedFront:
        """Start the front of a function of such instances."""

    def close(self) -> None:
        """End what they shared."""


class ProcessKind:
    """Instances as processes of this machine."""

    def why_not(self) -> str | None:
        if sys.platform != "linux":
            return "it needs Linux (control groups, /proc, subreapers)"
        return control_groups.why_not()

    def about(self) -> str:
        return "processes in control groups"

    def provide(
        self, variant: Variant, benchmark: Benchmark, _: Path, device: str
    ) -> environments.Environment:
        return environments.for_variant(variant, benchmark, device)

    def launch(self, order: LaunchOrder) -> LaunchedFront:
        launched.folders(order)
        hand_over(order, order.scratch / RECORDS)
        ground = ProcessGround(order=order)
        own = {GROUP: control_groups.as_json(ground.group)}
        made = front_order(order, instance_places.PROCESS, instance_order(order), own)
        return launched.free_of(ground, lambda: LaunchedFront(order, made, ground))

    def close(self) -> None:
        """Nothing is shared by its functions."""


class ContainerKind:
    """Instances as containers of an engine on this machine."""

    def __init__(self) -> None:
        self._engine = Engine()

    def why_not(self) -> str | None:
        return self._engine.why_not()

    def about(self) -> str:
        return f"containers: {self._engine.about()}"

    def provide(self, variant: Variant, benchmark: Benchmark, artefact: Path, device: str) -> Image:
        return self._engine.provide(variant, benchmark, artefact, device)

    def launch(self, order: LaunchOrder) -> LaunchedFront:
        if not self._engine.host.gateway:
            raise LaunchError(
                "Instances can't be containers here: the engine's networks are not this machine's, "
                "so that they would not reach the Runtime API. Use --instances process."
            )
        memory_mib = table_of(order).memory_mib
        size = Size(
            memory_mib=memory_mib,
            cpus=cpu_share(memory_mib),
            period_us=control_groups.PERIOD_US,
        )
        root = str(APP / "servers" / order.variant.server.name)
        return container_kind.launched(
            order,
            self._engine.host,
            size,
            told(order, root),
            lambda instance, own: front_order(order, instance_places.CONTAINER, instance, own),
        )

    def close(self) -> None:
        self._engine.close()


KINDS: dict[str, Callable[[], Kind]] = {
    instance_places.CONTAINER: ContainerKind,
    instance_places.PROCESS: ProcessKind,
}


def front_order(
    order: LaunchOrder, place: str, instance: InstanceOrder, own: dict[str, Any]
) -> FunctionOrder:
    """The order of a front whose instances are there."""
    variant, table = order.variant, table_of(order)
    (port,) = free_ports(1, HOST)
    return FunctionOrder(
        service=LAMBDA,
        place=place,
        name=variant.table.name,
        host=HOST,
        port=(order.ports or {"": variant.table.port or port})[""],
        control=str(launched.control_path(order)),
        records=str(order.scratch / RECORDS),
        event=table.event,
        ready_path=variant.table.ready_path,
        memory_mib=table.memory_mib,
        timeout_s=table.timeout_s,
        concurrency=1,
        limits=ScaleLimits(**asdict(scaling_of(order))),
        instance=instance,
        own=own,
    )


def table_of(order: LaunchOrder) -> FunctionTable:
    """What the variant says of its function."""
    return order.variant.table.function or FunctionTable()


def scaling_of(order: LaunchOrder) -> Scaling:
    """How it starts instances, until it is told otherwise."""
    table = table_of(order)
    return Scaling(
        most_instances=table.most_instances or len(order.cpus),
        beyond=table.beyond,
        idle_s=table.idle_s,
    )


def told(order: LaunchOrder, root: str) -> dict[str, str]:
    """The variables that Lambda has beside the harness's own, but for those of an instance."""
    table, name = table_of(order), order.variant.table.name
    return {
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{sys.version_info[0]}.{sys.version_info[1]}",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(table.memory_mib),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "LAMBDA_TASK_ROOT": root,
        "TZ": ":UTC",
        "_HANDLER": table.handler,
    }


def instance_order(order: LaunchOrder) -> InstanceOrder:
    """How an instance is started that is a process of this machine."""
    table, server = order.variant.table, order.variant.server
    place = ServerPlace(
        bin=order.provided.bin,
        host=HOST,
        port=0,  # an instance listens nowhere
        ports={},
        shared=server.shared,
        predictor=order.benchmark.predictor(table.backend),
        artefact=order.artefact,
        home=order.scratch / "home",
        temporary=order.scratch / "tmp",
        trace=order.scratch / RECORDS,
        memory=f"harness-{uuid.uuid4().hex}-",
    )
    return InstanceOrder(
        command=tuple(place.command(table)),
        cwd=str(server.folder),
        environment={**environment(order, place), **told(order, os.fspath(server.folder))},
        cpus=order.cpus,
    )
