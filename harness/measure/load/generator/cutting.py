"""A window that is cut short: nothing more is sent, and what is under way has a moment to end."""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass, replace
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from harness.measure.load import pipe
from harness.measure.load.generator.job import Fired
from harness.windows.samples import MISSING, Ints

if TYPE_CHECKING:
    from harness.measure.load.generator.loop import Loop  # which users of Locust have no need of

GRACE_S = 2.0  # for answers that are on their way


@dataclass(slots=True)
class CutOrder:
    """The state of an order to cut a loop short."""

    at_ns: int | None = None  # when it came; None where none did
    open: tuple[int, ...] = ()  # rows without an answer at the end of the wait
    causes: Counter[Any] | None = None  # of what had failed by then

    def give_up(self, loop: Loop, running: asyncio.Future[None]) -> None:
        """Wait no longer. Ending a loop closes its connections: not a failure of the server."""
        done = loop.done_ns[: loop.next]
        self.open = tuple(row for row, moment in enumerate(done) if moment == MISSING)
        self.causes = loop.causes.copy()
        running.cancel()


async def run(loop: Loop, orders: IO[bytes] | None) -> CutOrder:
    """Run a loop to its end, or until a while after an order that comes meanwhile."""
    running = asyncio.ensure_future(loop.run())
    events = asyncio.get_running_loop()
    cut = CutOrder()

    def cut_short() -> None:
        if not pipe.receive(orders) and cut.at_ns is None:  # type: ignore[arg-type]
            cut.at_ns = time.monotonic_ns()
            loop.cut()
            events.call_later(GRACE_S, cut.give_up, loop, running)

    if orders is not None:
        events.add_reader(orders, cut_short)
    try:
        await running
    except asyncio.CancelledError:
        if cut.at_ns is None or cut.causes is None:
            raise
        loop.causes = cut.causes
    finally:
        if orders is not None:
            events.remove_reader(orders)
            os.set_blocking(orders.fileno(), True)  # which uvloop has made otherwise
    return cut


def fitted(fired: Fired, cut_ns: int) -> Fired:
    """The requests fired until then, relative to the window's start, without those that have not
    ended."""
    columns: dict[str, Ints] = fired.columns
    ended = columns["done_ns"] != MISSING
    last_ns = max(cut_ns, int(columns["done_ns"].max(initial=0)))
    rows = np.where(ended, np.cumsum(ended) - 1, MISSING)
    changed: dict[str, Any] = {
        "columns": {name: column[ended] for name, column in columns.items()},
        "bodies": {int(rows[row]): body for row, body in fired.bodies.items() if ended[row]},
        "elapsed_s": last_ns / 1e9,
        "cut_s": max(cut_ns, 1) / 1e9,
        "chunks": fired.chunks.of(rows),
        "marks": fired.marks.of(rows),
        "unanswered": int(np.count_nonzero(~ended)),
    }
    return replace(fired, **changed)
