"""A generator process: `python -m harness.measure.driver.worker CPU`.

It reads jobs from its standard input and writes to its standard output that it is ready, then what
came of each job, all pickled by or for the parent that started it.
"""

from __future__ import annotations

import ctypes
import gc
import os
import pickle
import signal
import sys
import time
from typing import IO

import numpy as np
import uvloop

from harness.measure.driver.closed_loop import ClosedLoop
from harness.measure.driver.job import Fired, Job
from harness.measure.driver.loop import Loop
from harness.measure.driver.open_loop import OpenLoop
from harness.measure.driver.rpc import ClosedRpc, OpenRpc
from harness.samples import MISSING, Ints

_PR_SET_PDEATHSIG = 1


async def fire(job: Job) -> Fired:
    """Run the job's loop; columns come back relative to the window's start."""
    loop = _loop(job)
    gc.collect()
    gc.disable()
    cpu = time.process_time()
    try:
        await loop.run()
    finally:
        gc.enable()
    cpu_s = time.process_time() - cpu
    columns = _columns(job, loop)
    # To the last answer: opening connections before the window is no part of it.
    elapsed_s = int(columns["done_ns"].max(initial=job.duration_ns)) / 1e9
    return Fired(columns, loop.bodies, cpu_s, elapsed_s)


def _loop(job: Job) -> Loop:
    if not job.target.method:
        return ClosedLoop(job) if job.due_ns is None else OpenLoop(job)
    return ClosedRpc(job) if job.due_ns is None else OpenRpc(job)


def _columns(job: Job, loop: Loop) -> dict[str, Ints]:
    rows = loop.next
    stamps = {
        name: _since(job.start_ns, getattr(loop, name)[:rows])
        for name in ("sent_ns", "first_byte_ns", "done_ns")
    }
    flags = {
        name: np.array(getattr(loop, name)[:rows], dtype=np.int64)
        for name in ("status", "error", "queued")
    }
    due = np.full(rows, MISSING, np.int64) if job.due_ns is None else job.due_ns[:rows]
    return {"payload": np.resize(job.payload, rows), "due_ns": due, **stamps, **flags}


def _since(start_ns: int, stamps: object) -> Ints:
    column = np.array(stamps, dtype=np.int64)
    return np.where(column == MISSING, MISSING, column - start_ns)


def main() -> None:
    """Serve jobs until standard input ends."""
    # The parent's death must end this process even when nothing could be said to it.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.sched_setaffinity(0, {int(sys.argv[1])})
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    _tell(answers, None)  # that it is ready: what it imports takes longer than a window's lead
    while True:
        try:
            job = pickle.load(sys.stdin.buffer)
        except EOFError:
            return
        _tell(answers, uvloop.run(fire(job)))


def _tell(stream: IO[bytes], what: Fired | None) -> None:
    try:
        pickle.dump(what, stream, protocol=5)
        stream.flush()
    except BrokenPipeError:  # nobody is there any more to be told
        os._exit(1)


if __name__ == "__main__":
    main()
