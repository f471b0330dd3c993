"""The law of a run's queue, from windows of servers whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.queues import queueing
from harness.queues.queueing import Queue
from harness.setup.slo import parse
from harness.stored.records import Window
from harness.windows.samples import Calls, empty
from tests.in_turn import ALONE, MS, SATURATED, InTurn

SLO = parse("p99<50ms")


def of(server: InTurn, seed: int = 0) -> Queue:
    windows = [server.closed(SATURATED)]
    windows += [server.poisson(75.0, 3.0, 10 * seed + number) for number in range(4)]
    found = queueing.of_windows(windows, server.closed(ALONE), SLO)
    assert found is not None
    return found


@pytest.mark.parametrize("beside_ms", [0.0, 0.5, 3.0])
def test_a_server_that_follows_the_law_is_seen_to(beside_ms: float) -> None:
    found = of(InTurn(beside_ms=beside_ms))
    assert found.unit_ns == pytest.approx(8 * MS, rel=0.02)
    assert found.law.occupied_ns == pytest.approx(9 / 8, rel=0.02)
    assert found.law.beside_ns == pytest.approx(beside_ms / 8, abs=0.02)
    assert found.excess == pytest.approx(1.0, rel=0.02)
    assert found.error is not None
    assert found.error < 0.03


@pytest.mark.parametrize("again_ms", [1.0, 2.0])
def test_one_that_keeps_the_next_out_for_longer_under_load_is_found(again_ms: float) -> None:
    found = of(InTurn(again_ms=again_ms))
    assert found.excess == pytest.approx((9 + again_ms) / 9, rel=0.03)


def test_the_speed_of_the_model_is_not_the_servers() -> None:
    slow, fast = of(InTurn(speed=0.8)), of(InTurn(speed=1.25))
    assert slow.unit_ns / fast.unit_ns == pytest.approx(1.25 / 0.8, rel=0.02)
    assert slow.law.occupied_ns == pytest.approx(fast.law.occupied_ns, rel=0.01)


def test_the_capacity_is_that_of_a_long_window() -> None:
    server = InTurn()
    expected = of(server).under_load().capacity(SLO)
    late = server.poisson(expected, 600.0, 5).requests.response_ns() > SLO.limit_ns
    assert 0.006 < late.mean() < 0.016


def merged(each: Window) -> Window:
    return replace(each, calls=replace(each.calls, batch=each.calls.batch * 2))


def at_once(each: Window) -> Window:
    return replace(each, calls=replace(each.calls, duration_ns=each.calls.duration_ns * 3))


def unseen(each: Window) -> Window:
    return replace(each, calls=empty(Calls))


@pytest.mark.parametrize("change", [merged, at_once, unseen])
def test_what_is_no_such_queue_has_no_law(change: Callable[[Window], Window]) -> None:
    server = InTurn()
    windows = [change(server.closed(SATURATED)), change(server.poisson(75.0, 3.0, 1))]
    assert queueing.of_windows(windows, None, SLO) is None
    assert queueing.capacity(windows[1:], None, SLO) is None


def test_without_a_law_a_queue_as_fast_as_the_saturated_server_says_where_to_look() -> None:
    server = InTurn()
    truth = of(server).under_load().capacity(SLO)
    windows = [unseen(server.closed(SATURATED)), unseen(server.poisson(0.95 * truth, 6.0, 1))]
    found = queueing.capacity(windows, None, SLO)
    assert found is not None
    assert found.rate_per_s == pytest.approx(truth, rel=0.15)


def test_without_random_arrivals_the_law_stands_alone() -> None:
    found = queueing.of_windows([InTurn().closed(SATURATED)], None, SLO)
    assert found is not None
    assert (found.occupied, found.excess, found.error) == (None, None, None)
    assert found.under_load().capacity(SLO) > 0


def test_a_stall_of_the_host_is_not_the_queues() -> None:
    server = InTurn()
    windows = [server.closed(SATURATED), *(server.poisson(75.0, 3.0, n) for n in range(4))]
    done = windows[1].requests.done_ns.copy()
    done[100:104] += int(300 * MS)
    stalled = replace(windows[1], requests=replace(windows[1].requests, done_ns=done))
    calm = queueing.of_windows(windows, None, SLO)
    found = queueing.of_windows([windows[0], stalled, *windows[2:]], None, SLO)
    assert calm is not None
    assert found is not None
    assert found.occupied == pytest.approx(calm.occupied, rel=0.02)


def test_a_clock_of_threads_that_is_too_coarse_is_not_used() -> None:
    server = InTurn()
    windows = [server.closed(SATURATED), *(server.poisson(75.0, 3.0, n) for n in range(4))]
    coarse = [
        replace(w, calls=replace(w.calls, thread_cpu_ns=w.calls.thread_cpu_ns * 0)) for w in windows
    ]
    found = queueing.of_windows(coarse, server.closed(ALONE), SLO)
    assert found is not None
    assert found.unit_ns == pytest.approx(8 * MS, rel=0.02)


def test_without_a_lone_caller_those_that_met_no_other_tell_what_is_beside() -> None:
    server = InTurn(beside_ms=3.0)
    windows = [server.closed(SATURATED), *(server.poisson(50.0, 3.0, n) for n in range(4))]
    found = queueing.of_windows(windows, None, SLO)
    assert found is not None
    assert found.law.beside_ns == pytest.approx(3 / 8, abs=0.03)


def test_a_model_that_is_the_least_of_it_says_nothing_of_the_queue() -> None:
    """Its short calls never overlap, however many requests are served at once."""
    server = InTurn(model_ms=0.1, around_ms=8.9)
    windows = [server.closed(SATURATED), server.poisson(75.0, 3.0, 1)]
    assert queueing.of_windows(windows, server.closed(ALONE), SLO) is None


def test_a_server_that_is_slower_only_while_saturated_has_no_law() -> None:
    """A quota of CPU time, say, which its other requests don't show."""
    server = InTurn()
    windows = [server.closed(SATURATED), *(server.poisson(75.0, 3.0, seed) for seed in range(4))]
    assert queueing.of_windows(windows, server.closed(ALONE), SLO) is not None
    held = windows[0].facts
    windows[0] = replace(windows[0], facts=replace(held, elapsed_s=2 * held.elapsed_s))
    assert queueing.of_windows(windows, server.closed(ALONE), SLO) is None
