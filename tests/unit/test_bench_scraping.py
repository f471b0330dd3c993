"""scripts/bench_scraping.py: the intervals that it takes, their order, and the ratios."""

from __future__ import annotations

import subprocess
import sys

import pytest

import bench_scraping
from bench_scraping import ScrapedServer
from harness.base import paths
from harness.base.errors import UsageError


def test_intervals() -> None:
    assert bench_scraping.parsed("15,5,1") == (15.0, 5.0, 1.0)


@pytest.mark.parametrize("text", ["", "often", "0", "-1", "5,", "7200"])
def test_what_is_no_interval(text: str) -> None:
    with pytest.raises(UsageError, match="are no seconds"):
        bench_scraping.parsed(text)


def test_the_command_says_so() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/bench_scraping.py", "--every", "often"],
        cwd=paths.PROJECT,
        env={"PYTHONPATH": str(paths.PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: --every: 'often' are no seconds")


def test_each_arm_stands_at_each_place_once() -> None:
    arms = (0.0, 15.0, 5.0, 1.0)
    orders = [bench_scraping.order(arms, number) for number in range(1, 5)]
    assert all(sorted(each) == sorted(arms) for each in zip(*orders, strict=True))


def served(number: int, arm: str, factor: float) -> ScrapedServer:
    return ScrapedServer(
        round=number,
        arm=arm,
        numbers={"p50": factor * number, "p99": None, "cpu": 1.0, "throughput": 100 / factor},
        failed=0,
        scrapes=0 if "every" not in arm else 4,
        longest_ms=2.5,
        page_bytes=4096,
    )


def test_ratios_are_of_the_same_round() -> None:
    factors = {"fastapi": 1.0, "instrumented": 1.5, "every 5 s": 3.0}
    found = [served(n, arm, factor) for n in (1, 2, 3) for arm, factor in factors.items()]
    ratio = bench_scraping.ratios(found, "instrumented", "fastapi", "p50")
    assert ratio is not None
    assert (ratio.median, ratio.low, ratio.high) == (1.5, 1.5, 1.5)
    assert bench_scraping.ratios(found, "instrumented", "fastapi", "p99") is None
    said = "\n".join(bench_scraping.lines(found, (0.0, 5.0)))
    assert "| instrumented / fastapi | 1.500 (1.500–1.500) | - | 1.000 (1.000–1.000) |" in said
    assert "| every 5 s / instrumented | 2.000 (2.000–2.000) |" in said
    assert "every 5 s: 12 scrapes, the longest 2.5 ms, 4096 bytes" in said
