"""The time that an instance is billed for."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from harness.measure.launch.functions.billed_time import BilledTime

MS = 1_000_000


def test_one_request_is_rounded_up() -> None:
    billed = BilledTime()
    billed.more(5 * MS)
    assert billed.less(6 * MS) == 100
    billed.more(1000 * MS)
    assert billed.less(1100 * MS) == 100
    billed.more(2000 * MS)
    assert billed.less(2100 * MS + 1) == 200


def test_its_start_is_billed_with_its_first_request() -> None:
    billed = BilledTime()
    billed.began(0)
    billed.more(950 * MS)
    assert billed.less(1010 * MS) == 1100
    billed.more(1020 * MS)
    assert billed.less(1030 * MS) == 100


def test_requests_at_the_same_time_share_it() -> None:
    billed = BilledTime()
    billed.more(0)
    billed.more(10 * MS)
    assert billed.less(30 * MS) == 30
    billed.more(40 * MS)
    assert billed.less(60 * MS) == 30
    assert billed.less(90 * MS) == 40


@given(st.lists(st.tuples(st.integers(0, 10**9), st.integers(1, 10**9)), min_size=1, max_size=20))
def test_the_sum_is_the_busy_time_rounded_up_each_time(spans: list[tuple[int, int]]) -> None:
    moments = sorted(
        [(start, 1) for start, _ in spans] + [(start + took, -1) for start, took in spans],
        key=lambda each: (each[0], -each[1]),
    )
    billed, total, expected, active, since = BilledTime(), 0, 0, 0, 0
    for now, step in moments:
        if step > 0:
            since = now if not active else since
            billed.more(now)
        else:
            total += billed.less(now)
        active += step
        if not active:
            expected += -(-(now - since) // (100 * MS)) * 100
    assert total == expected
