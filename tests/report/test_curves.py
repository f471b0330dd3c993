"""The numbers that go into each chart."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from harness.analyse.field import comparison
from harness.analyse.field.comparison import Row
from harness.analyse.run import digest
from harness.analyse.run.breakdown import Batches
from harness.analyse.run.digested import Digested
from harness.analyse.statistics import pareto
from harness.report.draw import batch_plot, colours, curves, drawing, scales
from harness.report.draw.curves import Offered
from harness.report.page import subjects
from harness.setup import slo
from harness.windows.profiles import Profile
from tests import fakes
from tests.fakes import Fake

STEADY = Profile("steady", "poisson", 10.0, rate_per_s=100.0)
SLO = slo.parse("p99<50ms")


def rows_of(*known: Fake, rounds: int = 2) -> tuple[Row, ...]:
    """The rows of a campaign of those fakes, without files."""
    plan = fakes.campaign(known, rounds)
    by_name = {fake.name: fake for fake in known}
    runs = (fakes.run(by_name[c.variant_name], c.round, c.benchmark, plan.id) for c in plan.cells)
    made = tuple(digest.of_run(run, plan, None) for run in runs)
    (found,) = comparison.compare(Digested(folder=None, campaign=plan, digests=made, damaged=()))  # type: ignore[arg-type]
    return found.rows


def timed(taken_ms: Any) -> Row:
    """The row of one run whose steady window has exactly those response times."""
    due = np.arange(len(taken_ms)) * 10.0
    columns = fakes.requests(list(due), list(due), list(due + np.asarray(taken_ms)))
    run = fakes.exact_run((STEADY, columns))
    plan = fakes.campaign([Fake()], 1)
    made = digest.of_run(run, plan, None)
    (found,) = comparison.compare(Digested(folder=None, campaign=plan, digests=(made,), damaged=()))  # type: ignore[arg-type]
    return found.rows[0]


def test_a_logarithmic_axis_has_each_value_in_its_place() -> None:
    axis = scales.log([1.0, 100.0])
    assert axis.low < 1 < 100 < axis.high
    middle = (axis.at(1.0) + axis.at(100.0)) / 2
    assert axis.at(10.0) == pytest.approx(middle)
    assert (axis.at(axis.low), axis.at(axis.high)) == pytest.approx((0, 1))
    assert [text for _, text in axis.ticks] == ["1", "2", "5", "10", "20", "50", "100"]


@pytest.mark.parametrize("high", [2.0, 30.0, 1e3, 1e5, 1e9, 1e15])
@pytest.mark.parametrize("most", [4, 8])
def test_an_axis_has_some_ticks_and_not_too_many(high: float, most: int) -> None:
    assert 1 <= len(scales.log([1.0, high], most).ticks) <= most


def test_values_that_no_logarithm_has_are_no_part_of_its_axis() -> None:
    assert scales.log([0.0, math.nan, math.inf, 5.0, 20.0]) == scales.log([5.0, 20.0])
    assert scales.log([]).ticks


@pytest.mark.parametrize("top", [0.003, 0.7, 1.0, 9.9, 26.0, 1234.0])
def test_a_linear_axis_begins_at_nothing_and_holds_all(top: float) -> None:
    axis = scales.linear([top / 2, top])
    assert axis.at(0.0) == 0
    assert 0.9 < axis.at(top) <= 1
    assert 3 <= len(axis.ticks) <= 7
    assert axis.ticks[0][1] == "0"
    steps = np.diff([value for value, _ in axis.ticks])
    assert steps == pytest.approx(steps[0])


@pytest.mark.parametrize(
    "values", [[5.0, 6.0], [-1.0, 3.0], [7.0], [0.0], [1e-5, 3e-5], [1e6, 1.2e6]]
)
def test_an_axis_about_values_has_room_beyond_them(values: list[float]) -> None:
    axis = scales.around(values)
    assert axis.low < min(values) <= max(values) < axis.high
    assert 1 <= len(axis.ticks) <= 6
    assert all(axis.low <= value <= axis.high for value, _ in axis.ticks)


def test_lines_go_from_the_top_to_the_bottom() -> None:
    axis = scales.lines(4)
    assert [axis.at(place + 0.5) for place in range(4)] == [0.875, 0.625, 0.375, 0.125]


def test_each_further_nine_takes_as_much_room() -> None:
    axis = scales.nines(0.9996)
    assert [text for _, text in axis.ticks] == ["0%", "50%", "90%", "99%", "99.9%"]
    at = [axis.at(share) for share in (0.0, 0.9, 0.99, 0.999)]
    assert np.diff(at) == pytest.approx(at[1])


@pytest.mark.parametrize(
    ("places", "moved"),
    [
        ([], []),
        ([50.0], [50.0]),
        ([10.0, 80.0], [10.0, 80.0]),
        ([50.0, 50.0, 50.0], [50.0, 60.0, 70.0]),
        ([60.0, 52.0], [62.0, 52.0]),
        ([98.0, 99.0], [90.0, 100.0]),
        ([-5.0, 200.0], [0.0, 100.0]),
        ([0.0] * 21, [5.0 * n for n in range(21)]),  # no more room than 5 for each
    ],
)
def test_names_are_moved_apart(places: list[float], moved: list[float]) -> None:
    assert scales.apart(places, 10.0, 0.0, 100.0) == pytest.approx(moved)


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([], []),
        ([(1.0, 1.0)], [0]),
        ([(2.0, 1.0), (1.0, 2.0), (2.0, 2.0)], [1, 0]),
        ([(1.0, 1.0), (2.0, 0.5), (3.0, 0.7), (4.0, 0.4)], [0, 1, 3]),
        ([(1.0, 1.0), (1.0, 2.0), (2.0, 1.0)], [0]),
        ([(1.0, 1.0), (1.0, 1.0)], [0, 1]),
    ],
)
def test_the_front_is_what_nothing_beats(
    points: list[tuple[float, float]], front: list[int]
) -> None:
    assert pareto.front(points) == front


def test_rates_that_are_nearly_the_same_are_one_point() -> None:
    points = [
        Offered(rate_per_s=100.0, time_ms=9.0, requests=1000, over=10),
        Offered(rate_per_s=103.0, time_ms=12.0, requests=3000, over=0),
        Offered(rate_per_s=102.0, time_ms=10.0, requests=0, over=0),
        Offered(rate_per_s=105.0, time_ms=30.0, requests=500, over=50),
    ]
    first, second = curves.merged(points)
    assert first.rate_per_s == pytest.approx(102.25)
    assert replace(first, rate_per_s=0.0) == Offered(
        rate_per_s=0.0, time_ms=10.0, requests=4000, over=10
    )
    assert second == points[-1]


def test_a_curve_has_no_more_points_than_are_seen() -> None:
    many = [
        Offered(rate_per_s=100 * 1.05**n, time_ms=float(n + 1), requests=10, over=0)
        for n in range(200)
    ]
    found = curves.merged(many)
    assert 20 <= len(found) <= curves.MOST
    assert sum(point.requests for point in found) == 2000
    assert [p.rate_per_s for p in found] == sorted(p.rate_per_s for p in found)


def test_the_offered_load_is_that_of_probes_and_of_the_steady_window() -> None:
    (row,) = rows_of(Fake("a", 8.0, capacity_per_s=300.0, drift=0.0))
    found = curves.offered(row, SLO)
    steady = next(point for point in found if point.rate_per_s == pytest.approx(120.0))
    spread = row.spreads["latency_p99"]
    assert spread is not None
    assert steady.time_ms == pytest.approx(spread.median, rel=1e-6)
    late = {point.rate_per_s / 300: point.over / point.requests for point in found}
    assert min(late) == pytest.approx(0.4)  # the steady window, at 120/s
    assert max(late) == pytest.approx(2.0)
    assert late[max(late)] > 0.9  # of what came twice as fast as it can serve
    assert late[min(late)] < 0.01


def test_what_does_not_count_is_no_part_of_the_curve() -> None:
    (row,) = rows_of(Fake("a", lag_ms=30.0, capacity_per_s=300.0))
    assert row.invalid
    assert curves.offered(row, SLO) == ()
    assert curves.distribution(row) is None


def test_a_ramp_has_no_one_rate() -> None:
    ramp = Profile("ramp", "ramp", 10.0, rate_per_s=50.0, rate_to_per_s=150.0)
    (row,) = rows_of(Fake("a", profiles=(ramp,)))
    assert curves.offered(row, SLO) == ()


def test_a_distribution_ends_where_too_few_answers_lie_beyond() -> None:
    times = np.arange(1.0, 1001.0) / 100  # 0.01 to 10 ms
    found = curves.distribution(timed(times))
    assert found is not None
    assert found.shares[-1] <= 0.996 + 1e-9  # 4 of 1000 beyond
    assert set(found.named) == {"p50", "p75", "p90", "p95", "p99"}
    for name, value in found.named.items():
        assert value == pytest.approx(10 * curves.SHARES[name], rel=0.01)
    assert len(found.shares) <= curves.MOST
    assert list(found.times_ms) == sorted(found.times_ms)


def test_a_distribution_names_the_same_numbers_as_the_table() -> None:
    (row,) = rows_of(Fake("a", 8.0))
    found = curves.distribution(row)
    assert found is not None
    for name in ("p50", "p95", "p99"):
        spread = row.spreads[f"latency_{name}"]
        assert spread is not None
        assert found.named[name] == spread.median


def test_the_ends_of_a_curve_are_kept_when_it_is_thinned() -> None:
    kept = curves.thinned(201)
    assert (kept[0], kept[-1], len(kept)) == (0, 200, curves.MOST)
    assert list(curves.thinned(3)) == [0, 1, 2]


def test_along_a_window_findings_are_put_to_their_rounds() -> None:
    (row,) = rows_of(Fake("a", 8.0, slows=2.0), rounds=2)
    found = curves.along(row, "steady")
    assert found is not None
    assert len(found.at_s) == len(found.median_ms) == len(found.p95_ms) <= curves.MOST
    assert found.median_ms[-1] > 1.5 * found.median_ms[0]
    assert [odd.number for odd in found.odd] == [1, 2]
    assert {f.name for odd in found.odd for f in odd.findings} == {"no-steady-state"}
    assert not any(odd.invalid for odd in found.odd)


def test_along_a_window_what_is_invalid_has_no_median_but_is_there() -> None:
    (row,) = rows_of(Fake("a", 8.0, lag_ms=30.0), rounds=1)
    found = curves.along(row, "steady")
    assert found is not None
    assert np.isnan(found.median_ms).all()
    (odd,) = found.odd
    assert odd.invalid
    assert np.isfinite(odd.median_ms).all()
    assert curves.along(row, "saturated") is None


def test_references_do_not_squeeze_the_others() -> None:
    values = {"null": 0.5, "in-process": 4.0, "a": 6.0, "b": 60.0}
    assert curves.in_sight(values, ["null", "in-process"]) == {"in-process", "a", "b"}
    rates = {"null": 4000.0, "in-process": 330.0, "a": 300.0, "b": 20.0}
    assert curves.not_beyond(rates, ["null", "in-process"]) == {"in-process", "a", "b"}
    assert curves.not_beyond({"null": 1.0}, ["null"]) == {"null"}


def test_few_variants_are_all_drawn_and_of_many_the_best_of_each_track() -> None:
    few = rows_of(*(Fake(f"v{n}", 5.0 + n) for n in range(10)), rounds=1)
    assert len(subjects.chosen(few)) == 10
    tracks = ("matched", "matched", "tuned")
    known = [Fake(f"v{n:02}", 5.0 + n, track=tracks[n % 3]) for n in range(30)]
    many = rows_of(*known, Fake("in-process", 4.0, reference=True), rounds=1)
    assert subjects.chosen(many) == {
        *("v00", "v01", "v03", "v04"),  # the best of matched
        *("v02", "v05", "v08", "v11"),  # of tuned
        "in-process",
    }


def test_a_framework_keeps_its_look_whatever_else_is_there() -> None:
    names = ["FastAPI", "Flask", "BentoML", "Triton", "KServe"]
    all_ = colours.of_frameworks(names)
    alone = {name: colours.of_frameworks([name])[name] for name in names}
    moved = [name for name in names if all_[name] != alone[name]]
    assert len(moved) <= 1  # where two names want the same place
    assert colours.of_frameworks(reversed(names)) == all_


def test_no_two_frameworks_look_the_same() -> None:
    found = colours.of_frameworks(f"framework {n} \ud800" for n in range(60))
    looks = [(look.slot, look.mark) for look in found.values()]
    assert len(set(looks)) == 60
    assert len({look.slot for look in list(found.values())[:16]}) == 16


def test_variants_of_a_framework_share_its_colour_and_not_its_line() -> None:
    rows = rows_of(
        Fake("a", framework="A"),
        Fake("a-batched", framework="A"),
        Fake("b", framework="B"),
        Fake("null", 0.5, framework="N", reference=True),
        rounds=1,
    )
    compared = comparison.Comparison(
        benchmark="sentiment", facts=None, rows=rows, ranked_by="latency_p99"
    )
    looks = colours.of_variants([compared])
    one, two, other = looks["a"], looks["a-batched"], looks["b"]
    assert (one.slot, one.mark) == (two.slot, two.mark)
    assert one.dash != two.dash
    assert one.slot != other.slot
    assert looks["null"].slot is None


def test_batches_are_shared_out_by_size() -> None:
    found = Batches("steady", ((1, 50), (3, 20), (4, 10), (40, 20)))
    assert dict(zip(batch_plot.titles(), batch_plot.parts(found), strict=True)) == {
        "1": 0.5,
        "2": 0,
        "3–4": pytest.approx(0.3),
        "5–8": 0,
        "9–16": 0,
        "17–32": 0,
        "over 32": 0.2,
    }


def test_a_disturbed_probe_counts_only_where_it_held() -> None:
    (row,) = rows_of(Fake("a", 8.0, capacity_per_s=300.0, profiles=()), rounds=1)
    (only,) = row.digests
    known = only.found
    assert known is not None
    held = tuple(replace(step, disturbed=True, ruling="holds") for step in known.steps)
    broke = tuple(replace(step, disturbed=True, ruling="broken") for step in known.steps)

    def rates(steps: Any) -> int:
        found = replace(only, found=replace(known, steps=steps))
        return len(curves.offered(replace(row, digests=(found,)), SLO))

    assert rates(held) == rates(known.steps) > 1
    assert rates(broke) == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (0.05, "0.05"), (2_000, "2,000"), (10_000, "10k"), (250_000, "250k"), (2e6, "2M")],
)
def test_large_values_on_an_axis_fit(value: float, text: str) -> None:
    assert scales.text(value) == text


def test_a_narrow_axis_has_two_values_at_least() -> None:
    assert [text for _, text in scales.log([0.19, 0.3]).ticks] == ["0.2", "0.25", "0.3"]


def test_a_line_is_said_by_the_way_from_spot_to_spot() -> None:
    nowhere = float("nan")
    spots = [(1.0, 2.0), (1.26, 1.5), (11.0, 1.5), (nowhere, 3.0), (5.0, 5.0), (4.96, 6.04)]
    assert drawing.path(spots) == "M1 2l.3-.5 9.7 0M5 5l0 1"
    assert drawing.path([]) == ""


def test_rounding_does_not_add_up_along_a_line() -> None:
    spots = [(n * 1.04, 0.0) for n in range(101)]
    steps = re.findall(r"-?\d*\.?\d+", drawing.path(spots).partition("l")[2])
    assert sum(map(float, steps[::2])) == pytest.approx(104.0)
