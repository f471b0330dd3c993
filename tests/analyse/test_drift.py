"""Healthy queues are left alone; overloaded ones, and servers that drift, are found.

Queues are simulated by Lindley's recursion, from seeds: what is tested is always the same.
"""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.run import drift
from harness.analyse.run.context import WindowContext
from harness.analyse.run.drift import Floats
from harness.analyse.run.findings import WINDOW_RULES
from harness.stored.records import Window, WindowFacts
from harness.windows.profiles import Profile
from harness.windows.samples import ERRORS, Calls, Ints, Requests, Usage, empty

SERVED_PER_S = 250.0
SEEDS = range(50)


def constant(place: Floats) -> Floats:
    return np.ones_like(place)


def slows(place: Floats) -> Floats:
    return 1 + place


def steps(place: Floats) -> Floats:
    return np.where(place < 0.6, 1.0, 2.0)


def warms(place: Floats) -> Floats:
    return 1 + 2 * np.exp(-5 * place)


def queue(
    seed: int,
    use: float,
    arrivals: int,
    *,
    cost: Callable[[Floats], Floats] = constant,
    regular: bool = False,
) -> Window:
    """A window on one server: Poisson arrivals, exponential service (or all alike)."""
    rng = np.random.default_rng(seed)
    rate = use * SERVED_PER_S
    duration_s = arrivals / rate
    due = np.cumsum(rng.exponential(1 / rate, int(1.3 * arrivals) + 50))
    due = due[due < duration_s]
    alike = np.ones(len(due)) if regular else rng.exponential(1, len(due))
    service = alike / SERVED_PER_S * cost(due / duration_s)
    work = np.cumsum(service)
    done = work + np.maximum.accumulate(due - work + service)
    due_ns, done_ns = (np.round(1e9 * column).astype(np.int64) for column in (due, done))
    facts = WindowFacts(
        profile=Profile("steady", "poisson", duration_s, rate_per_s=rate),
        elapsed_s=duration_s,
        generator_cpu_s=0,
        generator_cpus=1,
        steal_share=0,
        checked=0,
        wrong=0,
    )
    return Window(
        facts=facts, requests=answered(due_ns, done_ns), usage=empty(Usage), calls=empty(Calls)
    )


def answered(due_ns: Ints, done_ns: Ints) -> Requests:
    """Requests that were sent when they were due, and all answered rightly."""
    zeros = np.zeros(len(due_ns), np.int64)
    return Requests(
        payload=zeros,
        due_ns=due_ns,
        sent_ns=due_ns,
        first_byte_ns=done_ns,
        done_ns=done_ns,
        status=zeros + 200,
        error=zeros,
        queued=zeros,
        resent=zeros,
    )


def share(name: str, windows: list[Window]) -> float:
    """Of the windows, how many are doubted so."""
    judge = WINDOW_RULES[name]
    return sum(any(judge.rule(WindowContext(window=window))) for window in windows) / len(windows)


@pytest.mark.parametrize("arrivals", [500, 2000, 8000])
@pytest.mark.parametrize("use", [0.5, 0.7, 0.8, 0.9])
def test_healthy_queues_are_left_alone(use: float, arrivals: int) -> None:
    windows = [queue(seed, use, arrivals) for seed in SEEDS]
    assert share("overloaded", windows) <= 0.02
    few = 0.06 if (use, arrivals) == (0.9, 500) else 0.04  # hardly longer than one excursion
    assert share("no-steady-state", windows) <= few


@pytest.mark.parametrize("use", [1.1, 1.2, 1.5, 3.0])
@pytest.mark.parametrize("regular", [False, True])
def test_overload_is_found_with_the_rate_that_could_be_sustained(use: float, regular: bool) -> None:
    windows = [queue(seed, use, 10_000, regular=regular) for seed in SEEDS]
    assert share("overloaded", windows) == 1
    assert share("no-steady-state", windows) == 0, "one doubt is enough"
    for window in windows:
        found = drift.backlog(window.facts.profile, window.requests)
        assert found is not None
        assert found.sustained_per_s == pytest.approx(SERVED_PER_S, rel=0.05)


