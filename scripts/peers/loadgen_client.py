"""LoadGen's side: its Server scenario over HTTP, through a pool of connections.

    python loadgen_client.py ORDER      ORDER: JSON of the fields of `Order`

Standard output: JSON, `issued_ns` (when LoadGen issued each request, CLOCK_MONOTONIC) and `failed`.
What LoadGen itself reports is in `folder`, in mlperf_log_summary.txt.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from queue import SimpleQueue
from urllib.parse import urlsplit

import mlperf_loadgen as loadgen

_POOL = 32
_PAYLOADS = 16  # LoadGen wants to know of a library of samples; here all are alike


@dataclass(frozen=True)
class Order:
    """What to send, and how often."""

    url: str
    body: str
    rate_per_s: float
    count: int
    seed: int
    timeout_s: float
    folder: str


@dataclass
class Pool:
    """Connections, a thread each; LoadGen hands them requests by `issue`."""

    order: Order
    issued_ns: list[int] = field(default_factory=list)
    failed: list[int] = field(default_factory=list)
    waiting: SimpleQueue[tuple[int, int]] = field(default_factory=SimpleQueue)

    def start(self) -> None:
        for _ in range(_POOL):
            threading.Thread(target=self._work, daemon=True).start()

    def issue(self, samples: list[loadgen.QuerySample]) -> None:
        """LoadGen's callback, when requests are due."""
        for sample in samples:
            self.issued_ns.append(time.monotonic_ns())
            self.waiting.put((len(self.issued_ns) - 1, sample.id))

    def _work(self) -> None:
        parts = urlsplit(self.order.url)
        body = self.order.body.encode()
        connection = http.client.HTTPConnection(
            parts.hostname or "", parts.port, timeout=self.order.timeout_s
        )
        while True:
            number, sample = self.waiting.get()
            headers = {"Content-Type": "application/json", "X-Request": str(number)}
            try:
                connection.request("POST", parts.path, body, headers)
                answer = connection.getresponse()
                answer.read()
                if answer.status != 200:
                    self.failed.append(number)
            except (OSError, http.client.HTTPException):
                connection.close()
                self.failed.append(number)
            # LoadGen knows no failures: what it is not told of as complete, it waits for for ever.
            loadgen.QuerySamplesComplete([loadgen.QuerySampleResponse(sample, 0, 0)])


def settings(order: Order) -> loadgen.TestSettings:
    """The Server scenario, with a fixed number of requests."""
    made = loadgen.TestSettings()
    made.scenario = loadgen.TestScenario.Server
    made.mode = loadgen.TestMode.PerformanceOnly
    made.server_target_qps = order.rate_per_s
    made.schedule_rng_seed = order.seed
    made.min_duration_ms = 0
    made.min_query_count = made.max_query_count = order.count
    return made


def main() -> None:
    """Run one test."""
    order = Order(**json.loads(sys.argv[1]))
    Path(order.folder).mkdir(exist_ok=True)
    pool = Pool(order)
    pool.start()
    output = loadgen.LogOutputSettings()
    output.outdir = order.folder
    output.copy_summary_to_stdout = False
    logs = loadgen.LogSettings()
    logs.log_output = output
    logs.enable_trace = False
    system = loadgen.ConstructSUT(pool.issue, lambda: None)
    library = loadgen.ConstructQSL(_PAYLOADS, _PAYLOADS, lambda _: None, lambda _: None)
    loadgen.StartTestWithLogSettings(system, library, settings(order), logs)
    loadgen.DestroyQSL(library)
    loadgen.DestroySUT(system)
    print(json.dumps({"issued_ns": pool.issued_ns, "failed": len(pool.failed)}))


if __name__ == "__main__":
    main()
