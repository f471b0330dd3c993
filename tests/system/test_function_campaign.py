"""A function in a campaign: measured as any other variant, and nothing is left of it.

Its instances need control groups, which root has; nobody but root could make them here.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys

import psutil
import pytest

from harness.base import paths
from harness.measure.launch.functions import control_groups
from tests.system.conftest import Command
from tests.system.sandbox import Sandbox, until, until_while

WHY_NOT = control_groups.why_not()
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(WHY_NOT is not None and os.geteuid() != 0, reason=str(WHY_NOT)),
]


@pytest.fixture
def place(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """With the function that is for tests, and without an engine: instances are processes."""
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    own = paths.PROJECT / "servers" / "_function"
    shutil.copytree(own, sandbox.servers / "_function")
    return sandbox


def test_a_function_is_measured_like_any_other_variant(place: Sandbox, cli: Command) -> None:
    done = cli("run", "_function", "_fake", "--campaign", "one")
    assert done.returncode == 0, done.stderr
    runs = {cell.variant_name: run for cell, run in place.runs("one").items()}
    run = runs["_function"]
    assert run.facts.outcome == "ok", run.facts.failure
    assert run.facts.verified == 21
    server = run.facts.server
    assert (server.launcher, server.track) == ("lambda", "functions")
    assert server.launching is not None
    assert server.launching.handlers
    assert run.facts.stop is not None
    assert run.facts.stop.killed == 0
    for window in run.windows:
        assert window.requests.ok.all()
        assert (window.usage.processes >= 1).all()
        assert len(window.calls.start_ns)


def test_what_is_too_small_fails_and_says_the_size(place: Sandbox, cli: Command) -> None:
    done = cli("run", "_function-too-small", "--campaign", "two")
    assert done.returncode == 1
    assert "out of memory, an instance may use 128 MB" in done.stdout + done.stderr


def test_by_another_launcher_it_is_left_out(place: Sandbox, cli: Command) -> None:
    done = cli("run", "_function@process", "_fake", "--dry-run")
    assert done.returncode == 0
    assert "lambda alone can start it, as _function" in done.stdout + done.stderr


def test_list_says_which_launchers_start_it(place: Sandbox, cli: Command) -> None:
    found = {each["name"]: each for each in json.loads(cli("list", "--json").stdout)["launchers"]}
    assert found["lambda"]["available"] == (WHY_NOT is None)
    assert found["lambda"]["about"] == "processes in control groups"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_nothing_is_left_of_a_command_that_is_ended(place: Sandbox, number: int) -> None:
    command = place.start("run", "_function", "--campaign", "three")

    def instances() -> list[psutil.Process]:
        everybody = psutil.process_iter(["cmdline", "environ"])
        return [
            each
            for each in everybody
            if "runtime.py" in " ".join(each.info["cmdline"] or [])
            and str(place.root) in str(each.info["environ"])
        ]

    until_while(command, instances)
    command.send_signal(number)
    command.wait()
    until(lambda: not place.processes())


def test_killed_instances_leave_no_request_without_an_answer() -> None:
    """The script that docs/functions.md has its figures from, with fewer kills."""
    script = paths.PROJECT / "scripts" / "bench_function_kills.py"
    done = subprocess.run(
        [sys.executable, script, "--kills", "8"],
        cwd=paths.PROJECT,
        env={**os.environ, "PYTHONPATH": str(paths.PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "8 kills" in done.stdout
    assert " 0 hangs" in done.stdout
    assert " 0 closed" in done.stdout
