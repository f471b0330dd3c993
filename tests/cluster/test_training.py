"""A Job trains in the cluster, its Deployment serves that, and a CronJob does so again."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from harness.base import paths
from harness.setup.changes import TRAIN_AND_SERVE
from harness.stored.pods import ClusterChange
from harness.stored.records import Run, Window
from harness.windows.kinds import WindowKind
from tests.system.sandbox import Sandbox

pytestmark = [pytest.mark.cluster, pytest.mark.slow]
QUICK: tuple[str, ...] = (
    "--benchmark",
    "noop",
    "--campaign",
    "c",
    "--replicas",
    "1",
    "--pod-cpus",
    "0.3",
)
QUICK += ("--pod-memory", "256m", "--duration", "1", "--search", "2s", "--load", "0.3,2")


def trains(sandbox: Sandbox) -> None:
    """Let its benchmark have versions."""
    build = paths.PROJECT / "benchmarks" / "noop" / "build.py"
    shutil.copy(build, sandbox.benchmarks / "noop")


def scaled(sandbox: Sandbox) -> tuple[Run, Window, ClusterChange]:
    (run,) = (run for cell, run in sandbox.runs("c").items() if "_fake" in cell.subject.variant)
    assert run.facts.failure is None
    (window,) = (each for each in run.windows if each.facts.kind is WindowKind.CHANGE)
    assert run.facts.lifecycle is not None
    (change,) = run.facts.lifecycle.changes
    assert change.name == TRAIN_AND_SERVE
    return run, window, change


def test_a_job_and_a_cron_job_train_what_is_served_and_nothing_is_lost(
    core: Any, sandbox: Sandbox, tmp_path: Path
) -> None:
    trains(sandbox)
    done = sandbox.harness("scale", "_fake-drains", *QUICK, "--experiment", TRAIN_AND_SERVE)
    assert done.returncode == 0, done.stderr
    run, window, change = scaled(sandbox)
    assert change.failure == ""
    assert [(each.version, each.by) for each in change.trained] == [(2, "Job"), (3, "CronJob")]
    assert all(each.failure == "" and each.served_ns for each in change.trained)
    requests = window.requests
    assert requests.kinds() == {}
    assert run.facts.container is not None
    assert run.facts.container.reached == "service"
    versions = window.marks.each("version", len(requests))
    assert set(versions.tolist()) == {1, 2, 3}, "each answer is that of one version"
    gone = max(each.at_ns for each in change.happenings if each.said.endswith("is gone"))
    assert set(versions[requests.sent_ns > gone].tolist()) == {3}
