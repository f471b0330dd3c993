"""Bills of functions and servers by hand, from runs that nobody measured."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.analyse.cost import billing
from harness.analyse.cost.break_even import Machines, OnDemand, Provisioned, Shared
from harness.analyse.cost.prices import RentedMachine, Serverless
from harness.analyse.field import comparison
from harness.analyse.field.comparison import Row
from harness.analyse.run import digest
from harness.analyse.run.digested import Digested
from harness.setup.functions import CLOUD_RUN
from harness.stored.records import Campaign
from harness.stored.starts import PROCESS, Starts
from tests import fakes, invoked
from tests.fakes import Fake
from tests.invoked import Function, starts

SOURCE: dict[str, Any] = {
    "region": "here",
    "date": datetime.date(2026, 1, 2),
    "source": "https://example.org",
}
FAKE = Fake("lambda-handler", 6.0, capacity_per_s=100.0)
GIB = 1769 / 1024


def platform(**changed: Any) -> Serverless:
    row: dict[str, Any] = {
        "service": "Functions",
        "memory_gib": 1.7,
        "memory_gib_max": 10.0,
        "memory_buys_cpu": True,
        "usd_per_gib_second": 0.00001,
        "usd_per_million_requests": 0.2,
        "rounded_up_to_ms": 1,
        "shared": False,
    }
    return Serverless(provider="Some", **SOURCE, **{**row, **changed})


SHARED = platform(
    service="Run",
    memory_gib=0.5,
    shared=True,
    memory_buys_cpu=False,
    usd_per_vcpu_second=0.00002,
    rounded_up_to_ms=100,
)


def row_of(told: Function, *, rounds: int = 2, fake: Fake = FAKE) -> tuple[Row, Campaign]:
    plan = fakes.campaign([replace(fake, track="functions")], rounds, ("iris",))
    digests = [
        digest.of_run(invoked.run(fake, told, number), plan, None)
        for number in range(1, rounds + 1)
    ]
    found = Digested(folder=Path("c"), campaign=plan, digests=tuple(digests), damaged=())
    (compared,) = comparison.compare(found)
    (row,) = compared.rows
    return row, plan


def only(row: Row, priced: Serverless) -> billing.FunctionBill:
    (found,) = billing.functions(row, [priced], cpus=2)
    return found


def test_the_size_is_billed_for_as_long_as_requests_took() -> None:
    row, _ = row_of(Function(billed_ms=7))
    found = only(row, platform())
    assert found.seconds.median == pytest.approx(0.007)
    assert found.memory_gib == pytest.approx(GIB)
    assert found.usd.median == pytest.approx(1e6 * 0.007 * GIB * 0.00001 + 0.2)
    assert isinstance(found.known.middle, OnDemand)
    assert found.known.middle.usd_each == pytest.approx(found.usd.median / 1e6)
    assert found.known.middle.idle_s == 300.0


def test_a_service_may_round_further_and_bill_what_was_used() -> None:
    row, _ = row_of(Function(billed_ms=7, peak_mib=130))
    found = only(row, platform(memory_gib=0.125, memory_step_gib=0.125, least_ms=100))
    assert found.seconds.median == pytest.approx(0.1)
    assert found.memory_gib == 0.25  # 130 MiB are two steps of 128
    assert only(row, platform(rounded_up_to_ms=4)).seconds.median == pytest.approx(0.008)


def test_what_does_not_fit_has_no_bill() -> None:
    row, _ = row_of(Function(memory_mib=3008, peak_mib=2000))
    assert billing.functions(row, [platform(memory_gib_max=2.0)], 2) == []
    assert billing.functions(row, [platform(memory_step_gib=0.125, memory_gib_max=1.8)], 2) == []


def test_memory_that_was_not_seen_is_not_billed_as_none() -> None:
    row, _ = row_of(Function(peak_mib=0))
    assert billing.functions(row, [platform(memory_step_gib=0.125)], 2) == []
    assert len(billing.functions(row, [platform()], 2)) == 1


def test_a_start_is_billed_where_the_service_does_and_it_is_known() -> None:
    cold, _ = row_of(Function(billed_ms=7, start_ms=800, cold=3))
    found = only(cold, platform(starts_billed=True))
    assert found.start_s == pytest.approx(0.8)
    assert isinstance(found.known.middle, OnDemand)
    assert found.known.middle.usd_start == pytest.approx(0.8 * GIB * 0.00001)
    assert found.seconds.median == pytest.approx(0.007)  # cold ones are not among the others
    assert only(cold, platform()).start_s is None
    never, _ = row_of(Function(cold=0))
    assert only(never, platform(starts_billed=True)).start_s is None
    # In a burst alone, which has no samples of a new process beside it.
    burst, _ = row_of(Function(cold=0, starts=Starts(), start_ms=600))
    assert only(burst, platform(starts_billed=True)).start_s == pytest.approx(0.6)


def test_a_start_alone_counts_more_than_those_of_a_burst_which_share_the_cpus() -> None:
    alone, _ = row_of(Function(cold=0, starts=starts((PROCESS, 800.0)), start_ms=6000))
    # All but the first answer, a tenth of it; the samples are 0 to 9 % longer.
    assert only(alone, platform(starts_billed=True)).start_s == pytest.approx(0.9 * 0.8 * 1.045)


def test_instances_that_are_kept_ready_have_two_prices() -> None:
    row, _ = row_of(Function(billed_ms=7))
    priced = platform(
        provisioned_usd_per_gib_second=0.000004, provisioned_busy_usd_per_gib_second=0.000008
    )
    demand, kept = billing.functions(row, [priced], cpus=2)
    assert demand.service == "Functions"
    assert kept.service == "Functions, provisioned"
    bill = kept.known.middle
    assert isinstance(bill, Provisioned)
    assert bill.usd_kept_per_s == pytest.approx(GIB * 0.000004)
    assert bill.usd_each == pytest.approx(0.007 * GIB * 0.000008 + 0.2e-6)
    assert bill.seconds == pytest.approx(0.007)


def test_requests_that_share_an_instance_are_priced_on_services_that_share_them() -> None:
    fake = replace(FAKE, launcher=CLOUD_RUN)
    row, _ = row_of(Function(memory_mib=2048), fake=fake)
    found = only(row, SHARED)
    assert billing.functions(row, [platform()], 2) == []
    assert found.memory_gib == 2.0
    assert found.seconds.median == pytest.approx(0.1)  # rounded up from 6.6 ms
    bill, capacity = found.known.middle, row.spreads["capacity"]
    assert capacity is not None
    assert isinstance(bill, Shared)
    assert bill.usd_busy_per_s == pytest.approx(2.0 * 0.00001 + 0.00002)
    assert bill.capacity_per_s == pytest.approx(capacity.median / 2)  # one for each of two CPUs


def test_without_a_capacity_it_is_not_known_when_one_more_instance_is_needed() -> None:
    fake = replace(FAKE, launcher=CLOUD_RUN, capacity_per_s=None)
    row, _ = row_of(Function(memory_mib=2048), fake=fake)
    assert billing.functions(row, [SHARED], 2) == []


def test_an_ordinary_server_has_no_bill_of_a_function() -> None:
    plan = fakes.campaign([FAKE], 1, ("iris",))
    found = digest.of_run(fakes.run(FAKE, 1, "iris"), plan, None)
    (compared,) = comparison.compare(
        Digested(folder=Path("c"), campaign=plan, digests=(found,), damaged=())
    )
    assert billing.functions(compared.rows[0], [platform(), SHARED], 2) == []


def machine(name: str, usd_per_hour: float, provider: str = "Some", **changed: Any) -> Any:
    told = {"vcpus": 2, "memory_gib": 8.0, "gpu": "none", **changed}
    return RentedMachine(type=name, usd_per_hour=usd_per_hour, provider=provider, **SOURCE, **told)


def test_a_server_runs_on_the_machine_that_is_cheapest_by_the_hour() -> None:
    server = replace(FAKE, variant="fastapi")
    plan = fakes.campaign([server], 2, ("iris",))
    digests = [digest.of_run(fakes.run(server, n, "iris"), plan, None) for n in (1, 2)]
    (compared,) = comparison.compare(
        Digested(folder=Path("c"), campaign=plan, digests=tuple(digests), damaged=())
    )
    machines = [
        machine("large", 0.72, vcpus=8),
        machine("small", 0.36),
        machine("tiny", 0.01, memory_gib=0.1),  # it does not fit
        machine("other", 0.10, "Other"),
    ]
    found = billing.servers(compared.rows, plan, machines)
    assert [(each.variant, each.machine.type) for each in found] == [
        ("fastapi", "small"),
        ("fastapi", "other"),
    ]
    bill, capacity = found[0].known.middle, compared.rows[0].spreads["capacity"]
    assert capacity is not None
    assert isinstance(bill, Machines)
    assert bill.usd_per_s_each == pytest.approx(1e-4)
    assert bill.capacity_per_s == pytest.approx(capacity.median)  # two vCPUs for two CPUs
    assert found[0].known.least.full_at == pytest.approx(capacity.high)
    assert found[0].known.most.full_at == pytest.approx(capacity.low)


def test_functions_and_references_are_no_servers() -> None:
    row, plan = row_of(Function())
    assert billing.servers([row], plan, [machine("small", 0.36)]) == []
    reference = replace(row, server=replace(row.server, track="matched", reference=True))
    assert billing.servers([reference], plan, [machine("small", 0.36)]) == []


def test_an_invalid_row_has_no_bill() -> None:
    row, _ = row_of(Function())
    assert billing.functions(replace(row, invalid=True), [platform()], 2) == []


def test_the_interval_is_that_of_the_rounds() -> None:
    row, _ = row_of(Function(billed_ms=7))
    slow, _ = row_of(Function(billed_ms=9))
    both = replace(row, digests=(row.digests[0], slow.digests[1]))
    found = only(both, platform())
    seconds = found.seconds
    assert (seconds.low, seconds.median, seconds.high) == pytest.approx((0.007, 0.008, 0.009))
    assert seconds.rounds == 2
    assert found.known.least.usd_per_s(1.0) < found.known.most.usd_per_s(1.0)
