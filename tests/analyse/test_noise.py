"""How much a metric moves where nothing has changed."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

import bench_noise
from harness.analyse.field import comparison
from harness.analyse.field.comparison import COLUMNS, Row
from harness.analyse.regression import noise
from harness.analyse.regression.noise import Noise
from harness.analyse.run import digest
from tests.fakes import Fake, stored_campaign


def rows(folder: Path, *fakes: Fake, rounds: int = 4) -> dict[str, Row]:
    digested = digest.of_campaign(stored_campaign(folder / "c", fakes, rounds))
    (found,) = comparison.compare(digested)
    return {row.variant: row for row in found.rows}


def test_chance_goes_beyond_the_smallest_change_in_one_case_of_fifty() -> None:
    rng = np.random.default_rng(3)
    beyond = 0
    for _ in range(2000):
        logs = 0.1 * rng.standard_normal((6, 5))
        known = noise.estimate({"x": [list(each) for each in logs]}, noise.BESIDE)["x"]
        mean = float(np.mean(0.1 * rng.standard_normal(5)))
        beyond += abs(mean) > math.log1p(known.smallest(5))
    assert beyond / 2000 == pytest.approx(0.02, abs=0.012)


def test_more_rounds_show_less() -> None:
    known = Noise(0.1, 30, noise.BESIDE)
    assert known.smallest(20) < known.smallest(5) < known.smallest(2)


def test_one_variant_that_is_noisier_than_the_others_does_not_hide_theirs() -> None:
    quiet = [[0.01, -0.01]] * 4
    alone = noise.estimate({"x": quiet}, noise.BESIDE)["x"]
    with_one = noise.estimate({"x": [*quiet, [0.5, -0.5]]}, noise.BESIDE)["x"]
    assert with_one.deviation == alone.deviation == pytest.approx(0.01, rel=0.25)
    assert (with_one.values, alone.values) == (10, 8)


def test_a_variant_beside_itself_is_quieter_than_its_own_next_round(tmp_path: Path) -> None:
    """The drift of the machine is in both of a pair, and not in two rounds."""
    found = rows(tmp_path, Fake("a", 8.0, drift=0.3), Fake("a-again", 8.0, drift=0.3))
    beside = noise.estimate(noise.beside([(found["a"], found["a-again"])]), noise.BESIDE)
    steps = noise.estimate(noise.next_rounds([*found.values()]), noise.NEXT_ROUND)
    assert beside["latency_p50"].deviation < 0.05 < 0.1 < steps["latency_p50"].deviation
    assert beside["latency_p50"].values == 4
    assert steps["latency_p50"].values == 6


def test_pairs_are_less_off_than_fresh_starts_lie_apart(tmp_path: Path) -> None:
    found = rows(tmp_path, Fake("a", 8.0, drift=0.3), Fake("a-again", 8.0, drift=0.3))
    medians = [noise.numbers(row, COLUMNS["latency_p50"]).values() for row in found.values()]
    apart = [max(values) / min(values) - 1 for values in medians]
    assert bench_noise.moved([*found.values()], "latency_p50") == pytest.approx(np.median(apart))
    off = bench_noise.off([(found["a"], found["a-again"])], "latency_p50")
    assert off is not None
    assert 0 < off < 0.05 < 0.2 < min(apart)
    assert bench_noise.moved([found["a"]], "gpu_memory") is None
    assert bench_noise.off([(found["a"], found["a-again"])], "gpu_memory") is None


def test_nothing_is_known_of_a_metric_that_nobody_has(tmp_path: Path) -> None:
    found = rows(tmp_path, Fake("a"), rounds=2)
    assert "gpu_memory" not in noise.estimate(noise.next_rounds([*found.values()]), "")


def test_failures_are_compared_by_what_did_not_fail(tmp_path: Path) -> None:
    found = rows(tmp_path, Fake("good"), Fake("bad", errors=0.04), rounds=2)
    metric = COLUMNS["error_rate"]
    assert set(noise.numbers(found["good"], metric).values()) == {100.0}
    logs = noise.logs(found["bad"], found["good"], metric, same_load=True)
    assert [round(math.exp(value), 2) for value in logs.values()] == [0.96, 0.96]
