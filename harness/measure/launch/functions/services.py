"""The services that a front can be, and the places where its instances can run. The module of
each is imported only where an order names it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from harness.measure.launch.functions.fleet import Fleet, InstanceWorker
from harness.measure.launch.functions.http_server import Incoming
from harness.measure.launch.functions.instance_places import CONTAINER, PROCESS, InstancePlace
from harness.measure.launch.functions.orders import FunctionOrder

LAMBDA, CLOUD_RUN = "lambda", "cloud-run"


class FunctionService(Protocol):
    """Takes requests to a function, and makes its instances."""

    most_bytes: int  # of a request's body; of a larger one it sees the size alone
    binds: bool  # a request waits for the instance that is started for it: see the scheduler

    def worker(self, number: int) -> InstanceWorker:
        """An instance that is yet to be started."""

    def handle(self, exchange: Incoming) -> None:
        """Take a request; it ends with the exchange's `send`."""


def kind(name: str) -> Callable[[FunctionOrder, InstancePlace, Fleet], FunctionService]:
    """The service of that name."""
    return _KINDS[name]()


def place(order: FunctionOrder) -> InstancePlace:
    """The place of an order."""
    return _PLACES[order.place](order)


def _lambda() -> Callable[[FunctionOrder, InstancePlace, Fleet], FunctionService]:
    from harness.measure.launch.functions.lambda_service import LambdaService

    return LambdaService


def _cloud_run() -> Callable[[FunctionOrder, InstancePlace, Fleet], FunctionService]:
    from harness.measure.launch.functions.cloud_run_service import CloudRunService

    return CloudRunService


def _processes(order: FunctionOrder) -> InstancePlace:
    from harness.measure.launch.functions.process_instances import Processes

    return Processes(order)


def _containers(order: FunctionOrder) -> InstancePlace:
    from harness.measure.launch.functions.container_instances import ContainerOrder, Containers

    return Containers(ContainerOrder(**order.own))


_KINDS = {LAMBDA: _lambda, CLOUD_RUN: _cloud_run}
_PLACES: dict[str, Callable[[FunctionOrder], InstancePlace]] = {
    PROCESS: _processes,
    CONTAINER: _containers,
}
