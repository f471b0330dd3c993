"""The front of a function, a program of its own, which is given the file of its order.

It listens where the load goes, starts and ends instances as its service would, and takes commands
at a socket. SIGTERM ends it, when what has come is answered.
"""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from pathlib import Path

import uvloop

from harness.measure.launch.functions import commands, orders, services
from harness.measure.launch.functions.fleet import Fleet
from harness.measure.launch.functions.http_server import ClientConnection
from harness.measure.launch.functions.orders import FunctionOrder
from harness.measure.launch.functions.records import Records
from harness.measure.launch.functions.scheduler import Scheduler

DRAIN_S = 5.0  # for what has come, when it is to end
_BACKLOG = 4096


async def front(order: FunctionOrder) -> None:
    """Serve until a signal."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    kind = services.kind(order.service)
    place = services.place(order)
    planned = Scheduler(limits=order.limits, concurrency=order.concurrency)
    fleet = Fleet(planned, Records(Path(order.records)))
    service = kind(order, place, fleet)
    planned.binds = service.binds
    fleet.run_by(service.worker)
    connections: set[ClientConnection] = set()
    server = await loop.create_server(
        lambda: ClientConnection(service.handle, service.most_bytes, connections),
        order.host,
        order.port,
        backlog=_BACKLOG,
    )
    control = await commands.listen(Path(order.control), fleet, place)
    gc.freeze()  # what was imported need not be looked at again
    try:
        await stopped.wait()
    finally:
        server.close()
        for connection in tuple(connections):
            connection.close()
        await fleet.close(DRAIN_S)
        control.close()
        await place.close()


def main() -> int:
    """Serve what the order says."""
    order = orders.read(Path(sys.argv[1]))
    try:
        uvloop.run(front(order))
    except OSError as error:
        print(f"the front of {order.name} can't serve: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
