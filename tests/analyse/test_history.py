"""Change points: a step is found, quiet nights stay quiet, and the host is told from a variant."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

import bench_history
from bench_history import Noise
from harness.analyse.campaigns import history, steps
from harness.analyse.campaigns.history import ChangePoint
from harness.analyse.campaigns.series import night_values
from tests.generated import GROUND, Made, generate

VARIANTS = 6
NOTHING = np.empty((0, 0))


def found(seed: int, made: Made) -> list[ChangePoint]:
    return list(history.of_nights(generate(seed, made), [made.metric]).changes)


def test_a_step_of_5_percent_is_found_within_5_nights() -> None:
    late = [
        bench_history.step_found(
            np.random.default_rng((1, seed)),
            bench_history.by_harness,
            VARIANTS,
            math.log1p(0.05),
            Noise(),
        )
        for seed in range(20)
    ]
    assert sum(0 < nights <= 5 for nights in late) >= 17


def test_a_hundred_quiet_nights_have_at_most_one_false_alarm() -> None:
    alarms = [
        bench_history.false_alarms(
            np.random.default_rng((2, seed)), bench_history.by_harness, VARIANTS, Noise()
        )
        for seed in range(4)
    ]
    assert np.mean(alarms) <= 1
    assert sum(count <= 1 for count in alarms) >= 3


def test_a_step_of_the_host_is_the_hosts() -> None:
    noise = Noise(host=0.10, memory=0.5, step=math.log(1.4), after=15)
    named = 0
    for seed in range(10):
        told = found(seed, Made(count=55, noise=noise))
        assert [change.series.variant for change in told if change.cause != "host"] == []
        named += any(change.series.is_host and change.nights_ago in (13, 14, 15) for change in told)
    assert named >= 8


def test_without_the_canaries_the_same_step_would_be_everybodys() -> None:
    noise = Noise(host=0.10, memory=0.5, step=math.log(1.4), after=15)
    alone = 0
    for seed in range(10):
        ours, _ = bench_history.by_night(
            bench_history.nights(np.random.default_rng(seed), 55, 2, noise)
        )
        alone += bool(steps.fit(ours[0], np.empty((55, 0)), 1e-4).steps)
    assert alone >= 8


def test_a_change_says_when_how_much_and_since_which_version() -> None:
    made = Made(
        steps={"v1": (38, 0.10)},
        versions={"v1": (38, "1.1")},
        kernel=(38, "Linux 6.2"),
    )
    [change] = found(3, made)
    assert (change.series.variant, change.cause) == ("v1", "version")
    assert change.mark.campaign == "night-038"
    assert change.nights_ago == 6
    assert change.ratio == pytest.approx(1.10, abs=0.03)
    assert math.exp(change.step.low) < 1.10 < math.exp(change.step.high)
    assert change.what == ("Fake 1.0 → 1.1", "kernel Linux 6.1 → Linux 6.2")
    assert change.worse
    before, after = change.levels
    assert after / before == pytest.approx(change.ratio)


def test_the_same_step_of_a_throughput_is_better() -> None:
    made = Made(metric="throughput", steps={"v1": (38, 0.10)})
    [change] = found(3, made)
    assert (change.cause, change.worse) == ("variant", False)


def test_what_all_variants_do_and_no_canary_is_shared() -> None:
    everybody = {f"v{number}": (38, 0.10) for number in range(6)}
    told = found(4, Made(steps=everybody))
    assert {change.cause for change in told} == {"shared"}
    assert len(told) >= 5


def test_a_change_is_recent_for_some_nights_only() -> None:
    nights = generate(3, Made(steps={"v1": (38, 0.10)}))
    whole = history.of_nights(nights, ["latency_p50"])
    assert len(whole.recent(7)) == 1
    assert whole.recent(6) == ()


def test_what_came_back_is_two_changes() -> None:
    nights = generate(5, Made(count=60, steps={"v0": (30, 0.12)}))
    later = generate(5, Made(count=60))
    told = history.of_nights([*nights[:45], *later[45:]], ["latency_p50"]).changes
    assert [round(change.step.change, 1) for change in told] == [-0.1, 0.1]


@pytest.mark.parametrize("field", ["machine", "preset", "version", "device", "driver", "synthetic"])
def test_other_grounds_are_other_series(field: str) -> None:
    nights = generate(3, Made(steps={"v1": (38, 0.10)}))
    other = {
        **{"machine": "Another", "preset": "quick", "version": 2},
        **{"device": "gpu", "driver": "locust", "synthetic": True},
    }
    moved = [
        replace(night, grounds={"sentiment": replace(GROUND, **{field: other[field]})})  # type: ignore[arg-type]
        for night in nights[38:]
    ]
    told = history.of_nights([*nights[:38], *moved], ["latency_p50"])
    assert told.changes == ()
    assert {len(series.marks) for series in told.series} == {38, 7}


def test_other_versions_of_a_canary_are_other_series() -> None:
    made = Made(steps={"null": (38, 0.5)}, versions={"null": (38, "1.1")})
    assert found(3, made) == []


def test_a_night_without_a_canary_is_left_out() -> None:
    nights = generate(3, Made(count=20))
    nights[7] = replace(nights[7], rows=tuple(r for r in nights[7].rows if r.variant != "null"))
    series = history.of_nights(nights, ["latency_p50"]).series
    assert {len(one.marks) for one in series} == {19, 1}


def test_memory_is_not_set_beside_the_canaries() -> None:
    quiet = Noise(host=0.01, within=0.005, own=0.003)
    made = Made(metric="memory", steps={"v1": (38, 0.10)}, noise=quiet)
    whole = history.of_nights(generate(3, made), ["memory"])
    assert not any(series.is_host or series.raw.others.shape[1] for series in whole.series)
    assert [change.series.variant for change in whole.changes] == ["v1"]


def test_a_capacity_is_set_beside_the_canaries_throughput() -> None:
    rates = generate(3, Made(metric="throughput"))
    nights = [
        replace(
            night,
            rows=tuple(
                row
                if row.variant in ("null", "in-process")
                else replace(row, values={"capacity": row.values["throughput"]})
                for row in night.rows
            ),
        )
        for night in rates
    ]
    whole = history.of_nights(nights, ["capacity"])
    assert all(series.raw.others.shape[1] for series in whole.series)
    assert len(whole.series) == 6


@pytest.mark.parametrize("count", [0, 1, 2, 5, 7])
def test_too_few_nights_say_nothing(count: int) -> None:
    values = np.arange(count, dtype=float)
    fitted = steps.fit(values, np.empty((count, 0)), 0.01)
    assert fitted.steps == ()
    assert len(fitted.levels) == count


def test_a_series_that_never_moved_has_no_change() -> None:
    fitted = steps.fit(np.full(40, 2.0), np.full((40, 2), 1.0), 0.01)
    assert fitted.steps == ()
    assert fitted.levels == pytest.approx(2.0)


def test_a_lone_night_is_no_change() -> None:
    values = np.random.default_rng(0).normal(0, 0.01, 40)
    values[20] += 0.5
    assert steps.fit(values, np.empty((40, 0)), 1e-4).steps == ()


def test_less_than_the_least_change_is_none() -> None:
    values = np.random.default_rng(0).normal(0, 0.001, 40)
    values[20:] += 0.02
    assert steps.fit(values, np.empty((40, 0)), 1e-4).steps == ()


def test_rounds_that_the_host_slowed_are_no_part_of_a_night() -> None:
    canaries = np.array([[0.0, 0.5, 0.0, 0.0, 0.1], [1.0, 1.5, 1.0, 1.0, 1.1]])
    value, theirs = night_values(3 + canaries[0], canaries)
    assert theirs == pytest.approx([1 / 30, 1 + 1 / 30])
    assert value - theirs.mean() == pytest.approx(2.5)
