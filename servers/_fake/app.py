"""A server whose timing and faults are known.

FAKE_DELAY_MS, FAKE_BYTE_US (more delay for each byte of the request), FAKE_FAULT, FAKE_AFTER,
FAKE_QUEUE, FAKE_CHEAT, FAKE_DRIFT, FAKE_DRAINS, FAKE_WORKER_MIB (memory that each worker holds),
FAKE_MOST_WORKERS (more are refused), FAKE_SLOWER (times as slow, of the queue "tunable"),
FAKE_METRICS (what is wrong with them: "garbage" or "late"),
FAKE_THREADS (that call the model, each whenever it is free; without, the event loop does).
"""

from __future__ import annotations

import asyncio
import json
import math
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from cheats import CHEATS
from jobs import Jobs
from queues import QUEUES
from serving import load_predictor
from waiting import PreciseSelector

FAULT = os.environ.get("FAKE_FAULT", "")
AFTER = int(os.environ.get("FAKE_AFTER", "0"))
DELAY_S = float(os.environ.get("FAKE_DELAY_MS", "0")) / 1e3
DRAINS = "FAKE_DRAINS" in os.environ  # what is in flight at SIGTERM is still answered
LINGERS_S = 0.1  # for what was sent before SIGTERM to arrive; then connections are closed
DRIFT = float(os.environ.get("FAKE_DRIFT", "0"))
DRIFT_PERIOD_S = 240.0
WORKERS = int(os.environ.get("HARNESS_WORKERS", "1"))
MOST_WORKERS = int(os.environ.get("FAKE_MOST_WORKERS", "64"))
HELD = bytearray(b"x") * (int(os.environ.get("FAKE_WORKER_MIB", "0")) * WORKERS << 20)
THREADS = int(os.environ.get("FAKE_THREADS", "0"))
BYTE_S = float(os.environ.get("FAKE_BYTE_US", "0")) / 1e6
STATE = ("/health", "/metrics")
METRICS = os.environ.get("FAKE_METRICS", "")  # what is wrong with them
BOUNDS_S = (0.005, 0.025, 0.1, 0.5)
ALWAYS = {  # answers of some faults
    "500": (500, b'{"error": "broken on purpose"}'),
    "garbage": (200, b"<p>not a prediction</p>"),
}
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"


def drifted() -> float:
    """By how much the machine is slower now: a wave in CLOCK_MONOTONIC, alike for all servers."""
    return 1 + DRIFT * math.sin(2 * math.pi * time.monotonic() / DRIFT_PERIOD_S)


