"""What happened to the host between two moments."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from harness.measure.watch import host
from harness.measure.watch.moment import Moment, Watcher

S = 1_000_000_000
BEFORE = Moment(
    ticks=1000,
    idle=600,
    stolen=10,
    monotonic_ns=5 * S,
    boottime_ns=7 * S,
    realtime_ns=90 * S,
    swapped_in=100,
    swapped_out=200,
)


def after(
    seconds: float = 10, suspended: float = 0, step: float = 0, **counters: int | None
) -> Moment:
    """So many seconds later, by CLOCK_MONOTONIC."""
    gone, asleep, set_by = (int(value * S) for value in (seconds, suspended, step))
    return replace(
        BEFORE,
        monotonic_ns=BEFORE.monotonic_ns + gone,
        boottime_ns=BEFORE.boottime_ns + gone + asleep,
        realtime_ns=BEFORE.realtime_ns + gone + asleep + set_by,
        **counters,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("later", "suspended_s", "step_s"),
    [
        (after(), 0, 0),
        (after(suspended=30), 30, 0),  # the clock on the wall goes on meanwhile: no step
        (after(step=2.5), 0, 2.5),
        (after(step=-1), 0, -1),
        (after(suspended=30, step=0.5), 30, 0.5),
    ],
)
def test_suspension_and_steps_are_told_apart(
    later: Moment, suspended_s: float, step_s: float
) -> None:
    seen = BEFORE.watch_until(later)
    assert (seen.suspended_s, seen.clock_step_s) == (suspended_s, step_s)


def test_shares_of_the_cpu_time() -> None:
    later = after(ticks=2000, idle=1200, stolen=110)
    assert BEFORE.stolen_until(later) == pytest.approx(0.1)
    assert BEFORE.busy_until(later) == pytest.approx(0.3)
    assert BEFORE.stolen_until(BEFORE) is None
    assert BEFORE.busy_until(BEFORE) is None


def test_swapped_pages() -> None:
    seen = BEFORE.watch_until(after(swapped_in=130, swapped_out=None))
    assert (seen.swapped_in, seen.swapped_out) == (30, None)


def test_this_host_has_moments() -> None:
    before, later = Moment.now(), Moment.now()
    seen = before.watch_until(later)
    assert abs(seen.suspended_s) < 0.01
    assert later.monotonic_ns > before.monotonic_ns
    assert 0 <= later.idle <= later.ticks


def test_frequencies_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = [[3000.0, 3100.0], [1000.0, 1100.0], []]
    monkeypatch.setattr(host, "frequencies_mhz", lambda _: shown.pop(0))
    watcher = Watcher((0, 1))
    for _ in range(3):
        watcher.sample()
    assert watcher.end()[1].mhz == (3050.0, 1050.0)


def test_a_cpu_that_does_not_exist_shows_nothing() -> None:
    assert host.frequencies_mhz([100_000]) == []


def test_the_clock_source_is_one_that_the_kernel_has() -> None:
    known = Path("/sys/devices/system/clocksource/clocksource0/available_clocksource")
    if known.exists():
        assert host.clock_source() in known.read_text().split()
    else:
        assert host.clock_source() is None
