"""The fates of jobs when processes are killed, the time for a backlog, the answer of a full queue.

    python scripts/bench_jobs.py [VARIANT ...] [--kills 100] [--broker-kills 10] [--web-kills 5]
                                 [--backlog 500] [--benchmark sentiment]

Each kill hits the middle of a job. The script submits jobs of 100 ms, and sends SIGKILL to the
worker, the broker or the web process as soon as a worker runs one. The client keeps polling
meanwhile. In the end each accepted job counts as completed by one run, completed by several runs,
failed, or lost: unknown to the server, or without an end.

The backlog is submitted while the workers are stopped (SIGSTOP), and made of the benchmark's own
payloads. The full queue is what is submitted on top, up to the 1000 unfinished jobs that a server
takes.
"""

from __future__ import annotations

import argparse
import os
import signal
import statistics
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from harness.setup import catalog
from job_server import BROKER, WEB, WORKER, Answer, JobServer

VARIANTS = ("queue-huey", "queue-celery", "queue-redis", "queue-redis-batched", "cortex-async")
JOB = "sleep 0.1"
JOBS_A_KILL = 3
REFUSED = 100  # submissions to a full queue
MOST = 1000
IDLE_S = 5.0
KINDS = ("once", "again", "failed", "lost")


@dataclass(frozen=True, kw_only=True)
class Backlog:
    """The figures of a variant on a benchmark."""

    jobs: int
    accepted_ms: float  # median
    drained_s: float  # from when the workers go on until the last result
    cpu_ms: float  # of all its processes for each job, submission and questions included
    idle_ms: float  # of all of them in a second without jobs
    full_ms: float  # median of what is refused


def kills(variant: str, counts: dict[str, int]) -> dict[str, Counter[str]]:
    """The fates of jobs, by the process that was killed."""
    found = {}
    with tempfile.TemporaryDirectory() as folder, JobServer(variant, Path(folder)) as server:
        for what, count in counts.items():
            if not server.pids(what):
                continue  # it has no broker
            names: list[str] = []
            for _ in range(count):
                victim = server.victim(what)
                jobs = [server.submitted(JOB) for _ in range(JOBS_A_KILL)]
                names += jobs
                server.begun(jobs[0])
                server.kill(victim)
            found[what] = Counter(fate(server, name) for name in names)
    return found


def fate(server: JobServer, name: str) -> str:
    """One of KINDS."""
    try:
        end = server.ended(name, 120.0)
    except TimeoutError:
        return "lost"
    if end.status == 404:
        return "lost"
    if end.told["status"] == "failed":
        return "failed"
    return "once" if end.marks["runs"] == 1 else "again"


def backlog(variant: str, benchmark: str, jobs: int) -> Backlog:
    """Submit, let the workers go on, wait for the last."""
    payloads = catalog.benchmarks()[benchmark].payloads()
    with (
        tempfile.TemporaryDirectory() as folder,
        JobServer(variant, Path(folder), benchmark=benchmark) as server,
    ):
        idle_ms = 1e3 * _idle(server)
        used_s = server.cpu_s()
        pids = server.pause(WORKER)
        taken = [server.submit(payloads[n % len(payloads)]) for n in range(jobs)]
        if refused := [answer for answer in taken if answer.status != 200]:
            raise RuntimeError(f"{len(refused)} of {jobs} jobs were refused: {refused[0].told}")
        began_ns = _go_on(pids)
        ends = [server.ended(answer.told["id"]) for answer in taken]
        drained_s = (max(end.marks["finished_ns"] for end in ends) - began_ns) / 1e9
        used_s = server.cpu_s() - used_s
        pids = server.pause(WORKER)
        refused = _fill(server, payloads[0])
        _go_on(pids)
    return Backlog(
        jobs=jobs,
        accepted_ms=1e3 * statistics.median(answer.seconds for answer in taken),
        drained_s=drained_s,
        cpu_ms=1e3 * used_s / jobs,
        idle_ms=idle_ms,
        full_ms=1e3 * statistics.median(answer.seconds for answer in refused),
    )


def _idle(server: JobServer) -> float:
    used_s = server.cpu_s()
    time.sleep(IDLE_S)
    return (server.cpu_s() - used_s) / IDLE_S


def _go_on(pids: list[int]) -> int:
    for pid in pids:
        os.kill(pid, signal.SIGCONT)
    return time.monotonic_ns()


def _fill(server: JobServer, payload: object) -> list[Answer]:
    """The answer of a full queue."""
    for _ in range(2 * MOST):
        if server.submit(payload).status != 200:
            return [server.submit(payload) for _ in range(REFUSED)]
    raise RuntimeError(f"The queue took {2 * MOST} jobs and was not full.")


def main() -> None:
    """Measure, and print two tables."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("variants", nargs="*", default=VARIANTS)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--broker-kills", type=int, default=10)
    parser.add_argument("--web-kills", type=int, default=5)
    parser.add_argument("--backlog", type=int, default=500)
    parser.add_argument("--benchmark", default="sentiment")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # else its servers would go on
    counts = {WORKER: options.kills, BROKER: options.broker_kills, WEB: options.web_kills}
    if any(counts.values()):
        print(f"| variant | killed | times | jobs | {' | '.join(KINDS)} |")
        print("|---|---|---|---|---|---|---|---|", flush=True)
        for variant in options.variants:
            for what, fates in kills(variant, counts).items():
                told = " | ".join(str(fates[kind]) for kind in KINDS)
                print(f"| `{variant}` | {what} | {counts[what]} | {fates.total()} | {told} |")
    if options.backlog:
        jobs = f"{options.backlog} jobs in, s"
        print(f"\n| variant | accepted, ms | {jobs} | CPU, ms a job | idle CPU, ms/s | full, ms |")
        print("|---|---|---|---|---|---|", flush=True)
        for variant in options.variants:
            found = backlog(variant, options.benchmark, options.backlog)
            print(
                f"| `{variant}` | {found.accepted_ms:.1f} | {found.drained_s:.2f} | "
                f"{found.cpu_ms:.1f} | {found.idle_ms:.1f} | {found.full_ms:.1f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
