"""The batch stage: retried, given up after a time-out, and each with a sentence."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import pytest

from harness.base.errors import ProvisionError
from harness.measure.pipeline import batch
from harness.measure.pipeline.batch import BatchOrder
from harness.measure.prepare.environments import Environment
from harness.setup.catalog import Benchmark
from tests.unit.conftest import BENCHMARK, Project

HERE = Environment(bin=Path(sys.executable).parent, key="key")
LONG_S = 120.0
BUILD = """
import json, os, pathlib, sys, time
tries = pathlib.Path(__file__).with_name("tries")
count = len(tries.read_text()) + 1 if tries.exists() else 1
tries.write_text("x" * count)
version = os.environ.get("HARNESS_ARTEFACT_VERSION", "1")
{what}
pathlib.Path(sys.argv[1], "facts.json").write_text(json.dumps({{"accuracy": 0.9, "of": version}}))
"""


def bench(project: Project, what: str, head: str = BENCHMARK) -> Benchmark:
    made = project.bench(head=head)
    (made.folder / "build.py").write_text(BUILD.format(what=what))
    return made


def order(benchmark: Benchmark, timeout_s: float = LONG_S, retries: int = 2) -> BatchOrder:
    return BatchOrder(
        benchmark=benchmark,
        environment=HERE,
        cpus=tuple(os.sched_getaffinity(0)),
        timeout_s=timeout_s,
        retries=retries,
    )


def test_a_version_is_trained(project: Project, tmp_path: Path) -> None:
    problems: list[str] = []
    made = batch.train(order(bench(project, "")), 3, tmp_path / "b", problems)
    assert made.facts == {"accuracy": 0.9, "of": "3"}
    assert problems == []


def test_a_build_that_fails_is_tried_again(project: Project, tmp_path: Path) -> None:
    flaky = bench(project, "if count < 3: sys.exit('no data yet')")
    problems: list[str] = []
    assert batch.train(order(flaky), 2, tmp_path / "b", problems).facts["of"] == "2"
    failed = "some/build.py failed with exit code 1; it printed: no data yet."
    assert problems == [failed, failed]


def test_one_that_goes_on_failing_is_given_up(project: Project, tmp_path: Path) -> None:
    broken = bench(project, "sys.exit('no data')")
    said = r"Version 2 of some could not be trained, tried 2 times: .*exit code 1; .*: no data\."
    with pytest.raises(ProvisionError, match=said):
        batch.train(order(broken, retries=1), 2, tmp_path / "b", [])


def test_one_that_hangs_is_ended_with_all_that_it_started(project: Project, tmp_path: Path) -> None:
    child = "import time; time.sleep(1000)"
    hanging = bench(
        project,
        "import signal, subprocess; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        f"child = subprocess.Popen([sys.executable, '-c', {child!r}])\n"
        "print(f'child {child.pid}', flush=True); time.sleep(1000)",
    )
    with pytest.raises(
        ProvisionError, match=r"had not ended after 3 s .* --train-timeout"
    ) as error:
        batch.train(order(hanging, timeout_s=3.0, retries=0), 2, tmp_path / "b", [])
    pid = (tmp_path / "b" / "1" / "log").read_text().split()[-1]
    assert not Path(f"/proc/{pid}").exists()
    assert "tried once" in str(error.value)


def test_nothing_is_tried_again_after_the_load(project: Project, tmp_path: Path) -> None:
    problems: list[str] = []
    broken = bench(project, "sys.exit(1)")
    with pytest.raises(ProvisionError, match="tried once"):
        batch.train(order(broken), 2, tmp_path / "b", problems, time.monotonic_ns())
    assert len(problems) == 1


def test_one_that_is_not_accurate_enough_is_refused(project: Project, tmp_path: Path) -> None:
    poor = bench(project, "", BENCHMARK + "accuracy_at_least = 0.95\n")
    with pytest.raises(ProvisionError, match=r"accuracy of 0\.9, below the 0\.95"):
        batch.train(order(poor), 2, tmp_path / "b", [])
