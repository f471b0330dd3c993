"""The native driver: generator processes of this machine."""

from __future__ import annotations

from collections.abc import Sequence

from harness.base.errors import UsageError
from harness.measure.load.drivers import NATIVE, DriverOrder, driver
from harness.measure.load.generator.pool import Generator


@driver(NATIVE)
def native(cpus: Sequence[int], order: DriverOrder) -> Generator:
    """One process for each of these CPUs. Raises UsageError."""
    if order.master is not None or order.workers is not None:
        raise UsageError("--master and --workers go with --driver locust.")
    return Generator(cpus)
