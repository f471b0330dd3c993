"""One million requests: bytes on disk, and seconds and memory to report them.

    python scripts/bench_million.py

Two seeded variants of 500 000 requests each (Poisson at 5000/s, log-normal service times with the
nanosecond noise of real stamps) are stored, then reported by the real command line.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from harness.base import paths
from harness.stored import store
from harness.stored.identity import Cell, Subject
from harness.stored.records import (
    BenchmarkFacts,
    Campaign,
    Run,
    RunFacts,
    ServerFacts,
    Startup,
    Stop,
    Window,
    WindowFacts,
)
from harness.windows.profiles import Profile, due_times, payload_order
from harness.windows.samples import Requests, calls_of, usage

RATE, SECONDS = 5000.0, 100.0
PROFILE = Profile("steady", "poisson", SECONDS, rate_per_s=RATE)


def window(seed: int) -> Window:
    """Half a million requests, more or less."""
    rng = np.random.default_rng(seed)
    due = due_times(PROFILE, seed)
    rows = len(due)
    sent = due + rng.gamma(2.0, 10_000, rows).astype(np.int64)
    first = sent + (rng.lognormal(0, 0.4, rows) * 4e6).astype(np.int64)
    done = first + rng.integers(0, 30_000, rows)
    order = payload_order(600, rows, seed)
    status, zeros = np.full(rows, 200), np.zeros(rows, np.int64)
    requests = Requests(
        payload=order,
        due_ns=due,
        sent_ns=sent,
        first_byte_ns=first,
        done_ns=done,
        status=status,
        error=zeros,
        queued=zeros,
    )
    ticks = np.arange(0, SECONDS, 0.5)
    at, memory = (ticks * 1e9).astype(np.int64), np.full(len(ticks), 300 << 20)
    ones = np.ones(len(ticks), np.int64)
    used = usage(
        at,
        cpu_ns=at // 2,
        rss_bytes=memory,
        pss_bytes=memory,
        processes=ones,
        threads=8 * ones,
    )
    calls = calls_of(sent, first - sent, np.ones(rows, np.int64), zeros)
    return Window(
        facts=WindowFacts(
            profile=PROFILE,
            elapsed_s=SECONDS,
            generator_cpu_s=20.0,
            generator_cpus=1,
            steal_share=0.0,
            checked=rows // 10,
            wrong=0,
        ),
        requests=requests,
        usage=used,
        calls=calls,
    )


def run_of(variant: str, seed: int) -> Run:
    """A healthy run of one window."""
    server = ServerFacts(
        server=variant,
        framework=variant,
        version="1.0",
        homepage="",
        licence="MIT",
        track="matched",
        protocol="json",
        backend="onnx",
        device="cpu",
        launcher="process",
        reference=False,
        description="synthetic",
    )
    measured = window(seed)
    facts = RunFacts(
        campaign="million",
        cell=Cell(subject=Subject(variant), benchmark="synthetic", point=None, round=1),
        server=server,
        started_at="2026-01-01T00:00:00+00:00",
        phases_s={"load": SECONDS},
        startup=Startup(1.0, 1.2),
        verified=600,
        windows=(measured.facts,),
        stop=Stop(seconds=0.1, exit_code=0, orphans=0, killed=0),
        failure=None,
    )
    return Run(facts, (measured,))


def main() -> None:
    """Store, report, print."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "results" / "million"
        runs = [run_of("first", 1), run_of("second", 2)]
        known = BenchmarkFacts(
            version=1,
            description="synthetic",
            slo="p99<50ms",
            payloads=600,
            artefact={},
            capacity_per_s=10000.0,
            profiles=(PROFILE,),
        )
        cells = tuple(run.cell for run in runs)
        store.write_campaign(
            folder,
            Campaign(
                id="million",
                started_at="2026-01-01T00:00:00+00:00",
                preset="none",
                command="scripts/bench_million.py",
                cells=cells,
                left_out=(),
                environment={},
                benchmarks={"synthetic": known},
                proof=None,
                server_cpus=(0,),
                generator_cpus=(1,),
                launcher="process",
                device="cpu",
            ),
        )
        began = time.monotonic()
        for run in runs:
            store.write_run(folder, run)
        stored_s = time.monotonic() - began
        total = sum(len(run.windows[0].requests) for run in runs)
        size = sum(path.stat().st_size for path in folder.rglob("requests.parquet"))
        everything = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        print(
            f"{total} requests stored in {stored_s:.1f} s: requests {size / 1e6:.1f} MB, "
            f"with calls and usage {everything / 1e6:.1f} MB"
        )
        environment = {
            **os.environ,
            "HARNESS_RESULTS": f"{scratch}/results",
            "HARNESS_REPORTS": f"{scratch}/reports",
        }
        command = [sys.executable, "-m", "harness", "report", "million"]
        began = time.monotonic()
        child = subprocess.Popen(command, env=environment, cwd=paths.PROJECT)
        _, status, used = os.wait4(child.pid, 0)
        print(
            f"reported in {time.monotonic() - began:.1f} s, peak memory "
            f"{used.ru_maxrss / 1024:.0f} MiB, exit code {os.waitstatus_to_exitcode(status)}"
        )


if __name__ == "__main__":
    main()
