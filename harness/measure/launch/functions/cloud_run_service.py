"""Cloud Run's way in: a request is handed to an instance as it came, and so is its answer back.

Contract: cloud.google.com/run/docs/container-contract.
"""

from __future__ import annotations

import itertools
import time
import uuid
from functools import partial

from harness.measure.launch.functions import proxy
from harness.measure.launch.functions.cloud_run_instances import CloudRunInstance
from harness.measure.launch.functions.fleet import Fleet
from harness.measure.launch.functions.http_server import Incoming
from harness.measure.launch.functions.instance_places import InstancePlace
from harness.measure.launch.functions.invocation import Invocation
from harness.measure.launch.functions.orders import FunctionOrder
from harness.measure.launch.functions.proxy_caller import TEXT, ProxyCaller

MOST_REQUEST_BYTES = 32 << 20  # over HTTP/1


class CloudRunService:
    """Takes requests to one service."""

    most_bytes = MOST_REQUEST_BYTES
    binds = False

    def __init__(self, order: FunctionOrder, place: InstancePlace, fleet: Fleet) -> None:
        self._order, self._place, self._fleet = order, place, fleet
        self._numbers = itertools.count(1)

    def worker(self, number: int) -> CloudRunInstance:
        """An instance that is yet to be started."""
        return CloudRunInstance(number, self._order, self._place, self._fleet)

    def handle(self, exchange: Incoming) -> None:
        """Take a request."""
        now = time.monotonic_ns()
        if exchange.size > MOST_REQUEST_BYTES:
            exchange.send(413, TEXT, b"Request Entity Too Large")
            return
        target = exchange.target.decode("latin-1")
        made = Invocation(
            number=next(self._numbers),
            request_id=str(uuid.uuid4()),
            event=proxy.message(exchange.method, target, exchange.headers, exchange.body),
            caller=ProxyCaller(exchange),
            arrived_ns=now,
        )
        exchange.on_gone = partial(self._fleet.withdraw, made)
        self._fleet.arrive(made)
