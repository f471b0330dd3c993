"""The driver `locust`: native generator processes on as many machines as there are."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from harness.base.errors import UsageError
from harness.measure.load.drivers import DriverOrder, driver
from harness.measure.load.swarm.swarm import Swarm

_OWN = "127.0.0.1:0"  # any free port
PUBLIC = "127.0.0.1:5557"  # Locust's own port; workers from elsewhere must know it


@driver("locust", rpc_users=False)  # its users are Locust's own
def locust(cpus: Sequence[int], order: DriverOrder) -> Swarm:
    """Its own workers on these CPUs, or so many from elsewhere. Raises HarnessError."""
    require_locust()
    host, port = address(order.master or (_OWN if order.workers is None else PUBLIC))
    return Swarm(host, port, tuple(cpus) if order.workers is None else (), order.workers)


def require_locust() -> None:
    """Raises UsageError where Locust is not installed: it is an extra."""
    if importlib.util.find_spec("locust") is None:
        raise UsageError(
            "The driver 'locust' needs Locust, which is not installed: python -m pip install "
            "'serving-harness[locust]', or -r requirements-locust.txt in the project's folder."
        )


def address(text: str) -> tuple[str, int]:
    """(host, port) of `host:port`. Raises UsageError."""
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise UsageError(f"{text!r} is not an address: write HOST:PORT, such as 10.0.0.5:5557.")
    return host, int(port)
