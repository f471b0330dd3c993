"""Model as a dependency: the predictor called directly, by the same schedule as the servers.

One thread calls it. In an open loop, due requests wait in line for it; in a closed loop, the
callers take turns; users who think ask when they have thought. The small HTTP server is the control
plane only: health, single predictions for verification, and `POST /load`, which fires a whole
window and writes its columns to a file.
"""

from __future__ import annotations

import ctypes
import heapq
import itertools
import json
import os
import random
import time
from http.server import BaseHTTPRequestHandler, HTTPServer

import numpy as np
from serving import load_predictor

PR_SET_TIMERSLACK = 29
MISSING = -1
clock = time.monotonic_ns


def wait_until(due_ns: int) -> None:
    """Sleep until that time, if it is still to come."""
    left = due_ns - clock()
    if left > 0:
        time.sleep(left / 1e9)


def fire(predict, order: dict) -> None:
    """Call the predictor by the schedule of the order, and write what came of it."""
    with np.load(order["schedule"]) as schedule:
        payload, due_ns = schedule["payload"].tolist(), schedule["due_ns"].tolist()
    instances = [json.loads(body)["instances"] for body in order["bodies"]]
    callers = 0 if due_ns else order["concurrency"]
    start = order["start_ns"]
    end = start + order["duration_ns"]
    limit = len(due_ns) or order["limit"] or 1 << 62
    sent, done, queued, bodies = [], [], [], {}
    wait_until(start)
    cpu = time.process_time()
    if order["think_ns"]:
        for index, asked in enumerate(users(order, start, end, done)):
            sent.append(asked)
            queued.append(0)
            predictions = predict(instances[payload[index % len(payload)]])
            done.append(clock())
            if order["keep_every"] and index % order["keep_every"] == 0:
                bodies[index] = predictions
        limit = 0
    for index in range(limit):
        if callers:
            # A caller asks again when its last answer has come, then waits for its turn.
            if clock() >= end:
                break
            sent.append(done[index - callers] if index >= callers else start)
            queued.append(0)
        else:
            queued.append(int(clock() > start + due_ns[index]))
            wait_until(start + due_ns[index])
            sent.append(clock())
        predictions = predict(instances[payload[index % len(payload)]])
        done.append(clock())
        if order["keep_every"] and index % order["keep_every"] == 0:
            bodies[index] = predictions
    cpu_s = time.process_time() - cpu
    facts = {
        "bodies": {row: json.dumps({"predictions": kept}) for row, kept in bodies.items()},
        "cpu_s": cpu_s,
        "elapsed_s": (max([end, *done[-1:]]) - start) / 1e9,
    }
    write(order["out"], start, payload, due_ns, sent, done, queued, facts)


def users(order: dict, start: int, end: int, done: list):
    """When the next user asks, until the window is over: each thinks, then waits for its turn and
    for its answer, whose time is the last of `done` when this goes on."""
    draw = random.Random("think/0")  # the same times in each window
    pauses = (int(draw.expovariate(1.0) * order["think_ns"]) for _ in itertools.count())
    thinking = [start + next(pauses) for _ in range(order["concurrency"])]
    heapq.heapify(thinking)
    while (asked := heapq.heappop(thinking)) < end:
        late = clock() > asked
        wait_until(asked)
        now = clock()
        if now >= end:
            return
        yield asked if late else now
        heapq.heappush(thinking, done[-1] + next(pauses))


def write(out: str, start: int, payload, due_ns, sent, done, queued, facts: dict) -> None:
    """The columns of harness.windows.samples.Requests, relative to the window's start."""
    rows = len(sent)
    sent_ns, done_ns = np.array(sent, np.int64) - start, np.array(done, np.int64) - start
    np.savez(
        out,
        payload=np.resize(np.array(payload, np.int64), rows),
        due_ns=np.array(due_ns, np.int64) if due_ns else np.full(rows, MISSING, np.int64),
        sent_ns=sent_ns,
        first_byte_ns=done_ns,
        done_ns=done_ns,
        status=np.full(rows, 200, np.int64),
        error=np.zeros(rows, np.int64),
        queued=np.array(queued, np.int64),
        resent=np.zeros(rows, np.int64),
        facts=np.frombuffer(json.dumps(facts).encode(), np.uint8),
    )


class Handler(BaseHTTPRequestHandler):
    """The control plane."""

    # A connection that is kept open would keep this one thread from the next one.
    protocol_version = "HTTP/1.0"

    def do_GET(self) -> None:
        self.answer(200, {"ready": True})

    def do_POST(self) -> None:
        order = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/load":
            fire(PREDICTOR.predict, order)
            self.answer(200, {})
            return
        try:
            self.answer(200, {"predictions": PREDICTOR.predict(order["instances"])})
        except (KeyError, TypeError, ValueError) as error:
            self.answer(400, {"error": str(error)})

    def answer(self, status: int, content: dict) -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """No access log."""


if __name__ == "__main__":
    # Sleeps end up to 50 microseconds late otherwise, which is more than a small model takes.
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)
    PREDICTOR = load_predictor()
    HTTPServer(
        (os.environ["HARNESS_HOST"], int(os.environ["HARNESS_PORT"])), Handler
    ).serve_forever()
