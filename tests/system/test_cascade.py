"""The cascade under the real command line: what is stored, and what a wrong threshold says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from harness.analyse.run import findings
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Verdict
from harness.base import paths
from harness.stored.records import Run
from tests.system.conftest import kept
from tests.system.sandbox import Sandbox

SERVER = paths.PROJECT / "servers" / "cascade"
PRESETS = """\
[preset.short]
benchmarks = ["iris"]
profiles = ["steady", "saturated"]
rounds = 1
duration_scale = 0.1
warm_up_s = 0.1
proof_s = 0.2
overload_s = 1.0
shutdown = true
"""


@pytest.fixture(scope="module")
def run(short_folder: Path) -> Iterator[Run]:
    """A short campaign's run of it, on real files."""
    places = kept(short_folder)
    sandbox: Sandbox = next(places)
    benchmarks = sandbox.root / "real-benchmarks"
    shutil.copytree(paths.PROJECT / "benchmarks", benchmarks)
    (benchmarks / "presets.toml").write_text(PRESETS)
    real = {
        "HARNESS_SERVERS": str(paths.PROJECT / "servers"),
        "HARNESS_BENCHMARKS": str(benchmarks),
        "HARNESS_CACHE": str(paths.cache_dir()),
    }
    done = sandbox.harness("run", "cascade", "--preset", "short", "--campaign", "real", **real)
    runs = {run.cell.variant_name: run for run in sandbox.runs("real").values()}
    assert set(runs) == {"in-process", "null", "cascade"}, done.stderr
    yield runs["cascade"]
    assert not sandbox.processes()
    next(places, None)


@pytest.mark.slow
def test_each_request_says_who_answered_it(run: Run) -> None:
    assert run.facts.failure is None
    assert len(run.profiles) == 2
    for window in run.profiles:
        assert window.requests.ok.all()
        local = window.marks.each("local", len(window.requests))
        assert set(local.tolist()) == {0, 1}
        # The server predicted what it was asked, and nothing else.
        assert len(window.calls.batch) == (local == 0).sum()
        assert window.facts.generator_cpus == 0
        spent_s = np.ptp(window.usage.cpu_ns) / 1e9
        assert 0 < window.facts.generator_cpu_s < spent_s + 0.05


@pytest.mark.slow
def test_it_is_a_contender_whose_answers_are_approximate(run: Run) -> None:
    server, accuracy = run.facts.server, run.facts.accuracy
    assert (server.reference, server.answers, server.track) == (False, "approximate", "pattern")
    assert accuracy is not None
    assert accuracy.asked == 50
    assert 0 < accuracy.local < 50
    assert accuracy.right >= 40
    assert run.facts.verified == 150
    assert run.audit is None
    assert run.facts.lifecycle is not None
    assert run.facts.lifecycle.overload is None, "it would end with its client"


@pytest.mark.slow
def test_what_is_found_of_it(run: Run) -> None:
    found = {f.name: f.verdict for f in findings.of_run(RunContext(run=run))}
    assert found["approximate-answers"] is Verdict.NOTE
    assert "answers-from-a-cache" not in found
    assert "answers-before-predicting" not in found


def test_a_wrong_threshold_ends_it_with_a_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "start.py"],
        cwd=SERVER,
        env={
            "PATH": os.defpath,
            "PYTHONPATH": str(SERVER.parent / "shared"),
            "PYTHONDONTWRITEBYTECODE": "1",
            "CASCADE_THRESHOLD": "1.5",
            "HARNESS_ARTEFACT": str(tmp_path),
            "HARNESS_PREDICTOR": str(paths.PROJECT / "benchmarks" / "iris" / "predictor.py"),
        },
        capture_output=True,
        text=True,
        timeout=480,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr == (
        "CASCADE_THRESHOLD is '1.5', but a threshold is a number from 0 (the small model answers "
        "all) to 1 (the server answers all).\n"
    )