class App:
    """Counts predictions and misbehaves when it is time."""

    def __init__(self) -> None:
        self.predict = load_predictor().predict
        self.count = self.answered = self.busy = 0
        self.broken = self.stopping = False
        self.idle: set[asyncio.StreamWriter] = set()  # connections without a request
        self.waited_s = self.computed_s = 0.0
        self.took_s: list[float] = []
        name = os.environ.get("FAKE_QUEUE")
        self.queue = QUEUES[name]() if name else None
        cheat = os.environ.get("FAKE_CHEAT")
        self.cheat = CHEATS[cheat]() if cheat else None
        self.threads = ThreadPoolExecutor(THREADS) if THREADS else None
        self.jobs = Jobs(self.compute)

    async def answer(self, path: str, body: bytes) -> tuple[int, bytes]:
        if path == "/health":
            return (503 if FAULT == "never-ready" else 200), b"{}"
        if path == "/metrics":
            return await self.scraped()
        if FAULT == "refuses-when-busy" and self.busy > AFTER:
            return 503, b"pending request queue full"
        self.count += 1
        await self.bear()
        # Of answers, not of arrivals: a stall of the machine lets those come at once.
        late = self.answered >= AFTER
        if FAULT == "dies-under-load" and late:
            print("fake: dying on purpose", flush=True)
            os._exit(7)
        if FAULT == "hangs" and late:
            await asyncio.sleep(3600)
        if FAULT in ALWAYS:
            return ALWAYS[FAULT]
        if self.queue is not None:
            await self.queue.through()
        if FAULT == "wrong" or (FAULT == "wrong-later" and late):
            wrong = [{"label": "something else"} for _ in json.loads(body)["instances"]]
            return 200, json.dumps({"predictions": wrong}).encode()
        if self.cheat is not None:
            return 200, await self.cheat.answer(body, self.compute)
        return 200, await self.compute(body)

    async def compute(self, body: bytes) -> bytes:
        came = time.monotonic()
        await asyncio.sleep(DELAY_S * drifted() + BYTE_S * len(body))
        began = time.monotonic()
        predictions = await self.called(json.loads(body)["instances"])
        self.waited_s += began - came
        self.computed_s += time.monotonic() - began
        return json.dumps({"predictions": predictions}).encode()

    async def called(self, instances: list[object]) -> list[object]:
        if self.threads is None:
            return self.predict(instances)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.threads, self.predict, instances)

    async def bear(self) -> None:
        """More in flight than it can bear breaks it for good."""
        self.broken = self.broken or self.busy > AFTER
        if FAULT == "dies-when-busy" and self.broken:
            print("fake: dying of too much on purpose", flush=True)
            os._exit(8)
        if FAULT == "hangs-when-busy" and self.broken:
            await asyncio.sleep(3600)

    def metrics(self) -> bytes:
        """Its counters, as Prometheus reads them."""
        counters = {
            "fake_predictions_total": self.count,
            "fake_waiting_seconds_total": self.waited_s,
            "fake_model_seconds_total": self.computed_s,
        }
        took, name = self.took_s, "fake_request_seconds"
        below = {f"{bound:g}": sum(each <= bound for each in took) for bound in BOUNDS_S}
        for bound, count in {**below, "+Inf": len(took)}.items():
            counters[f'{name}_bucket{{le="{bound}"}}'] = count
        counters |= {f"{name}_sum": sum(took), f"{name}_count": len(took)}
        return "".join(f"{name} {value!r}\n" for name, value in counters.items()).encode()

    async def scraped(self) -> tuple[int, bytes]:
        if METRICS == "late":
            await asyncio.sleep(3600)
        return 200, b"<p>no metrics</p>" if METRICS == "garbage" else self.metrics()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await self.next_line(reader, writer):
                path = line.split()[1].decode()
                length = 0
                while (header := await reader.readline()).strip():
                    name, _, value = header.partition(b":")
                    if name.lower() == b"content-length":
                        length = int(value)
                request = await reader.readexactly(length)
                self.busy += 1
                came = time.monotonic()
                try:
                    if path.startswith("/jobs"):
                        status, body = self.jobs.answer(path, request)
                    else:
                        status, body = await self.answer(path, request)
                    head = f"HTTP/1.1 {status} Fake\r\nContent-Length: {len(body)}\r\n\r\n"
                    writer.write(head.encode() + body)
                    if path not in STATE:
                        self.answered += 1
                        self.took_s.append(time.monotonic() - came)
                finally:
                    self.busy -= 1
                if self.stopping:
                    break
        except ConnectionError:
            pass
        finally:
            writer.close()

    async def next_line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        self.idle.add(writer)
        try:
            return await reader.readline()
        finally:
            self.idle.discard(writer)

    async def drain(self) -> None:
        """Answer what was sent, and nothing else on connections that stand: else it would go on for
        as long as clients do."""
        await asyncio.sleep(LINGERS_S)
        self.stopping = True
        for writer in self.idle:
            writer.close()
        while self.busy:
            await asyncio.sleep(0.001)


async def main() -> None:
    if FAULT == "dies-at-start":
        print("fake: no model to be found, on purpose", flush=True)
        sys.exit(3)
    if WORKERS > MOST_WORKERS:
        print(f"fake: {WORKERS} workers are more than {MOST_WORKERS}", flush=True)
        sys.exit(4)
    if FAULT == "daemon":
        subprocess.Popen([sys.executable, "-c", STUBBORN], start_new_session=True)
    host, port = os.environ["HARNESS_HOST"], int(os.environ["HARNESS_PORT"])
    app, stop = App(), asyncio.Event()
    if DRAINS:
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    server = await asyncio.start_server(app.serve, host, port)
    print("fake: listening", flush=True)
    await stop.wait()
    server.close()
    await app.drain()


if __name__ == "__main__":
    loop = asyncio.SelectorEventLoop(PreciseSelector())
    with asyncio.Runner(loop_factory=lambda: loop) as runner:
        runner.run(main())
