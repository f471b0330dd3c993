"""Which cells, in which order, at which rates."""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import groupby

import numpy as np
import pytest

from harness.setup.tables import PresetTable
from harness.stored import plan
from harness.stored.identity import Subject
from harness.windows.profiles import Profile
from tests.cells import cell_of
from tests.unit.conftest import BENCHMARK, Project

PROFILES = """
[[profile]]
name = "absolute"
shape = "poisson"
rate_per_s = 20.0
duration_s = 10.0

[[profile]]
name = "shared"
shape = "constant"
rate_share = 0.4
duration_s = 10.0

[[profile]]
name = "mixed"
shape = "ramp"
rate_share = 0.1
rate_per_s_end = 70.0
duration_s = 10.0

[[profile]]
name = "peak"
shape = "spike"
rate_per_s = 5.0
rate_share_peak = 0.8
duration_s = 10.0

[[profile]]
name = "closed"
shape = "closed"
concurrency = 8
duration_s = 10.0
"""


PEOPLE = """
[[profile]]
name = "people"
shape = "users"
concurrency = 2
think_s = 1.0
duration_s = 1.0
"""


def preset(*profiles: str, scale: float = 1.0) -> PresetTable:
    return PresetTable(
        benchmarks=("some",), profiles=profiles, rounds=1, duration_scale=scale, warm_up_s=0
    )


@pytest.mark.parametrize(
    ("rounds", "order"),
    [(1, "abc"), (2, "abc cba"), (3, "abc cba abc"), (5, "abc cba abc cba abc")],
)
def test_every_other_round_runs_backwards(project: Project, rounds: int, order: str) -> None:
    variants = [project.variant(name) for name in "abc"]
    made = plan.make(variants, [project.bench()], rounds, "cpu")
    by_round = groupby(made.cells, key=lambda cell: cell.round)
    assert " ".join("".join(c.variant_name for c in cells) for _, cells in by_round) == order
    assert made.left_out == ()


def test_a_benchmark_stays_together_in_its_round(project: Project) -> None:
    variants = [project.variant(name) for name in "ab"]
    made = plan.make(variants, [project.bench("x"), project.bench("y")], 2, "cpu")
    assert [f"{c.variant_name}{c.benchmark_name}{c.round}" for c in made.cells] == [
        *("ax1", "bx1", "ay1", "by1"),
        *("by2", "ay2", "bx2", "ax2"),
    ]


@pytest.mark.parametrize(
    ("more", "device", "reason"),
    [
        ("", "cpu", None),
        ("", "gpu", "odd does not run on a GPU"),
        ('devices = ["gpu"]', "cpu", "odd does not run on a CPU"),
        ('devices = ["cpu", "gpu"]', "gpu", None),
        ('backend = "torch"', "cpu", "there is no predictor for torch"),
        ('backend = "torch"\nreference = true', "cpu", None),  # it calls no predictor
    ],
)
def test_what_cannot_run_is_left_out_with_its_reason(
    project: Project, more: str, device: str, reason: str | None
) -> None:
    made = plan.make([project.variant("odd", more)], [project.bench()], 2, device)
    if reason is None:
        assert made == plan.Plan((cell_of("odd", "some", 1), cell_of("odd", "some", 2)), ())
    else:
        assert made == plan.Plan((), (("odd on some", reason),))


def test_what_is_left_out_does_not_disturb_the_order(project: Project) -> None:
    odd = project.variant("odd", 'backend = "torch"')
    variants = [project.variant("a"), odd, project.variant("b")]
    made = plan.make(variants, [project.bench()], 2, "cpu")
    assert [cell.variant_name for cell in made.cells] == ["a", "b", "b", "a"]


def test_shares_become_rates_of_this_host(project: Project) -> None:
    bench = project.bench(head=BENCHMARK, profiles=PROFILES)
    assert plan.absolute(bench, preset(), capacity_per_s=50.0) == (
        Profile("absolute", "poisson", 10.0, rate_per_s=20.0),
        Profile("shared", "constant", 10.0, rate_per_s=20.0),
        Profile("mixed", "ramp", 10.0, rate_per_s=5.0, rate_to_per_s=70.0),
        Profile("peak", "spike", 10.0, rate_per_s=5.0, rate_to_per_s=40.0),
        Profile("closed", "closed", 10.0, concurrency=8),
    )


def test_a_preset_takes_some_profiles_and_scales_their_durations(project: Project) -> None:
    bench = project.bench(head=BENCHMARK, profiles=PROFILES)
    taken = plan.absolute(bench, preset("closed", "absolute", scale=0.5), capacity_per_s=50.0)
    assert taken == (  # in the benchmark's order, not the preset's
        Profile("absolute", "poisson", 5.0, rate_per_s=20.0),
        Profile("closed", "closed", 5.0, concurrency=8),
    )


