"""How cost grows along an axis, and when nothing is said of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.field import growth
from harness.analyse.field.growth import COSTS, PointCost
from harness.analyse.run.context import RunContext
from harness.stored.records import Failure, Run, Setup
from harness.windows.profiles import Profile
from harness.windows.samples import calls_of, usage
from tests import fakes

CLOSED = Profile("saturated", "closed", 10.0, concurrency=8)


def point(value: int, cost: float | None, taken: int | None = None, invalid: str = "") -> PointCost:
    return PointCost(value=value, numbers=dict.fromkeys(COSTS, cost), taken=taken, invalid=invalid)


@pytest.mark.parametrize("exponent", [-1.0, 0.0, 0.5, 2.0])
def test_a_power_law_is_found(exponent: float) -> None:
    found = growth.growth([point(v, 3.0 * v**exponent) for v in (1, 2, 4, 8)], "p50_ms")
    assert found is not None
    assert found.exponent == pytest.approx(exponent, abs=1e-9)
    assert found.error == pytest.approx(0, abs=1e-9)
    assert found.points == 4


def test_the_error_is_the_usual_one_of_a_slope() -> None:
    # By hand: x = 0, 1, 2 (in units of log 2), y = 0, 3, 3: slope 1.5, residuals -0.5, 1, -0.5,
    # whose squares are 1.5 over one degree of freedom, over a spread of 2.
    found = growth.growth([point(1, 1.0), point(2, 8.0), point(4, 8.0)], "p50_ms")
    assert found is not None
    assert found.exponent == pytest.approx(1.5)
    assert found.error == pytest.approx((1.5 / 1 / 2) ** 0.5)


def test_two_points_say_nothing() -> None:
    two = [point(1, 1.0), point(2, 2.0)]
    assert growth.growth(two, "p50_ms") is None
    assert growth.note(two, "batch") == "2 points cannot show how cost grows: 3 are needed"


def test_what_does_not_count_is_left_out_and_named() -> None:
    points = [*(point(v, float(v)) for v in (1, 2, 4)), point(8, 999.0, invalid="it died")]
    found = growth.growth(points, "p50_ms")
    assert found is not None
    assert found.exponent == pytest.approx(1)
    assert growth.note(points, "batch") == "the points 8 do not count: it died"


def test_a_point_without_the_number_is_no_part_of_the_line() -> None:
    points = [*(point(v, float(v)) for v in (1, 2, 4)), point(8, None), point(16, 0.0)]
    found = growth.growth(points, "cpu_per_1000_s")
    assert found is not None
    assert found.points == 3


def test_an_axis_that_is_not_taken_has_no_growth() -> None:
    points = [point(v, float(v), taken=1) for v in (1, 2, 4)]
    said = growth.summary(points, "threads")
    assert said["growth"] == dict.fromkeys(COSTS)
    assert said["note"] == (
        "it does not take the axis threads: asked for 2 (it took 1), 4 (it took 1); any "
        "difference is chance"
    )


def swept(count: int = 1000, cpu_s: float = 2.0) -> Run:
    """A closed loop of 10 s whose requests take 10 ms each, and its server's CPU time."""
    sent = np.arange(count) * 10.0
    columns = fakes.requests(None, list(sent), list(sent + 10), [""] * count)
    run = fakes.exact_run((CLOSED, columns))
    each = np.arange(count)
    used = usage(np.array([0, 10**10]), cpu_ns=np.array([5 * 10**9, int((5 + cpu_s) * 1e9)]))
    calls = calls_of(each * 10**7, each * 0 + 1, each * 0 + 1, each % 2)
    window = replace(
        run.windows[0], usage=used, calls=calls, facts=replace(run.windows[0].facts, elapsed_s=10.0)
    )
    server = replace(run.facts.server, asked=Setup(2, 3, 4))
    facts = replace(run.facts, server=server, windows=(window.facts,), model_threads=(3, 3))
    return replace(run, facts=facts, windows=(window,))


def test_a_point_counts_predictions_and_not_requests() -> None:
    found = growth.point(RunContext(run=swept()), "batch", 4, 4)
    assert found.numbers == {
        "throughput_per_s": 400.0,
        "p50_ms": pytest.approx(10.0),
        "p99_ms": pytest.approx(10.0),
        "cpu_per_1000_s": 0.5,
    }
    assert (found.value, found.taken, found.invalid) == (4, None, "")


@pytest.mark.parametrize(("axis", "taken"), [("workers", 2), ("threads", 3), ("payload", None)])
def test_what_the_server_took_is_read_back(axis: str, taken: int | None) -> None:
    assert growth.point(RunContext(run=swept()), axis, 7, 1).taken == taken


def test_too_little_cpu_time_is_no_number() -> None:
    assert (
        growth.point(RunContext(run=swept(cpu_s=0.19)), "batch", 1, 1).numbers["cpu_per_1000_s"]
        is None
    )
    assert growth.point(RunContext(run=swept(cpu_s=0.21)), "batch", 1, 1).numbers["cpu_per_1000_s"]


def test_too_few_answers_have_no_p99() -> None:
    assert growth.point(RunContext(run=swept(399)), "batch", 1, 1).numbers["p99_ms"] is None


def test_a_run_that_failed_has_its_reason() -> None:
    run = swept()
    dead = replace(run, facts=replace(run.facts, windows=(), failure=Failure("launch", "No.")))
    found = growth.point(RunContext(run=replace(dead, windows=())), "batch", 2, 1)
    assert found.invalid == "No."
    assert set(found.numbers.values()) == {None}
