"""Fires a window's schedule: the small model first, then the server, in threads that wait for it.

The columns are those of harness.windows.samples.Requests and harness.windows.marks.Marks.
"""

from __future__ import annotations

import itertools
import json
import random
import threading
import time
from queue import SimpleQueue
from typing import Any

import numpy as np
from asking import Answer, Server
from deciding import Decider

MISSING = -1
MOST_THREADS = 256  # that wait for the server at once
clock = time.monotonic_ns


def wait_until(due_ns: int) -> None:
    """Sleep until that time, if it is still to come."""
    left = due_ns - clock()
    if left > 0:
        time.sleep(left / 1e9)


class Window:
    """One order, while it is being carried out."""

    def __init__(self, order: dict[str, Any], decider: Decider, port: int) -> None:
        with np.load(order["schedule"]) as schedule:
            self.payload = schedule["payload"].tolist()
            self.due_ns = schedule["due_ns"].tolist()
        self.order = order
        self.start = order["start_ns"]
        self.end = self.start + order["duration_ns"]
        self._bodies = [body.encode() for body in order["bodies"]]
        self._instances = [json.loads(body)["instances"] for body in order["bodies"]]
        self._decider = decider
        self._port = port
        self._rows: list[tuple[int, ...]] = []  # of one append each, which threads can't mix up
        self._kept: dict[int, str] = {}

    def server(self) -> Server:
        return Server(self._port, self.order["timeout_ns"] / 1e9)

    def local(self, index: int, sent: int, queued: int) -> bool:
        """Answer a request here; whether the small model is sure enough for that."""
        predictions = self._decider.predict(self._instances[self._which(index)])
        if predictions is None:
            return False
        done = clock()
        body = b""
        if self._keeps(index):
            body = json.dumps({"predictions": predictions, "local": True}).encode()
        self._note(index, sent, queued, Answer(done, done, 200, body=body), local=1)
        return True

    def remote(self, server: Server, index: int, sent: int, queued: int) -> None:
        """Ask the server."""
        self._note(index, sent, queued, server.ask(self._bodies[self._which(index)]), local=0)

    def late(self, index: int, sent: int) -> None:
        """It waited for a thread for longer than a request may take."""
        self._note(index, sent, 1, Answer(clock(), error="timeout"), local=0)

    def write(self, cpu_s: float) -> None:
        """Write what came of it."""
        order, rows = self.order, sorted(self._rows)
        names = ("sent_ns", "first_byte_ns", "done_ns", "status", "error", "queued", "resent")
        table = np.array(rows, np.int64).reshape(len(rows), 2 + len(names))
        columns = {name: table[:, place] for place, name in enumerate(names, 1)}
        for name in names[:3]:
            moments = columns[name]
            columns[name] = np.where(moments == MISSING, MISSING, moments - self.start)
        due = np.array(self.due_ns, np.int64)[: len(rows)]
        facts = {
            "bodies": self._kept,
            "client_cpu_s": cpu_s,
            "elapsed_s": (max([self.end, *(row[3] for row in rows)]) - self.start) / 1e9,
        }
        np.savez(
            order["out"],
            payload=np.array([self._which(row[0]) for row in rows], np.int64),
            due_ns=due if self.due_ns else np.full(len(rows), MISSING, np.int64),
            facts=np.frombuffer(json.dumps(facts).encode(), np.uint8),
            **columns,
            **{
                "marks.request": np.arange(len(rows)),
                "marks.mark": np.full(len(rows), order["marks"].index("local"), np.int64),
                "marks.value": table[:, -1],
            },
        )

    def _which(self, index: int) -> int:
        return int(self.payload[index % len(self.payload)])

    def _keeps(self, index: int) -> bool:
        every = self.order["keep_every"]
        return bool(every) and index % every == 0

    def _note(self, index: int, sent: int, queued: int, answer: Answer, *, local: int) -> None:
        error = self.order["errors"].index(answer.error)
        moments = (sent, answer.first_byte_ns, answer.done_ns)
        if self._keeps(index) and answer.body:
            self._kept[index] = answer.body.decode(errors="replace")
        self._rows.append((index, *moments, answer.status, error, queued, answer.resent, local))


def fire(order: dict[str, Any], decider: Decider, port: int) -> None:
    """Carry out an order."""
    window = Window(order, decider, port)
    wait_until(window.start)
    cpu = time.process_time()
    if window.due_ns:
        _open(window)
    else:
        _closed(window)
    window.write(time.process_time() - cpu)


class Pool:
    """Threads that wait for the server, as many as there is something to wait for."""

    def __init__(self, window: Window) -> None:
        self._window = window
        self._jobs: SimpleQueue[tuple[int, int, int] | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._given = 0
        self._answered: list[int] = []  # of one append each, which threads can't mix up

    def give(self, index: int, sent: int, queued: int) -> None:
        """Hand a request over."""
        self._given += 1
        waiting = self._given - len(self._answered)
        if waiting > len(self._threads) < MOST_THREADS:
            self._threads.append(threading.Thread(target=self._wait, daemon=True))
            self._threads[-1].start()
        self._jobs.put((index, sent, queued))

    def finish(self) -> None:
        """Wait until all that was handed over is answered."""
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()

    def _wait(self) -> None:
        server, window = self._window.server(), self._window
        while (job := self._jobs.get()) is not None:
            index, sent, queued = job
            if clock() > sent + window.order["timeout_ns"]:
                window.late(index, sent)
            else:
                window.remote(server, index, sent, queued)
            self._answered.append(index)
        server.close()


def _open(window: Window) -> None:
    """Requests that are due are answered here or handed over: none waits for the server."""
    pool = Pool(window)
    for index, due_ns in enumerate(window.due_ns):
        due = window.start + due_ns
        queued = int(clock() > due)
        wait_until(due)
        sent = clock()
        if not window.local(index, sent, queued):
            pool.give(index, sent, queued)
    pool.finish()


def _closed(window: Window) -> None:
    """Each caller asks again when it has its answer, after it has thought."""
    turns = itertools.count()
    order = window.order
    limit = order["limit"] or 1 << 62

    def caller(number: int) -> None:
        server, draw = window.server(), random.Random(f"think/{number}")
        while True:
            if order["think_ns"]:
                wait_until(clock() + int(draw.expovariate(1.0) * order["think_ns"]))
            if clock() >= window.end or (index := next(turns)) >= limit:
                break
            sent = clock()
            if not window.local(index, sent, 0):
                window.remote(server, index, sent, 0)
        server.close()

    threads = [threading.Thread(target=caller, args=(n,)) for n in range(order["concurrency"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
