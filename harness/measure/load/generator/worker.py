"""A generator process: `python -m harness.measure.load.generator.worker CPU`.

It reads jobs from its standard input and writes to its standard output that it is ready, then for
each job that its connections stand, whereupon it reads when the window starts, and what came of it;
all pickled by or for the parent that started it.
"""

from __future__ import annotations

import asyncio
import gc
import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from typing import IO, Any

import numpy as np
import uvloop

from harness.measure.launch.launchers import keeper
from harness.measure.load import pipe
from harness.measure.load.generator import coding, cutting, why
from harness.measure.load.generator.answer import Unfit
from harness.measure.load.generator.closed_loop import ClosedLoop
from harness.measure.load.generator.connection import GARBAGE
from harness.measure.load.generator.exchanging import ClosedExchanges, OpenExchanges
from harness.measure.load.generator.job import STANDS, Fired, Job, without_late
from harness.measure.load.generator.loop import HttpLoop, Loop
from harness.measure.load.generator.open_loop import OpenLoop
from harness.measure.load.generator.reaching import Known
from harness.measure.load.generator.rpc import ClosedRpc, OpenRpc
from harness.windows.causes import Cause, merged
from harness.windows.samples import MISSING, Ints
from harness.windows.wire import Wire

_FILES = 65_536


async def fire(
    job: Job, known: Known, start: Callable[[], int], orders: IO[bytes] | None = None
) -> Fired:
    """Run the job's loop; columns come back relative to the window's start.

    `start` is called when the connections stand or failed, and says when the window starts.
    An order, if any, cuts it short.
    """
    loop = _loop(job, known)
    asyncio.get_running_loop().set_exception_handler(_beside)
    await loop.prepare()
    start_ns = start()
    loop.begin(start_ns)
    gc.collect()
    gc.disable()
    cpu = time.process_time()
    try:
        cut = await cutting.run(loop, orders)
    finally:
        gc.enable()
    cpu_s = time.process_time() - cpu
    _decode(loop)
    columns = _columns(job, loop)
    columns["done_ns"][list(cut.open)] = MISSING
    # To the last answer: opening connections before the window does not count.
    elapsed_s = int(columns["done_ns"].max(initial=job.duration_ns)) / 1e9
    causes = _causes(loop)
    chunks = loop.chunks.since(start_ns, loop.next).by(columns["done_ns"])
    fired = Fired(
        columns=columns,
        bodies=loop.bodies,
        cpu_s=cpu_s,
        elapsed_s=elapsed_s,
        causes=causes,
        addresses=(loop.address,) if loop.address else (),
        chunks=chunks,
        marks=loop.marks.since(start_ns, loop.next),
        wire=_wire(job, loop, columns),
    )
    return fired if cut.at_ns is None else cutting.fitted(fired, cut.at_ns - loop.start_ns)


def _wire(job: Job, loop: Loop, columns: dict[str, Ints]) -> Wire | None:
    """The bytes on the network; None over gRPC, whose channel does not count them."""
    if not isinstance(loop, HttpLoop):
        return None
    sizes = np.array([len(message) for message in job.target.messages], np.int64)
    each = sizes[columns["payload"]]
    times = (columns["sent_ns"] != MISSING).astype(np.int64) + columns["resent"]
    sent = int((each * times).sum()) + loop.asked_bytes
    return Wire(sent=sent, received=loop.received_bytes)


def _loop(job: Job, known: Known) -> Loop:
    if job.target.method:
        return ClosedRpc(job) if job.due_ns is None else OpenRpc(job)
    if job.target.exchanges is not None:
        return ClosedExchanges(job, known) if job.due_ns is None else OpenExchanges(job, known)
    return ClosedLoop(job, known) if job.due_ns is None else OpenLoop(job, known)


def _decode(loop: Loop) -> None:
    """Decompress the bodies that are kept: after the window, when that delays nothing."""
    for row, encoding in loop.encodings.items():
        body = loop.bodies.get(row)
        try:
            if body is None:
                coding.require_known(encoding)
            else:
                loop.bodies[row] = coding.decoded(body, encoding, loop.job.max_answer_bytes)
        except Unfit as error:
            loop.bodies.pop(row, None)
            loop.why = "malformed", str(error)
            loop.record(row, loop.done_ns[row], GARBAGE)


def _beside(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Among abandoned requests, failed connections are in the columns already."""
    if not isinstance(context.get("exception"), OSError):
        loop.default_exception_handler(context)


def _causes(loop: Loop) -> tuple[Cause, ...]:
    answered = why.of_statuses(loop.status[: loop.next], loop.error[: loop.next], loop.first_said)
    return merged([*why.causes(loop.causes), *answered])


def _columns(job: Job, loop: Loop) -> dict[str, Ints]:
    rows = loop.next
    stamps = {
        name: _since(loop.start_ns, getattr(loop, name)[:rows])
        for name in ("sent_ns", "first_byte_ns", "done_ns")
    }
    flags = {
        name: np.array(getattr(loop, name)[:rows], dtype=np.int64)
        for name in ("status", "error", "queued", "resent")
    }
    due = np.full(rows, MISSING, np.int64) if job.due_ns is None else job.due_ns[:rows]
    columns = {"payload": np.resize(job.payload, rows), "due_ns": due, **stamps, **flags}
    return without_late(columns, job.patience_ns)


def _since(start_ns: int, stamps: object) -> Ints:
    column = np.array(stamps, dtype=np.int64)
    return np.where(column == MISSING, MISSING, column - start_ns)


def main() -> None:
    """Serve jobs until standard input ends."""
    keeper.die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.sched_setaffinity(0, {int(sys.argv[1])})
    _raise_limit()
    answers = pipe.to_parent()
    _tell(answers, None)  # that it is ready: what it imports takes longer than a window's lead
    known: dict[tuple[str, int], Known] = {}

    def start() -> int:
        _tell(answers, STANDS)
        while (start_ns := pipe.receive(sys.stdin.buffer)) is None:
            pass  # an order to cut short what has not begun: it comes again
        return int(start_ns)

    while True:
        try:
            job: Job | None = pipe.receive(sys.stdin.buffer)
            if job is None:  # an order to cut short what was over already
                continue
            place = known.setdefault((job.target.host, job.target.port), Known())
            _tell(answers, uvloop.run(fire(job, place, start, sys.stdin.buffer)))
        except EOFError:
            return


def _raise_limit() -> None:
    """Each connection is a file, and the limit that a shell sets is made for fewer."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _tell(stream: IO[bytes], what: Fired | str | None) -> None:
    try:
        pipe.send(stream, what)
    except BrokenPipeError:  # the parent is gone
        os._exit(1)


if __name__ == "__main__":
    main()