@pytest.mark.parametrize(
    ("payloads", "round_number", "count"),
    [(600, 1, 600), (600, 2, 75), (100, 2, 32), (20, 2, 20), (600, 7, 75), (1, 1, 1), (1, 2, 1)],
)
def test_what_is_verified(payloads: int, round_number: int, count: int) -> None:
    chosen = plan.to_verify(payloads, round_number)
    assert len(chosen) == len(np.unique(chosen)) == count
    assert (chosen >= 0).all()
    assert (chosen < payloads).all()


def test_other_rounds_verify_others_but_always_the_same() -> None:
    assert plan.to_verify(600, 2).tolist() == plan.to_verify(600, 2).tolist()
    assert plan.to_verify(600, 2).tolist() != plan.to_verify(600, 3).tolist()


# --- the time budget ------------------------------------------------------------------------------

COST_S = {"in-process": 9.0, "quick": 2.0, "usual": 4.0, "long": 30.0}
FIELD = [cell_of(name, "iris", number) for number in (1, 2) for name in COST_S]


@pytest.mark.parametrize(
    ("budget_s", "kept"),
    [
        (8, {"quick": 1, "usual": 1}),  # not even the reference; what there is room for
        (10, {"in-process": 1}),  # the reference before all others
        (15, {"in-process": 1, "quick": 1, "usual": 1}),
        (44, {"in-process": 1, "quick": 1, "usual": 1}),  # no second round beside half a first
        (45, {"in-process": 1, "quick": 1, "usual": 1, "long": 1}),
        (89, {"in-process": 1, "quick": 1, "usual": 1, "long": 1}),
        (90, {"in-process": 2, "quick": 2, "usual": 2, "long": 2}),
        (1, {}),
    ],
)
def test_a_budget_takes_the_shortest_useful_plan(budget_s: float, kept: dict[str, int]) -> None:
    chosen, left = plan.fit(
        FIELD, lambda c: COST_S[c.variant_name], budget_s, (Subject("in-process"),)
    )
    assert {name: sum(c.variant_name == name for c in chosen) for name in COST_S} == {
        **dict.fromkeys(COST_S, 0),
        **kept,
    }
    assert sorted([*chosen, *left], key=str) == sorted(FIELD, key=str)
    assert sum(COST_S[cell.variant_name] for cell in chosen) <= budget_s
    assert list(chosen) == [cell for cell in FIELD if cell in chosen]  # in the planned order


def test_a_round_that_is_left_out_is_named_once() -> None:
    second = [cell for cell in FIELD if cell.round == 2]
    assert plan.named([FIELD[3], *second], FIELD) == ["long on iris, round 1", "round 2"]
    assert plan.named([], FIELD) == []


@pytest.mark.parametrize(("share", "wanted"), [(1.0, 600), (0.25, 150), (0.01, 32)])
def test_a_share_of_the_payloads_in_the_first_round(share: float, wanted: int) -> None:
    chosen = plan.to_verify(600, 1, share)
    assert len(set(chosen.tolist())) == wanted
    assert len(plan.to_verify(600, 2, share)) == 75
    assert len(plan.to_verify(20, 1, share)) == 20


HTTP_ALONE = "the driver's users speak only HTTP, and it speaks gRPC"


@pytest.mark.parametrize(
    ("more", "rpc_users", "why"),
    [
        ("", False, None),
        ("inside = true\n", False, None),
        ('protocol = "v2-grpc"\n', True, None),
        ('protocol = "v2-grpc"\n', False, HTTP_ALONE),
    ],
)
def test_only_a_driver_keeps_users_from_a_variant(
    project: Project, more: str, rpc_users: bool, why: str | None
) -> None:
    people = Profile("people", "users", 1.0, concurrency=2, think_s=1.0)
    steady = Profile("steady", "poisson", 1.0, rate_per_s=5.0)
    variant = project.variant()
    for line in more.splitlines():
        key, _, value = line.partition(" = ")
        changed = variant.table.model_copy(update={key: json.loads(value)})
        variant = replace(variant, table=changed)
    kept = plan.served(variant, (people, steady), rpc_users)
    assert kept == ((people, steady) if why is None else (steady,))
    bench = project.bench(profiles=PEOPLE)
    made = plan.make([variant], [bench], 2, "cpu")
    gaps = list(plan.gaps(made, [variant], [bench], preset(), rpc_users))
    assert gaps == ([] if why is None else [("people of some on some", why)])
    assert list(plan.gaps(made, [variant], [bench], preset("steady"), rpc_users)) == []


def test_what_fires_its_own_schedule_comes_up_on_this_machine_alone(project: Project) -> None:
    bench, variant = project.bench(), project.variant(more="client = true")
    assert plan.why_not(variant, bench, "cpu") is None
    why = plan.why_not(replace(variant, launcher="docker"), bench, "cpu")
    assert why == "its process is the client, which fires the schedule on this machine itself"
