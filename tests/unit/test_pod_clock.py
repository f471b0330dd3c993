"""The clocks of a pod's node, between two readings of ours."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from harness.base.errors import LaunchError
from harness.measure.launch.kubernetes import pod_clock
from harness.measure.launch.kubernetes.pod_clock import THIS_MACHINE

AHEAD_NS = 7_000_000_000_000
BOOT = Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def _node(boot: str, ahead_ns: int = 0, off_ns: int = 0) -> str:
    return f"{time.monotonic_ns() + ahead_ns} {time.time_ns() + off_ns} {boot}"


def test_one_kernel_has_one_clock() -> None:
    assert pod_clock.asked(lambda: _node(BOOT)) == THIS_MACHINE


def test_another_host_s_clocks_are_known_to_half_the_shortest_reading() -> None:
    found = pod_clock.asked(lambda: _node("other", AHEAD_NS, -3_500_000_000))
    clock = found.monotonic
    assert abs(clock.offset_ns - AHEAD_NS) <= clock.uncertainty_ns
    assert found.off_s == pytest.approx(-3.5, abs=0.1)


def test_a_machine_within_this_one_has_clocks_of_its_own() -> None:
    # The same boot id is there to be read, and the clock began later all the same.
    found = pod_clock.asked(lambda: _node(BOOT, -AHEAD_NS))
    assert abs(found.monotonic.offset_ns + AHEAD_NS) <= found.monotonic.uncertainty_ns


@pytest.mark.parametrize("said", ["", "soon", "1 2", "a b c"])
def test_what_is_no_clock_is_said(said: str) -> None:
    with pytest.raises(LaunchError, match="A pod's clock can't be read"):
        pod_clock.asked(lambda: said)