def test_a_short_window_shows_a_great_overload() -> None:
    assert share("overloaded", [queue(seed, 1.5, 500) for seed in SEEDS]) == 1


@pytest.mark.parametrize("cost", [slows, steps, warms])
def test_a_server_that_drifts_is_found(cost: Callable[[Floats], Floats]) -> None:
    windows = [queue(seed, 0.3, 2000, cost=cost) for seed in SEEDS]
    assert share("no-steady-state", windows) >= 0.75
    assert share("overloaded", windows) == 0


def test_what_timed_out_is_still_in_the_queue() -> None:
    window = queue(1, 1.5, 5000)
    columns = window.requests
    late = columns.done_ns - columns.due_ns > 1_000_000_000
    timed_out = replace(
        columns,
        done_ns=np.where(late, columns.due_ns + 1_000_000_000, columns.done_ns),
        error=np.where(late, ERRORS.index("timeout"), 0),
    )
    found = drift.backlog(window.facts.profile, timed_out)
    assert found is not None
    assert found.deviations > 2


def test_the_time_until_the_first_answers_is_no_growing_queue() -> None:
    """Two seconds for an answer, of a server that never keeps anybody waiting."""
    due = np.arange(1000) * 10_000_000
    requests = answered(due, due + 2_000_000_000)
    found = drift.backlog(Profile("steady", "constant", 10.0, rate_per_s=100.0), requests)
    assert found is not None
    assert abs(found.growth) < 2
    assert found.sustained_per_s == pytest.approx(100, rel=0.01)


def test_a_stall_is_no_trend() -> None:
    """A second in which nothing is answered: a tail, not a drift."""
    due = np.arange(2000) * 5_000_000
    done = np.where((due > 4e9) & (due < 5e9), 5_000_000_000, due) + 3_000_000
    requests = answered(due, done)
    profile = Profile("steady", "constant", 10.0, rate_per_s=200.0)
    backlog, latency = drift.backlog(profile, requests), drift.latency(profile, requests)
    assert backlog is not None
    assert backlog.deviations < 1
    assert latency is not None
    assert latency.ratio < 1.1


def test_too_few_answers_say_nothing() -> None:
    window = queue(1, 0.5, 150)
    assert drift.latency(window.facts.profile, window.requests) is None
    assert drift.backlog(window.facts.profile, window.requests) is None


def test_a_line_through_values_some_of_them_wild() -> None:
    values = 3.0 + 2.0 * np.arange(20.0)
    values[[3, 7, 11, 15]] = 1e6
    found = drift.line(np.asarray(values, np.float64))
    assert found == pytest.approx(3.0 + 2.0 * np.arange(20.0), rel=0.2)


@pytest.mark.parametrize(
    ("values", "low", "high"),
    [
        (np.arange(20.0), 0, 1e-8),
        (-np.arange(20.0), 0, 1e-8),
        (np.ones(20), 1, 1),
        (np.tile([1.0, 2.0], 10), 0.3, 1),
    ],
)
def test_mann_kendall(values: Floats, low: float, high: float) -> None:
    assert low <= drift.mann_kendall(values) <= high


def test_mann_whitney_sees_a_step() -> None:
    levels = np.repeat([1.0, 2.0], 10)
    wobble = np.tile([0.0, 0.1], 10)
    assert drift.mann_whitney(levels + wobble) < 0.002
    assert drift.mann_whitney(wobble) > 0.3


@pytest.mark.parametrize("every", [3, 10])
def test_what_a_quick_server_never_answers_waits_in_no_queue(every: int) -> None:
    def dropping(seed: int) -> Window:
        window = queue(seed, 0.5, 2000)
        columns = window.requests
        dropped = np.arange(len(columns)) % every == 0
        late_ns = columns.due_ns + 1_000_000_000
        requests = replace(
            columns,
            done_ns=np.where(dropped, late_ns, columns.done_ns),
            error=np.where(dropped, ERRORS.index("timeout"), 0),
            status=np.where(dropped, 0, 200),
        )
        return replace(window, requests=requests)

    assert share("overloaded", [dropping(seed) for seed in SEEDS]) == 0
