"""How a campaign shows its progress: live on a terminal, plain lines in a log."""

from __future__ import annotations

import pytest

from harness.cli._progress import TimeLeft, clock
from tests.fakes import Fake, campaign
from tests.system.sandbox import Sandbox

CLOCKS = {0: "0:00", 59.9: "0:59", 60: "1:00", 754: "12:34"}


@pytest.mark.parametrize(("seconds", "shown"), CLOCKS.items())
def test_time_left_is_shown_in_minutes_and_seconds(seconds: float, shown: str) -> None:
    assert clock(seconds) == shown


def test_the_estimate_ends_with_the_last_cell() -> None:
    fakes = [Fake("a"), Fake("b")]
    planned = campaign(fakes, rounds=1)
    estimate = TimeLeft(planned, already=0)
    before = estimate.left_s()
    windows_s = sum(p.duration_s for p in planned.benchmarks["sentiment"].profiles)
    assert before > 2 * windows_s
    estimate.done()
    assert 0 <= estimate.left_s() < before
    estimate.done()
    assert estimate.left_s() == 0


@pytest.mark.slow
def test_a_terminal_gets_a_live_display_and_a_log_does_not(sandbox: Sandbox) -> None:
    done = sandbox.on_a_terminal("run", "_fake", "--campaign", "live")
    assert done.returncode == 0, done.stderr
    assert "in-process on noop, round 1: " in done.stderr
    assert " left" in done.stderr
    assert "\x1b[" in done.stderr
    assert "\x1b" not in done.stdout
    again = sandbox.harness("run", "_fake", "--campaign", "log")
    assert "[3/3] _fake on noop, round 1: " in again.stderr
    assert "\x1b" not in again.stderr
