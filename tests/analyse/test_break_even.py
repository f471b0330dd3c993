"""Bills by hand: their limits, and the rates at which a server becomes the cheaper one."""

from __future__ import annotations

import math

import pytest

from harness.analyse.cost.break_even import (
    MOST_MACHINES,
    Bill,
    KnownBill,
    Machines,
    OnDemand,
    Provisioned,
    Shared,
    always,
    break_even,
    lowest,
    per_million,
)

MACHINE = Machines(usd_per_s_each=1e-4, capacity_per_s=100.0)


def function(usd_each: float, usd_start: float | None = None, idle_s: float = 300.0) -> OnDemand:
    return OnDemand(usd_each=usd_each, usd_start=usd_start, idle_s=idle_s)


def known(middle: Bill, least: Bill | None = None, most: Bill | None = None) -> KnownBill:
    return KnownBill(middle=middle, least=least or middle, most=most or middle)


def test_a_machine_costs_as_much_when_it_is_idle_and_one_more_is_needed_beyond_its_capacity() -> (
    None
):
    costs = [MACHINE.usd_per_s(rate) for rate in (1e-6, 1.0, 100.0, 100.1, 200.0, 950.0)]
    assert costs == pytest.approx([1e-4, 1e-4, 1e-4, 2e-4, 2e-4, 1e-3])
    assert per_million(MACHINE, 100.0) == pytest.approx(1.0)
    assert per_million(MACHINE, 1.0) == pytest.approx(100.0)


def test_a_capacity_that_is_met_to_the_last_digit_needs_no_machine_more() -> None:
    odd = Machines(usd_per_s_each=1.0, capacity_per_s=0.1)
    assert odd.usd_per_s(0.3) == 3.0  # 0.3 / 0.1 is a bit more than 3


def test_a_function_costs_by_use_alone() -> None:
    bill = function(2e-6)
    assert bill.usd_per_s(50.0) == pytest.approx(1e-4)
    assert per_million(bill, 1e-3) == per_million(bill, 1e3) == pytest.approx(2.0)


def test_a_start_is_billed_as_often_as_no_request_came_while_an_instance_was_kept() -> None:
    bill = function(1e-6, usd_start=1e-4, idle_s=300.0)
    assert per_million(bill, 1e-9) == pytest.approx(101.0)  # each is cold
    assert per_million(bill, 1e-3) == pytest.approx(1.0 + 100 * math.exp(-0.3))
    assert per_million(bill, 10.0) == pytest.approx(1.0)  # none is


def test_a_start_of_unknown_cost_is_left_out_and_not_free_of_use() -> None:
    assert per_million(function(1e-6, usd_start=None), 1e-9) == pytest.approx(1.0)


def test_instances_that_are_kept_cost_when_idle_too() -> None:
    bill = Provisioned(usd_each=1e-6, usd_kept_per_s=1e-5, seconds=0.01)
    assert bill.usd_per_s(1e-9) == pytest.approx(1e-5)
    assert bill.usd_per_s(50.0) == pytest.approx(1e-5 + 5e-5)
    assert bill.usd_per_s(250.0) == pytest.approx(3e-5 + 2.5e-4)  # 2.5 of them busy: 3 are kept


def test_requests_that_share_an_instance_share_its_bill() -> None:
    bill = Shared(usd_each=4e-7, usd_busy_per_s=4e-5, seconds=0.1, capacity_per_s=50.0)
    # Alone, each is billed for its own time.
    assert per_million(bill, 1e-6) == pytest.approx(1e6 * (0.1 * 4e-5 + 4e-7))
    assert bill.usd_per_s(10.0) == pytest.approx(4e-5 * (1 - math.exp(-1)) + 4e-6)
    # Full, an instance is always billed; two share twice the rate.
    assert bill.usd_per_s(50.0) == pytest.approx(4e-5 * (1 - math.exp(-5)) + 2e-5)
    assert bill.usd_per_s(100.0) == pytest.approx(2 * bill.usd_per_s(50.0))


def test_the_rate_that_pays_for_the_machine() -> None:
    # 1e-4 dollars a second, 2e-6 a request.
    assert lowest(function(2e-6), MACHINE) == pytest.approx(50.0)
    # Twice that of a full machine: however many are needed, the function is dearer.
    assert always(function(2.1e-6), MACHINE) == pytest.approx(1e-4 / 2.1e-6)


def test_beyond_a_step_the_function_may_be_cheaper_again() -> None:
    found = break_even(known(function(1.3e-6)), known(MACHINE))
    assert found.rate == pytest.approx(1e-4 / 1.3e-6)  # 76.9 on the first machine
    # 1.3 k > k + 1 from k = 4 on: the last time with the fourth machine, at 4e-4 / 1.3e-6.
    assert found.always == pytest.approx(4e-4 / 1.3e-6)


def test_a_function_may_always_be_cheaper() -> None:
    found = break_even(known(function(0.9e-6)), known(MACHINE))
    assert found.rate is found.always is found.low is found.high is None


def test_a_function_that_keeps_more_than_a_machine_costs_is_dearer_at_any_rate() -> None:
    kept = Provisioned(usd_each=1e-6, usd_kept_per_s=2e-4, seconds=0.01)
    found = break_even(known(kept), known(MACHINE))
    assert (found.rate, found.always) == (0.0, 0.0)


def test_a_step_of_the_function_can_be_the_break_even() -> None:
    kept = Provisioned(usd_each=1e-8, usd_kept_per_s=6e-5, seconds=0.1)
    assert lowest(kept, MACHINE) == pytest.approx(10.0, rel=1e-4)


def test_the_break_even_of_kept_instances_by_hand() -> None:
    kept = Provisioned(usd_each=1e-6, usd_kept_per_s=1e-5, seconds=0.01)
    assert lowest(kept, MACHINE) == pytest.approx(90.0)  # 1e-5 + 90e-6


def test_starts_do_not_hide_the_break_even() -> None:
    with_starts = function(2e-6, usd_start=1e-5)
    assert lowest(with_starts, MACHINE) == pytest.approx(50.0)


def test_an_interval_is_as_wide_as_both_are_uncertain() -> None:
    found = break_even(
        known(function(2e-6), least=function(1.6e-6), most=function(2.5e-6)),
        known(
            MACHINE,
            least=Machines(usd_per_s_each=1e-4, capacity_per_s=125.0),
            most=Machines(usd_per_s_each=1e-4, capacity_per_s=80.0),
        ),
    )
    assert (found.low, found.rate, found.high) == pytest.approx((40.0, 50.0, 62.5))


def test_an_end_that_is_at_no_rate_is_none_and_not_a_number() -> None:
    found = break_even(known(function(1.3e-6), least=function(0.5e-6)), known(MACHINE))
    assert found.rate is not None
    assert found.high is None


def test_nothing_is_looked_for_beyond_the_most_machines() -> None:
    # One more machine is always needed just before the function would be dearer.
    barely = function(1e-6 * (1 + 1 / (MOST_MACHINES + 1)))
    rate = lowest(barely, MACHINE)
    assert rate is not None
    assert rate < 100.0  # on the first machine it is cheaper for a while
    assert always(barely, MACHINE) is None or always(barely, MACHINE) > 6000  # type: ignore[operator]
