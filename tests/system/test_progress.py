"""How a campaign shows its progress: live on a terminal, plain lines in a log."""

from __future__ import annotations

import contextlib
import os
import pty
import subprocess
import sys

import pytest

from harness import paths
from harness.cli._progress import Estimate, clock
from tests.fakes import Fake, campaign
from tests.system.sandbox import Sandbox

CLOCKS = {0: "0:00", 59.9: "0:59", 60: "1:00", 754: "12:34"}


@pytest.mark.parametrize(("seconds", "shown"), CLOCKS.items())
def test_time_left_is_shown_in_minutes_and_seconds(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_the_estimate_ends_with_the_last_cell() -> None:
    fakes = [Fake("a"), Fake("b")]
    planned = campaign(fakes, rounds=1)
    estimate = Estimate(planned, already=0)
    before = estimate.left_s()
    windows_s = sum(p.duration_s for p in planned.benchmarks["sentiment"].profiles)
    assert before > 2 * windows_s
    estimate.done()
    assert 0 <= estimate.left_s() < before
    estimate.done()
    assert estimate.left_s() == 0


@pytest.mark.slow
def test_a_terminal_gets_a_live_display_and_a_log_does_not(sandbox: Sandbox) -> None:
    terminal, its_end = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "harness", "run", "_fake", "--campaign", "live"],
        cwd=paths.PROJECT,
        env={**sandbox.environment, "TERM": "xterm", "COLUMNS": "100"},
        stdout=subprocess.PIPE,
        stderr=its_end,
        text=True,
    )
    os.close(its_end)
    shown = b""
    with contextlib.suppress(OSError):  # the terminal has hung up: the command has ended
        while data := os.read(terminal, 65536):
            shown += data
    os.close(terminal)
    out, _ = process.communicate()
    assert process.returncode == 0, shown.decode(errors="replace")
    assert b"in-process on noop, round 1: " in shown
    assert b" left" in shown
    assert b"\x1b[" in shown
    assert "\x1b" not in out
    again = sandbox.harness("run", "_fake", "--campaign", "log")
    assert "[3/3] _fake on noop, round 1: " in again.stderr
    assert "\x1b" not in again.stderr
