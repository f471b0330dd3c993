"""Every fault of the fake contender at once, and what else can go wrong around a campaign.

A failure is the cell's own: it is stored with a sentence, and the campaign goes on.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from harness.base import paths
from harness.stored import store
from harness.stored.records import Run
from harness.windows.samples import ERRORS
from tests import fakes
from tests.system.conftest import kept
from tests.system.sandbox import LONG_S, SERVER, Sandbox, until_while, variant

pytestmark = pytest.mark.slow
HEALTHY = ("in-process", "null", "_fake", "_fake-slow", "_fake-daemon", "_fake-wrong-later")
FAULTS = {
    # variant: (phase, what is said)
    "_fake-dies-at-start": ("ready", "ended before it was ready: it ended with exit code 3"),
    "_fake-never-ready": ("ready", "not get ready within 1.5 s; the last probe of /health said: "),
    "_fake-500": ("ready", "It got ready, but does not answer a prediction: HTTP 500"),
    "_fake-garbage": ("ready", "Its first answer is not the reference's: no JSON in "),
    "_fake-wrong": ("ready", "expected {'label': 'noop'}, got {'label': 'something else'}"),
    "_fake-dies-under-load": ("load", "died under load, in the window 'steady': it ended with "),
    "_fake-hangs": ("load", "requests in the window 'saturated': 4 timeout"),
    "taken": ("launch", "is already taken on 127.0.0.1"),
    "absent": ("launch", "absent can't be started: "),
    "uninstallable": ("provision", "The environment of uninstallable-onnx can't be installed: "),
    "unlocked": ("provision", "has no lock requirements.txt. Make it with: python scripts/lock.py"),
}
CALL = struct.Struct("<qqqq")  # what servers/shared/serving.py writes of a call
LOCK = f"no-such-distribution==1.0 \\\n    --hash=sha256:{'0' * 64}\n"


@dataclass(frozen=True)
class Outcome:
    """What a campaign printed and kept."""

    sandbox: Sandbox
    done: subprocess.CompletedProcess[str]
    cells: dict[str, Any]  # of --json, by variant
    runs: dict[str, Run]
    left: list[str]  # processes


@pytest.fixture(scope="module")
def outcome(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Outcome]:
    places = kept(tmp_path_factory.mktemp("faults"))
    sandbox = next(places)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        _add_faulty_servers(sandbox, taken.getsockname()[1])
        file = sandbox.benchmarks / "noop" / "benchmark.toml"  # one hangs on purpose
        file.write_text(file.read_text().replace("timeout_s = 30.0", "timeout_s = 5.0"))
        arguments = ["--campaign", "faults", "--json"]
        done = sandbox.harness("run", *HEALTHY, *FAULTS, *arguments, **_offline(sandbox))
    cells = {cell["variant"]: cell for cell in json.loads(done.stdout)["cells"]}
    runs = {run.cell.variant_name: run for run in sandbox.runs("faults").values()}
    yield Outcome(sandbox, done, cells, runs, sandbox.processes())
    next(places, None)


def _add_faulty_servers(sandbox: Sandbox, port: int) -> None:
    sandbox.add_server("taken", SERVER + variant("taken", f"port = {port}"))
    sandbox.add_server("absent", SERVER + variant("absent", 'command = ["{bin}/no-such-program"]'))
    for name in ("uninstallable", "unlocked"):
        folder = sandbox.add_server(name, SERVER + variant(name))
        (folder / "requirements.in").write_text("no-such-distribution\n")
    (sandbox.servers / "uninstallable" / "requirements.txt").write_text(LOCK)


def _offline(sandbox: Sandbox) -> dict[str, str]:
    return {"UV_OFFLINE": "1", "UV_CACHE_DIR": str(sandbox.root / "no-packages")}


def test_a_failed_cell_makes_the_exit_code_1(outcome: Outcome) -> None:
    assert outcome.done.returncode == 1
    assert "Traceback" not in outcome.done.stderr
    assert outcome.cells.keys() == outcome.runs.keys() == {*HEALTHY, *FAULTS}


@pytest.mark.parametrize("name", HEALTHY)
def test_the_others_are_well(outcome: Outcome, name: str) -> None:
    cell = outcome.cells[name]
    assert (cell["outcome"], cell["phase"], cell["message"]) == ("ok", None, None)
    windows = outcome.runs[name].profiles  # in a closed loop's, a busy machine may send nothing
    assert [w.facts.profile.name for w in windows] == ["steady", "saturated"]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_with_its_phase(outcome: Outcome, name: str) -> None:
    phase, sentence = FAULTS[name]
    cell = outcome.cells[name]
    assert cell["outcome"] == "failed"
    assert cell["phase"] == phase
    assert sentence in cell["message"]
    assert f"{name} on noop, round 1: failed ({phase}): " in outcome.done.stderr
    assert "INVALID" in {finding["verdict"] for finding in cell["findings"]}
    failure = outcome.runs[name].facts.failure
    assert failure is not None
    assert failure.message == cell["message"]


def test_the_end_of_the_log_is_kept(outcome: Outcome) -> None:
    for name, words in (("dies-at-start", "no model to be found"), ("dies-under-load", "dying")):
        run = outcome.runs[f"_fake-{name}"]
        assert run.facts.failure is not None
        assert f"fake: {words}" in run.facts.failure.log_tail
        assert f"fake: {words}" in run.log


def test_the_window_in_which_a_server_died_is_kept(outcome: Outcome) -> None:
    (window,) = outcome.runs["_fake-dies-under-load"].profiles
    requests = window.requests
    assert requests.ok.any()
    assert not requests.ok.all()
    kinds = {ERRORS[code] for code in requests.error[~requests.ok]}
    assert kinds <= {"disconnected", "connect", "timeout"}
    assert (requests.due_ns >= 0).all(), "every request that was due has its row"


def test_the_windows_of_a_server_that_hangs_are_kept(outcome: Outcome) -> None:
    steady, saturated = outcome.runs["_fake-hangs"].profiles
    assert 0 < steady.requests.ok.sum() < len(steady.requests)
    assert {ERRORS[code] for code in saturated.requests.error} == {"timeout"}


def test_answers_that_turn_wrong_under_load_are_invalid(outcome: Outcome) -> None:
    found = {f["name"]: f for f in outcome.cells["_fake-wrong-later"]["findings"]}
    assert found["wrong-answers"]["verdict"] == "INVALID"
    assert "checked answers are not the reference's" in found["wrong-answers"]["message"]
    assert sum(w.facts.wrong for w in outcome.runs["_fake-wrong-later"].profiles) > 0


def test_a_slow_server_is_right_and_as_slow_as_it_is(outcome: Outcome) -> None:
    run = outcome.runs["_fake-slow"]
    assert np.percentile(run.profiles[0].requests.response_ns(), 50) >= 40e6
    assert not [f for f in outcome.cells["_fake-slow"]["findings"] if f["name"] == "wrong-answers"]


def test_what_a_server_leaves_behind_is_ended_and_told(outcome: Outcome) -> None:
    stop = outcome.runs["_fake-daemon"].facts.stop
    assert stop is not None
    assert (stop.orphans, stop.killed) == (1, 1)
    found = {f["verdict"] for f in outcome.cells["_fake-daemon"]["findings"]}
    assert {"note", "warning"} <= found


def test_nothing_keeps_running_and_no_temporary_file_is_left(outcome: Outcome) -> None:
    assert not outcome.left
    assert not list(outcome.sandbox.scratch.glob("harness-*"))
    assert not list(outcome.sandbox.results.rglob(".*"))


def test_an_invalid_cell_fails_a_strict_campaign(sandbox: Sandbox) -> None:
    arguments = ("--campaign", "c", "--strict", "--json")
    done = sandbox.harness("run", "_fake-wrong-later", *arguments)
    assert done.returncode == 1
    assert {cell["outcome"] for cell in json.loads(done.stdout)["cells"]} == {"ok"}


@pytest.mark.parametrize("how", ["missing", "uninstallable", "broken"])
def test_without_the_reference_nothing_can_run(sandbox: Sandbox, how: str) -> None:
    folder = sandbox.servers / "in-process"
    if how == "missing":
        for file in folder.iterdir():
            file.unlink()
    elif how == "uninstallable":
        (folder / "requirements.in").write_text("no-such-distribution\n")
        (folder / "requirements.txt").write_text(LOCK)
    else:
        (folder / "app.py").write_text("raise SystemExit('broken on purpose')\n")
    fakes.stored_campaign(sandbox.results / "earlier", [fakes.Fake()], rounds=1)
    done = sandbox.harness("run", "_fake", "--campaign", "c", **_offline(sandbox))
    assert done.returncode == 4
    assert "error: No benchmark could be prepared. " in done.stderr
    assert "Traceback" not in done.stderr
    assert not (sandbox.results / "c").exists()
    assert len(sandbox.runs("earlier")) == 1


@pytest.mark.parametrize("window", ["steady", "saturated"])
def test_a_generator_that_is_killed_leaves_its_window_as_lost(
    sandbox: Sandbox, window: str
) -> None:
    file = sandbox.benchmarks / "noop" / "benchmark.toml"
    short = {"steady": "duration_s = 0.5", "saturated": "duration_s = 0.3"}[window]
    file.write_text(file.read_text().replace(short, "duration_s = 4.0"))
    process = sandbox.start("run", "_fake", "--campaign", "c", "--rounds", "2", "--json")
    until_while(process, lambda: list(sandbox.results.glob("c/noop/null/round-1/run.json")))
    # It is verified and warm, and in the middle of that window.
    until_while(process, lambda: _calls(sandbox) > {"steady": 150, "saturated": 400}[window])
    (worker,) = [line for line in sandbox.processes() if "generator.worker" in line]
    os.kill(int(worker.partition(":")[0]), signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=LONG_S)
    assert process.returncode == 0, stderr
    assert "Traceback" not in stderr
    cells = {(cell["variant"], cell["round"]): cell for cell in json.loads(stdout)["cells"]}
    lost = {
        key: found["message"]
        for key, cell in cells.items()
        for found in cell["findings"]
        if (found["name"], found["verdict"]) == ("worker-lost", "INVALID")
    }
    assert lost.keys() == {("_fake", 1)}
    assert lost["_fake", 1].startswith(f"{window}: the worker ")
    assert "was lost: it was killed (signal 9)" in lost["_fake", 1]
    runs = {(run.cell.variant_name, run.cell.round): run for run in sandbox.runs("c").values()}
    for key in (("_fake", 1), ("_fake", 2), ("null", 2), ("in-process", 2)):
        assert [w.facts.profile.name for w in runs[key].profiles] == ["steady", "saturated"], key
    kept = {w.facts.profile.name: w for w in runs["_fake", 1].profiles}
    gone = kept.pop(window)
    assert {ERRORS[code] for code in gone.requests.error} <= {"lost"}, "its one process fired it"
    (other,) = kept.values()
    assert other.facts.is_whole
    assert other.requests.ok.any(), "the next window has a process of its own"
    assert not sandbox.processes()


@pytest.mark.parametrize("others", [False, True])
def test_a_rate_beyond_the_ceiling_is_refused_before_it_is_fired(
    sandbox: Sandbox, others: bool
) -> None:
    """Alone it is the end of the command; another benchmark goes on."""
    wanted = [w for name in (["noop", "mad"] if others else ["mad"]) for w in ("--benchmark", name)]
    shutil.copytree(sandbox.benchmarks / "noop", sandbox.benchmarks / "mad")
    file = sandbox.benchmarks / "mad" / "benchmark.toml"
    file.write_text(file.read_text().replace("rate_per_s = 200.0", "rate_per_s = 5e7"))
    done = sandbox.harness("run", "_fake", *wanted, "--campaign", "c", "--json")
    said = r"The profile 'steady' of mad asks for 50000000/s, but the ceiling of the generator on "
    assert re.search(said + r"this host is \d+/s", done.stderr)
    assert "Traceback" not in done.stderr
    if not others:
        assert done.returncode == 2
        assert not (sandbox.results / "c").exists()
        return
    assert done.returncode == 1
    cells = json.loads(done.stdout)["cells"]
    assert {c["benchmark"]: c["phase"] for c in cells} == {"noop": None, "mad": "provision"}
    assert all("this host is" in c["message"] for c in cells if c["benchmark"] == "mad")


def _calls(sandbox: Sandbox) -> int:
    """How often the server under way has called its predictor."""
    files = sandbox.scratch.glob("harness-*/cell/calls/*.bin")
    return sum(file.stat().st_size for file in files) // CALL.size


# The disk: a file system of its own, which only its namespace sees.

PREFIXES = (["unshare", "--mount"], ["unshare", "--map-root-user", "--mount"])
FILL = (
    'head -c "$(($(df --output=avail -B1 {results} | tail -1) - 150000))" /dev/zero >{results}/fill'
)
ON_TMPFS = """
set -eu
mount -t tmpfs -o size=4m tmpfs {results}
cp -a {earlier} {results}/earlier
{before}
code=0
{python} -m harness run _fake --campaign c --rounds 9 || code=$?
cp -a {results}/. {copy}/
exit "$code"
"""


def _mounting() -> list[str]:
    for prefix in PREFIXES:
        tried = subprocess.run(
            [*prefix, "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False
        )
        if tried.returncode == 0:
            return prefix
    pytest.skip("this user may neither mount a file system nor make a namespace to do so in")


def _on_tmpfs(sandbox: Sandbox, before: str) -> tuple[subprocess.CompletedProcess[str], Path]:
    """Run a campaign whose results lie on a file system of their own; a copy of what it kept."""
    prefix = _mounting()
    earlier = fakes.stored_campaign(sandbox.root / "earlier", [fakes.Fake()], rounds=1)
    copy = sandbox.root / "copy"
    for folder in (sandbox.results, copy):
        folder.mkdir()
    words = {
        "results": shlex.quote(str(sandbox.results)),
        "earlier": shlex.quote(str(earlier)),
        "python": shlex.quote(sys.executable),
        "copy": shlex.quote(str(copy)),
    }
    script = ON_TMPFS.format(**words, before=before.format(**words))
    done = subprocess.run(
        [*prefix, "sh", "-c", script],
        cwd=paths.PROJECT,
        env=sandbox.environment,
        capture_output=True,
        text=True,
        timeout=LONG_S,
        check=False,
    )
    return done, copy


def test_a_full_disk_ends_the_campaign_and_keeps_what_was_stored(sandbox: Sandbox) -> None:
    presets = sandbox.benchmarks / "presets.toml"
    presets.write_text(presets.read_text().replace("profiles = []", 'profiles = ["steady"]'))
    done, copy = _on_tmpfs(sandbox, FILL)
    assert done.returncode == 1, done.stderr
    (error,) = [line for line in done.stderr.splitlines() if line.startswith("error: ")]
    assert "The disk is full: nothing more can be stored in " in error
    assert "continue with --resume" in error
    assert "Traceback" not in done.stderr

    plan = store.read_campaign(copy / "c")
    kept_runs = [store.read_run(place) for _, place in store.stored(copy / "c", plan.cells)]
    assert 1 <= len(kept_runs) < len(plan.cells)
    assert [run.cell for run in kept_runs] == list(plan.cells[: len(kept_runs)])
    assert not list(copy.rglob(".*")), "no half-written cell is left"
    earlier = store.read_campaign(copy / "earlier")
    assert [store.read_run(place) for _, place in store.stored(copy / "earlier", earlier.cells)]
    assert not list(sandbox.scratch.glob("harness-*"))
    assert not sandbox.processes()


def test_results_that_cannot_be_written_are_found_out_at_once(sandbox: Sandbox) -> None:
    done, copy = _on_tmpfs(sandbox, "mount -o remount,ro {results}")
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        f"error: {sandbox.results / 'c'} can't be written: Read-only file system."
    ]
    assert [folder.name for folder in copy.iterdir()] == ["earlier"]
