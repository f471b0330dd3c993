"""The neighbour of scripts/bench_noise.py: it works, on every CPU, and ends with who started it."""

from __future__ import annotations

import os
import time

import psutil
import pytest

import bench_noise


@pytest.mark.slow
def test_it_works_on_every_cpu_and_ends_with_its_context() -> None:
    with bench_noise.neighbour(wanted=True):
        (process,) = [
            child for child in psutil.Process().children() if "neighbour.py" in child.cmdline()[-1]
        ]
        end = time.monotonic() + 20
        while len(workers := process.children()) < len(os.sched_getaffinity(0)):
            assert time.monotonic() < end
            time.sleep(0.05)
        pinned = {cpu for worker in workers for cpu in worker.cpu_affinity()}
        assert pinned == os.sched_getaffinity(0)
    psutil.wait_procs([process, *workers], timeout=20)
    assert not process.is_running()
    assert not any(worker.is_running() for worker in workers)


def test_without_one_nobody_works() -> None:
    before = {child.pid for child in psutil.Process().children()}
    with bench_noise.neighbour(wanted=False):
        assert {child.pid for child in psutil.Process().children()} == before
