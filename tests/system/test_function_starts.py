"""Cold starts, a burst and sweeps of a function that runs: its instances need control groups."""

from __future__ import annotations

import json
import os
import shutil
import statistics
import time
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from harness.base import paths
from harness.measure.launch.functions import control_groups
from harness.measure.launch.functions.control import Control
from harness.stored.starts import FILES, IDLE, PROCESS
from harness.windows.kinds import WindowKind
from tests.functions import started
from tests.system.conftest import Command
from tests.system.sandbox import PRESETS, Sandbox, until

WHY_NOT = control_groups.why_not()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(WHY_NOT is not None and os.geteuid() != 0, reason=str(WHY_NOT)),
]
STARTING = PRESETS.replace("proof_s = 0.5", "proof_s = 0.5\ncold_starts = 2\nburst_s = 1.0", 1)


@pytest.fixture
def place(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """With the function that is for tests, and a preset that starts it cold; without an engine,
    so that instances are processes."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    own = paths.PROJECT / "servers" / "_function"
    shutil.copytree(own, sandbox.servers / "_function")
    (sandbox.benchmarks / "presets.toml").write_text(STARTING)
    return sandbox


def test_a_function_is_started_at_each_temperature_and_bursts(place: Sandbox, cli: Command) -> None:
    done = cli("run", "_function", "--campaign", "one")
    assert done.returncode == 0, done.stderr
    run = {cell.variant_name: run for cell, run in place.runs("one").items()}["_function"]
    life = run.facts.lifecycle
    assert life is not None
    assert life.starts is not None
    assert [len(life.starts.of(each)) for each in (PROCESS, IDLE)] == [2, 2]
    assert {each for each, _ in life.starts.impossible} <= {"image", FILES}
    for start in life.starts.samples:
        parts = (start.create_s, start.runtime_s, start.import_s, start.load_s, start.answer_s)
        assert min(parts) >= 0
        assert sum(parts) == pytest.approx(start.whole_s, rel=0.02)
    assert min(s.whole_s for s in life.starts.of(PROCESS)) > max(
        s.whole_s for s in life.starts.of(IDLE)
    )
    (burst,) = run.of(WindowKind.BURST)
    assert life.burst is not None
    rows = burst.invocations
    assert len(rows) == len(burst.requests)
    assert set(rows.status.tolist()) <= {200, 429}
    assert 0 < int(rows.cold.sum()) <= life.burst.most_instances
    for window in run.profiles:
        assert len(window.invocations) == len(window.requests)
        assert (window.invocations.status == 200).all()


def test_the_parts_of_a_cold_start_sum_to_what_the_client_saw(short_folder: Path) -> None:
    """By the stamps of the front and of the instance alone: no part is what the others leave."""
    predictor = paths.PROJECT / "benchmarks" / "noop" / "predictor.py"
    # As long as a model takes, so that a client that waits for its CPU is not seen.
    environment = {"HARNESS_PREDICTOR": str(predictor), "FUNCTION_INIT_S": "0.7"}
    shares = []
    with started(short_folder, environment=environment) as function:
        control = function.launched.control
        for number in range(1, 6):
            control.cool(PROCESS)
            began_ns = time.monotonic_ns()
            assert function.ask({"instances": []}).status == 200
            ended_ns = time.monotonic_ns()
            rows = until(partial(_known, control, began_ns, ended_ns))
            (instance,) = control.instances()
            steps = next(each for each in control.steps() if each.number == number)
            assert instance.begun_ns is not None
            parts = [
                instance.begun_ns - began_ns - int(rows.arrived_ns[0]),
                steps.runtime_ns - instance.begun_ns,
                steps.load_ns - steps.runtime_ns,
                steps.loaded_ns - steps.load_ns,
                began_ns + int(rows.sent_ns[0]) - steps.loaded_ns,
            ]
            assert min(parts) >= 0
            shares.append(sum(parts) / (ended_ns - began_ns))
    assert statistics.median(shares) == pytest.approx(1, abs=0.02)


def _known(control: Control, start_ns: int, end_ns: int) -> Any:
    """The invocations, when there is one: the front writes it down after its answer."""
    rows = control.invocations(start_ns, end_ns)
    return rows if len(rows) else None


def test_a_sweep_over_memory_names_the_sizes_to_choose(place: Sandbox, cli: Command) -> None:
    done = cli(
        *("sweep", "_function", "--over", "memory", "--values", "512,1769"),
        *("--benchmark", "noop", "--duration", "0.5", "--campaign", "two", "--json"),
    )
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["variants"]
    assert [point["value"] for point in row["points"]] == [512, 1769]
    assert all(point["usd_per_million"] > 0 for point in row["points"])
    assert row["chosen"].startswith("cheapest: 512 MiB")


def test_a_size_that_is_too_small_fails_and_the_sweep_goes_on(place: Sandbox, cli: Command) -> None:
    done = cli(
        *("sweep", "_function-too-small", "--over", "memory", "--values", "128,192"),
        *("--benchmark", "noop", "--duration", "0.5", "--campaign", "three"),
    )
    assert done.returncode == 1
    for size in (128, 192):
        assert f"{size} MiB: The server ended before it was ready" in done.stdout
        assert f"out of memory, an instance may use {size} MB" in done.stdout


def test_a_gap_beyond_the_idle_limit_makes_cold_requests(place: Sandbox, cli: Command) -> None:
    done = cli(
        *("sweep", "_function", "--over", "gap", "--values", "500,3000"),
        *("--benchmark", "noop", "--duration", "0.5", "--campaign", "four", "--json"),
    )
    assert done.returncode == 0, done.stderr
    (row,) = json.loads(done.stdout)["variants"]
    short, long = (point["cold_percent"] for point in row["points"])
    assert short < 20 < 40 < long
