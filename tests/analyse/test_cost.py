"""Costs by hand: what is scaled, what does not fit, and what is not known."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.analyse.cost import cost
from harness.analyse.cost.cost import Measured, measured, on_instance, on_serverless
from harness.analyse.cost.prices import RentedMachine, Serverless
from harness.analyse.field import comparison
from harness.analyse.field.comparison import Row
from harness.analyse.run import digest
from harness.analyse.run.digested import Digested
from harness.analyse.statistics.stats import Spread
from harness.stored.records import Campaign
from tests import fakes

SOURCE: dict[str, Any] = {
    "region": "here",
    "date": datetime.date(2026, 1, 2),
    "source": "https://example.org",
}
KNOWN = Measured(
    capacity=Spread(100.0, 80.0, 125.0, 3),
    cpus=2,
    cpu_s=Spread(0.0055, 0.005, 0.0061, 3),
    memory_gib=1.0,
    on_gpu=False,
    gpu=None,
)
ON_GPU = replace(KNOWN, on_gpu=True, gpu="NVIDIA A100-SXM4-80GB")


def instance(**changed: Any) -> RentedMachine:
    row: dict[str, Any] = {
        "type": "m",
        "vcpus": 4,
        "memory_gib": 8.0,
        "gpu": "none",
        "usd_per_hour": 0.36,
    }
    return RentedMachine(provider="Some", **SOURCE, **{**row, **changed})


def serverless(**changed: Any) -> Serverless:
    row: dict[str, Any] = {
        "service": "Functions",
        "memory_gib": 2.0,
        "memory_gib_max": 10.0,
        "memory_buys_cpu": True,
        "usd_per_gib_second": 0.00001,
        "usd_per_million_requests": 0.2,
        "rounded_up_to_ms": 1,
        "shared": False,
    }
    return Serverless(provider="Some", **SOURCE, **{**row, **changed})


def test_a_machine_of_twice_the_cpus_serves_twice_as_much() -> None:
    found = on_instance(KNOWN, instance())
    assert found is not None
    assert (found.rate_per_s, found.factor) == (200.0, 2.0)
    # 0.36 dollars an hour are 0.0001 a second, in which 200 predictions are made.
    assert found.usd.median == pytest.approx(0.5)
    assert [found.usd.low, found.usd.high] == pytest.approx([0.4, 0.625])
    assert found.usd.rounds == 3


def test_memory_grows_with_the_copies_and_must_fit_beside_the_system() -> None:
    found = on_instance(KNOWN, instance())
    assert found is not None
    assert found.memory_gib == 2 * 1.0 + cost.SYSTEM_GIB
    assert on_instance(KNOWN, instance(memory_gib=2.5)) is not None
    assert on_instance(KNOWN, instance(memory_gib=2.4)) is None
    # With fewer CPUs than here it is still one whole server.
    assert on_instance(KNOWN, instance(vcpus=1, memory_gib=1.5)) is not None
    assert on_instance(KNOWN, instance(vcpus=1, memory_gib=1.4)) is None


@pytest.mark.parametrize(
    ("model", "fits"),
    [("A100 80GB", True), ("A100", True), ("A100 40GB", False), ("A10", False), ("none", False)],
)
def test_a_gpu_run_is_priced_on_the_same_model_only(model: str, fits: bool) -> None:
    assert (on_instance(ON_GPU, instance(gpu=model)) is not None) is fits
    assert on_instance(replace(ON_GPU, gpu=None), instance(gpu=model)) is None


def test_a_gpu_is_not_multiplied_by_the_cpus_beside_it() -> None:
    more = on_instance(ON_GPU, instance(gpu="A100", vcpus=24, memory_gib=2.0))
    fewer = on_instance(ON_GPU, instance(gpu="A100", vcpus=1))
    assert more is not None
    assert fewer is not None
    assert (more.factor, more.rate_per_s, more.memory_gib) == (1.0, 100.0, 1.5)
    assert (fewer.factor, fewer.rate_per_s) == (0.5, 50.0)


def test_a_machine_with_a_gpu_is_for_gpu_runs() -> None:
    assert on_instance(KNOWN, instance(gpu="A100")) is None
    assert on_serverless(ON_GPU, serverless()) is None


@pytest.mark.parametrize(
    ("here", "model", "same"),
    [
        ("Tesla T4", "T4", True),
        ("NVIDIA L4", "L4", True),
        ("NVIDIA L40S", "L4", False),
        ("NVIDIA A10G", "A10G", True),
        ("NVIDIA H100 80GB HBM3", "H100 80GB", True),
        ("NVIDIA H200", "H100 80GB", False),
        ("NVIDIA L4", "--", False),
    ],
)
def test_the_driver_has_longer_names(here: str, model: str, same: bool) -> None:
    assert cost.same_gpu(model, here) is same


def test_each_request_of_its_own_is_rounded_up() -> None:
    found = on_serverless(KNOWN, serverless())
    assert found is not None
    assert (found.seconds, found.memory_gib) == (0.006, 2.0)
    assert found.usd.median == pytest.approx(1e6 * 0.006 * 2.0 * 0.00001 + 0.2)
    assert found.usd.low == pytest.approx(1e6 * 0.005 * 2.0 * 0.00001 + 0.2)
    assert found.usd.high == pytest.approx(1e6 * 0.007 * 2.0 * 0.00001 + 0.2)


def test_requests_that_share_an_instance_are_not() -> None:
    priced = serverless(
        shared=True, rounded_up_to_ms=100, memory_buys_cpu=False, usd_per_vcpu_second=0.00002
    )
    found = on_serverless(KNOWN, priced)
    assert found is not None
    assert found.seconds == 0.0055
    assert found.usd.median == pytest.approx(1e6 * 0.0055 * (2.0 * 0.00001 + 0.00002) + 0.2)


def test_a_request_is_billed_one_step_at_least_and_no_step_for_a_rounding_error() -> None:
    assert cost.billed_s(0.0, serverless()) == 0.001
    assert cost.billed_s(0.007, serverless()) == pytest.approx(0.007)
    assert cost.billed_s(0.0071, serverless()) == pytest.approx(0.008)
    assert cost.billed_s(0.03, serverless(rounded_up_to_ms=100)) == 0.1


def test_a_request_may_be_billed_a_least_time() -> None:
    priced = serverless(least_ms=100)
    assert cost.billed_s(0.0055, priced) == 0.1
    assert cost.billed_s(0.1201, priced) == pytest.approx(0.121)


def test_memory_may_be_billed_as_it_is_used() -> None:
    priced = serverless(memory_gib=0.125, memory_step_gib=0.125, memory_gib_max=1.5)
    assert cost.billed_gib(0.01, priced) == 0.125
    assert cost.billed_gib(0.125, priced) == 0.125
    assert cost.billed_gib(0.13, priced) == 0.25
    assert cost.billed_gib(1.49, priced) == 1.5
    assert cost.billed_gib(1.51, priced) is None
    found = on_serverless(KNOWN, priced)
    assert found is not None
    assert found.memory_gib == 1.0


def test_more_memory_than_the_smallest_size_is_paid_for_and_too_much_does_not_fit() -> None:
    found = on_serverless(replace(KNOWN, memory_gib=3.0), serverless())
    assert found is not None
    assert found.memory_gib == 3.0
    assert on_serverless(replace(KNOWN, memory_gib=10.5), serverless()) is None


@pytest.mark.parametrize("missing", ["capacity", "memory_gib"])
def test_a_machine_has_no_cost_where_something_is_not_known(missing: str) -> None:
    assert on_instance(replace(KNOWN, **{missing: None}), instance()) is None  # type: ignore[arg-type]


def test_a_capacity_of_nothing_has_no_cost() -> None:
    assert on_instance(replace(KNOWN, capacity=Spread(0.0, 0.0, 0.0, 1)), instance()) is None
    assert on_instance(replace(KNOWN, capacity=Spread(5.0, 0.0, 9.0, 3)), instance()) is None


@pytest.mark.parametrize("missing", ["cpu_s", "memory_gib"])
def test_a_platform_has_no_cost_where_something_is_not_known(missing: str) -> None:
    known = replace(KNOWN, **{missing: None})  # type: ignore[arg-type]
    assert on_serverless(known, serverless()) is None


def row_of(**changed: Any) -> tuple[Row, Campaign]:
    plan = fakes.campaign([fakes.Fake("a")], rounds=1)
    made = digest.of_run(fakes.run(fakes.Fake("a")), plan, None)
    digested = Digested(folder=Path(), campaign=plan, digests=(made,), damaged=())
    (compared,) = comparison.compare(digested)
    (row,) = compared.rows
    return replace(row, **changed), plan


def test_what_is_measured_comes_from_the_row_and_the_campaign() -> None:
    row, plan = row_of()
    row = replace(row, spreads={**row.spreads, "capacity": Spread(50.0, 40.0, 60.0, 3)})
    known = measured(row, plan)
    assert known is not None
    assert known.capacity == Spread(50.0, 40.0, 60.0, 3)
    assert (known.cpus, known.on_gpu, known.gpu) == (2, False, None)
    assert known.memory_gib == pytest.approx(240 / 1024)
    # The fake uses 0.6 x 8 ms of CPU for each prediction.
    assert known.cpu_s is not None
    assert known.cpu_s.median == pytest.approx(0.0048, rel=1e-3)
    assert known.cpus_busy == pytest.approx(0.24, rel=1e-3)


def test_without_a_capacity_the_rest_is_still_known() -> None:
    row, plan = row_of()
    spreads = {name: found for name, found in row.spreads.items() if name != "capacity"}
    known = measured(replace(row, spreads=spreads), plan)
    assert known is not None
    assert known.capacity is None
    assert known.cpus_busy is None


def test_a_gpu_run_takes_the_gpu_of_its_host() -> None:
    row, plan = row_of()
    plan = replace(plan, environment={**plan.environment, "gpu": "NVIDIA L4"})
    known = measured(replace(row, server=replace(row.server, device="gpu")), plan)
    assert known is not None
    assert (known.on_gpu, known.gpu) == (True, "NVIDIA L4")


def test_nothing_is_known_of_an_endpoint_or_where_numbers_do_not_count() -> None:
    row, plan = row_of()
    assert measured(replace(row, server=replace(row.server, launcher="remote")), plan) is None
    assert measured(replace(row, invalid=True), plan) is None
    assert measured(row, replace(plan, server_cpus=())) is None
