import numpy as np
import pytest

from harness.analyse.statistics import stats
from harness.analyse.statistics.stats import Spread, percentile, spread


@pytest.mark.parametrize(
    ("count", "share", "known"),
    [
        (400, 0.99, True),
        (399, 0.99, False),
        (80, 0.95, True),
        (79, 0.95, False),
        (8, 0.50, True),
        (7, 0.50, False),
        (4000, 0.999, True),
        (3999, 0.999, False),
        (0, 0.50, False),
    ],
)
def test_no_percentile_without_four_samples_beyond(count: int, share: float, known: bool) -> None:
    assert (percentile(np.arange(count, dtype=float), share) is not None) is known


def test_percentile_interpolates() -> None:
    assert percentile(np.arange(401, dtype=float), 0.99) == pytest.approx(396.0)
    assert percentile(np.arange(101, dtype=float), 0.5) == 50.0


def test_summary_in_milliseconds() -> None:
    summary = stats.summary_ms(np.arange(1, 101, dtype=np.int64) * 1_000_000)
    assert summary["mean"] == pytest.approx(50.5)
    assert summary["p50"] == pytest.approx(50.5)
    assert summary["max"] == 100.0
    assert summary["p99"] is None


def test_summary_of_nothing() -> None:
    assert set(stats.summary_ms(np.empty(0, np.int64)).values()) == {None}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.0, 1.0, 2.0], Spread(2.0, 1.0, 3.0, 3)),
        ([4.0, None], Spread(4.0, 4.0, 4.0, 1)),
        ([1.0, 2.0], Spread(1.5, 1.0, 2.0, 2)),
        ([0.0], Spread(0.0, 0.0, 0.0, 1)),
        ([None, None], None),
        ([], None),
    ],
)
def test_spread(values: list[float | None], expected: Spread | None) -> None:
    assert spread(values) == expected


@pytest.mark.parametrize(
    ("start", "duration", "most"),
    [
        ([], [], 0),
        ([0], [5], 1),
        ([0, 5], [5, 5], 1),
        ([0, 4, 4], [5, 5, 0], 2),
        ([0, 1, 2], [9, 9, 9], 3),
    ],
)
def test_most_at_once(start: list[int], duration: list[int], most: int) -> None:
    columns = np.array(start, np.int64), np.array(duration, np.int64)
    assert stats.most_at_once(*columns) == most
