"""Interruptions: what finished is stored, nothing keeps running, `--resume` does the rest."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from harness.base import marks
from tests.system.sandbox import LONG_S, Sandbox, until, until_while

pytestmark = pytest.mark.slow
ROUNDS = 2
CELLS = 3 * ROUNDS


def _begun(sandbox: Sandbox) -> subprocess.Popen[str]:
    """A campaign that has stored its first cell."""
    process = sandbox.start("run", "_fake", "--campaign", "c", "--rounds", str(ROUNDS))
    until_while(process, lambda: list(sandbox.results.glob("c/noop/*/round-*/run.json")))
    assert process.poll() is None
    return process


def _stamps(sandbox: Sandbox) -> dict[Path, tuple[int, int]]:
    return {
        file: (file.stat().st_ino, file.stat().st_mtime_ns)
        for place in sandbox.places("c").values()
        for file in place.iterdir()
    }


def _resume(sandbox: Sandbox) -> None:
    """Go on, and see that only what was missing was measured."""
    before = _stamps(sandbox)
    already = len(sandbox.runs("c"))
    assert 1 <= already < CELLS
    done = sandbox.harness("run", "--resume", "c")
    assert done.returncode == 0, done.stderr
    assert f"{CELLS} cells, {already} already stored" in done.stderr
    assert len(sandbox.runs("c")) == CELLS
    after = _stamps(sandbox)
    assert {file: after[file] for file in before} == before
    assert not list(sandbox.results.rglob(".*"))
    assert (sandbox.reports / "c" / "index.html").exists()


def _interrupted(sandbox: Sandbox, process: subprocess.Popen[str]) -> None:
    _, stderr = process.communicate(timeout=LONG_S)
    assert process.returncode == 130, stderr
    assert not sandbox.processes()
    assert "Continue with: python -m harness run --resume c" in stderr
    assert "Traceback" not in stderr
    assert not list(sandbox.scratch.glob("harness-*"))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_an_interrupted_campaign_is_gone_on_with(sandbox: Sandbox, number: signal.Signals) -> None:
    process = _begun(sandbox)
    process.send_signal(number)
    _interrupted(sandbox, process)
    _resume(sandbox)


@pytest.mark.parametrize(
    ("first", "second"),
    [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)],
    ids=lambda s: s.name,
)
def test_an_impatient_second_signal_does_not_cut_the_stopping_short(
    sandbox: Sandbox, first: signal.Signals, second: signal.Signals
) -> None:
    process = sandbox.start("run", "_fake-daemon", "--campaign", "c", "--rounds", "3")
    until_while(process, lambda: list(sandbox.results.glob("c/noop/null/round-*/run.json")))
    # Its child ignores SIGTERM, so that stopping it takes long enough for a second signal.
    until_while(process, lambda: [line for line in sandbox.processes() if "SIG_IGN" in line])
    process.send_signal(first)
    until(lambda: not [line for line in sandbox.processes() if "python app.py" in line])
    process.send_signal(second)
    _interrupted(sandbox, process)


def test_an_interrupted_preparation_leaves_nothing(sandbox: Sandbox) -> None:
    process = sandbox.start("run", "_fake", "--campaign", "c")
    until_while(process, lambda: [x for x in sandbox.processes() if "app.py" in x])
    process.send_signal(signal.SIGINT)
    _, stderr = process.communicate(timeout=LONG_S)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == "Interrupted. Finished runs are stored."
    assert not sandbox.processes()
    assert not (sandbox.results / "c").exists()


def test_an_interruption_of_an_import_has_the_exit_code_too(tmp_path: Path) -> None:
    # The making of a dataclass runs text; an exact KeyboardInterrupt there ends Python by SIGINT.
    text = "exec('harness.cli._interrupts._interrupt()')"
    program = f"import harness.cli; harness.cli.cli.main = lambda **_: {text}; harness.cli.main()"
    (tmp_path / "interrupted.py").write_text(program)
    done = subprocess.run(
        [sys.executable, "-m", "interrupted"], cwd=tmp_path, capture_output=True, check=False
    )
    assert done.returncode == 130
    assert done.stderr == b"Interrupted.\n"


def test_a_killed_harness_takes_its_servers_and_generators_along(sandbox: Sandbox) -> None:
    process = _begun(sandbox)
    until_while(process, lambda: [x for x in sandbox.processes() if "python app.py" in x])
    process.kill()
    process.communicate()
    until(lambda: not sandbox.processes())
    half_written = next(iter(sandbox.places("c").values())).parent / ".part-killed"
    marks.make(half_written)
    (half_written / "requests.parquet").write_bytes(b"PAR1")
    _resume(sandbox)
    assert not half_written.exists()


def test_one_campaign_at_a_time(sandbox: Sandbox) -> None:
    first = sandbox.start("run", "_fake", "--campaign", "c")
    until_while(first, lambda: [x for x in sandbox.processes() if "app.py" in x])
    second = sandbox.harness("run", "_fake", "--campaign", "d")
    assert second.returncode == 2
    assert second.stderr.splitlines() == [
        f"error: Another campaign is measuring on this machine (process {first.pid}). "
        "Two campaigns at once would distort each other: wait until it ends."
    ]
    assert not (sandbox.results / "d").exists()
    _, stderr = first.communicate(timeout=LONG_S)
    assert first.returncode == 0, stderr
    assert len(sandbox.runs("c")) == 3
