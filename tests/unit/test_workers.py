"""The law of several workers' queue, from windows of servers whose truth is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from harness.queues import queueing
from harness.queues.law import Law
from harness.queues.queueing import Queue
from harness.search import search, tallying
from harness.setup.slo import parse
from harness.stored.records import Window
from harness.windows import overlap
from harness.windows.samples import MISSING, Calls, calls_of
from tests import workers
from tests.in_turn import ALONE, SATURATED
from tests.workers import Workers

SLO = parse("p99<50ms")


def windows_of(server: Workers, rate: float, seconds: float = 4.0) -> list[Window]:
    loaded = [server.poisson(rate, seconds, seed) for seed in range(4)]
    return [server.closed(SATURATED), *loaded]


def of(server: Workers, rate: float) -> Queue | None:
    return queueing.of_windows(windows_of(server, rate), server.closed(ALONE), SLO)


def calls(*spans: tuple[float, float]) -> Calls:
    """Calls from the one moment to the other."""
    start, end = np.array(spans).T.astype(np.int64)
    return calls_of(start, end - start, np.ones_like(start), np.zeros_like(start))


@pytest.mark.parametrize(
    ("spans", "most"),
    [
        ([(0, 5)], 1),
        ([(0, 5), (5, 9)], 1),
        ([(0, 5), (4, 9), (9, 12)], 2),
        ([(4, 9), (0, 20), (5, 6), (9, 12)], 3),
        ([(3, 3), (3, 3)], 1),
    ],
)
def test_how_many_calls_ran_at_once(spans: list[tuple[float, float]], most: int) -> None:
    assert overlap.most(calls(*spans)) == most


def test_who_is_overtaken_and_for_how_long() -> None:
    start = np.array([0.0, 9.0, 4.0, 6.0, 20.0, 21.0])
    assert overlap.overtaken_ns(start).tolist() == [0.0, 5.0, 0.0, 0.0, 0.0, 0.0]


# Of workers that share CPUs, each is slower while others work: no recursion has that, but its
# capacity is that of the speed at which all of them work. Requests that are dealt out in rotation
# wait as in one queue, where the model takes about as long each time.
@pytest.mark.parametrize(
    "server",
    [
        Workers(),
        Workers(workers=3, beside_ms=4.0),
        Workers(jitter_ms=1.0),
        Workers(cpus=1),
        Workers(workers=4, cpus=2),
        Workers(queue="in rotation"),
    ],
    ids=str,
)
def test_the_capacity_is_that_of_a_long_simulation(server: Workers) -> None:
    truth = workers.true_capacity(server, SLO)
    found = of(server, 0.85 * truth)
    assert found is not None
    assert isinstance(found.law, Law)
    assert found.law.shape.workers == server.workers
    off = 0.05 if server.cpus > server.workers else 0.1
    assert found.under_load().capacity(SLO) == pytest.approx(truth, rel=off)


def test_exponential_times_have_the_capacity_of_a_long_simulation() -> None:
    server, slo = Workers(spread="exponential", around_ms=0.2, beside_ms=0.0), parse("p95<50ms")
    truth = workers.true_capacity(server, slo)
    found = queueing.of_windows(windows_of(server, 0.9 * truth, 8.0), server.closed(ALONE), slo)
    assert found is not None
    assert found.under_load().capacity(slo) == pytest.approx(truth, rel=0.08)


def test_the_saturated_window_says_for_how_long_each_worker_is_occupied() -> None:
    found = of(Workers(), 140.0)
    assert found is not None
    assert found.law.occupied_ns == pytest.approx(9 / 8, rel=0.02)
    assert found.excess == pytest.approx(1.0, rel=0.02)


# A queue of each worker's own, an order other than that of arrival, and slow calls that come
# together: the law of one queue would be off by a tenth, by half, or by more.
@pytest.mark.parametrize(
    "server",
    [
        Workers(queue="at random"),
        Workers(queue="at random", workers=4),
        Workers(queue="at random", spread="constant"),
        Workers(queue="by connection"),
        Workers(queue="by connection", workers=3),
        Workers(queue="by connection", spread="exponential"),
        Workers(queue="in rotation", spread="exponential"),
        Workers(queue="unordered"),
        Workers(queue="unordered", workers=4, jitter_ms=2.0),
        Workers(spread="phases"),
    ],
    ids=str,
)
@pytest.mark.parametrize("load", [0.6, 0.85])
def test_what_is_not_one_queue_has_no_law(server: Workers, load: float) -> None:
    each_ms = server.model_ms + server.around_ms + server.jitter_ms
    assert of(server, load * server.workers * 1e3 / each_ms) is None


def merged(each: Window) -> Window:
    batch = each.calls.batch.copy()
    batch[::10] = 2
    return replace(each, calls=replace(each.calls, batch=batch))


def split_in_two(each: Window) -> Window:
    """Each request is two calls at once."""
    twice = {name: np.repeat(getattr(each.calls, name), 2) for name in Calls.__slots__}
    return replace(each, calls=Calls(**twice))


def without_cpu_time(each: Window) -> Window:
    unknown = np.full_like(each.calls.thread_cpu_ns, MISSING)
    return replace(each, calls=replace(each.calls, thread_cpu_ns=unknown))


@pytest.mark.parametrize("change", [merged, split_in_two, without_cpu_time])
def test_calls_that_overlap_for_another_reason_have_no_law(
    change: Callable[[Window], Window],
) -> None:
    server = Workers()
    windows = [change(each) for each in windows_of(server, 140.0)]
    assert queueing.of_windows(windows, change(server.closed(ALONE)), SLO) is None


def test_of_as_many_workers_as_callers_there_may_be_more() -> None:
    server = Workers(workers=4)
    loaded = [server.poisson(360.0, 3.0, seed) for seed in range(3)]
    for callers, count in ((4, None), (5, 4)):
        windows = [server.closed(replace(SATURATED, concurrency=callers)), *loaded]
        assert overlap.workers(windows) == count
        found = queueing.of_windows(windows, server.closed(ALONE), SLO)
        assert (found is not None) == (count is not None)


def test_one_more_call_at_once_than_when_saturated_is_not_explained() -> None:
    few, more = Workers(workers=1), Workers(workers=2)
    windows = [few.closed(SATURATED), *(more.poisson(140.0, 4.0, seed) for seed in range(4))]
    assert queueing.of_windows(windows, more.closed(ALONE), SLO) is None


@pytest.mark.parametrize("rate", [None, 5.0])
def test_where_no_request_was_seen_to_wait_there_is_no_law(rate: float | None) -> None:
    server = Workers()
    windows = [server.closed(SATURATED)]
    if rate is not None:
        windows.append(server.poisson(rate, 20.0, 1))
    assert queueing.of_windows(windows, server.closed(ALONE), SLO) is None


def test_the_search_comes_to_lie_around_the_capacity() -> None:
    """The steady window shows no queue; the first probes do."""
    server = Workers()
    truth = workers.true_capacity(server, SLO)
    steady = [server.poisson(0.1 * truth, 6.0, 50), server.closed(SATURATED)]
    assert queueing.capacity(steady, server.closed(ALONE), SLO) is None
    found: list[Window] = []
    rates = []
    for number in range(6):
        likely = queueing.capacity([*steady, *found], server.closed(ALONE), SLO)
        tallies = tallying.counted(found, SLO)
        if likely is None or likely.rate_per_s is None:
            look = search.look(tallies, SLO, 0.5 * truth, 5_000.0, 40.0)
        else:
            look = search.around(likely.rate_per_s, number, tallies, SLO, 40.0)
        if look is None:
            break
        rates.append(look.rate_per_s)
        found.append(server.poisson(look.rate_per_s, look.duration_s, number))
    assert all(rate == pytest.approx(truth, rel=0.15) for rate in rates[2:])
    assert len(rates) > 2
