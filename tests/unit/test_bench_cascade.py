"""scripts/bench_cascade.py: the thresholds that it takes, and what it says."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

import bench_cascade
from bench_cascade import Point
from harness.analyse.statistics.thresholds import BothAnswered
from harness.base import paths
from harness.base.errors import UsageError
from harness.setup import catalog


def test_thresholds_are_sorted_and_have_both_ends() -> None:
    assert bench_cascade.parsed("0.9, 0.5,0.9") == (0.0, 0.5, 0.9, 1.0)


@pytest.mark.parametrize("text", ["1.5", "-0.1", "0.5,half", "nan", ""])
def test_a_threshold_outside_0_to_1_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="is no threshold: give numbers from 0"):
        bench_cascade.parsed(text)


def test_the_command_says_so_too() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/bench_cascade.py", "--thresholds", "2"],
        cwd=paths.PROJECT,
        env={"PYTHONPATH": str(paths.PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: --thresholds: '2' is no threshold")


def test_the_variant_has_that_threshold() -> None:
    changed = bench_cascade.at(catalog.variants()["cascade"], 0.75)
    assert changed.table.environment == {"CASCADE_THRESHOLD": "0.75"}


def test_the_table_and_the_best_threshold() -> None:
    point = Point(
        threshold=0.8,
        requests=100,
        failed=2,
        local_share=0.5,
        asked=4,
        right=3,
        p50_ms=1.5,
        p99_ms=None,
        server_cpu_s=1.25,
        client_cpu_s=0.5,
    )
    answered = BothAnswered(
        score=np.array([0.9, 0.8, 0.7, 0.6]),
        small=np.array([True, True, False, False]),
        server=np.array([True, False, True, True]),
    )
    said = list(bench_cascade.lines([point], answered, [0.75, 0.9]))
    assert said[2] == "| 0.8 | 50% (2 failed) | 75.0% (19.4–99.4) | 1.50 | - | 1.25 | 0.50 |"
    assert said[3].startswith("accuracy 75%: threshold 0.700 (")
    assert said[3].endswith("), 3 of 4 local, accuracy 75.0% (19.4–99.4)")
    assert said[4] == "accuracy 90%: no threshold: the server alone reaches 75.0% (19.4–99.4)"
