"""The neighbour of scripts/bench_noise.py: it works, on every CPU, and ends with who started it."""

from __future__ import annotations

import os

import psutil
import pytest

import bench_noise
from tests.system.sandbox import LONG_S, until


@pytest.mark.slow
def test_it_works_on_every_cpu_and_ends_with_its_context() -> None:
    cpus = os.sched_getaffinity(0)
    with bench_noise.neighbour(wanted=True) as started:
        assert started is not None
        process = psutil.Process(started.pid)
        until(lambda: {tuple(p.cpu_affinity()) for p in process.children()} == {(c,) for c in cpus})
        workers = process.children()
    assert started.returncode == 0
    assert psutil.wait_procs(workers, timeout=LONG_S)[1] == []


def test_without_one_nobody_works() -> None:
    with bench_noise.neighbour(wanted=False) as nobody:
        assert nobody is None
