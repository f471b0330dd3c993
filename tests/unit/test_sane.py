"""What a plan and a run may hold."""

from __future__ import annotations

from dataclasses import replace

import pytest

from harness.stored import sane
from harness.stored.records import Campaign
from harness.stored.tunings import Tuning, TuningStep
from harness.windows.profiles import Profile
from tests import fakes
from tests.cells import cell_of
from tests.unit import stored

PLAN = fakes.campaign([fakes.Fake("some")], rounds=1)
TUNING = Tuning(
    benchmark="sentiment",
    slo="p99<50ms",
    memory_bytes=None,
    budget_s=60.0,
    search_s=5.0,
    knobs={"some": {"workers": (1, 2)}},
)
STEP = TuningStep(
    variant="some", candidate=1, setting={"workers": 1}, stage="explore", round=1, search_s=5.0
)


def _with(**changes: object) -> Campaign:
    (key, *_) = PLAN.benchmarks
    return replace(PLAN, benchmarks={key: replace(PLAN.benchmarks[key], **changes)})  # type: ignore[arg-type]


def test_what_is_measured_is_sane() -> None:
    assert sane.of_campaign(PLAN) is None
    assert sane.of_campaign(replace(PLAN, tuning=replace(TUNING, steps=(STEP,)))) is None
    assert sane.of_run(stored.full_run().facts) is None


@pytest.mark.parametrize(
    ("plan", "said"),
    [
        (replace(PLAN, id="../x"), "'../x' can't be the name"),
        (replace(PLAN, started_at="yesterday"), "'yesterday' is not a moment"),
        (replace(PLAN, cells=(cell_of("a/b", "sentiment", 1),)), "'a/b' can't be the name"),
        (replace(PLAN, cells=(cell_of("a\nb", "sentiment", 1),)), r"'a\\nb' can't be the name"),
        (replace(PLAN, cells=(cell_of("some", "..", 1),)), "'..' can't be the name"),
        (replace(PLAN, cells=(cell_of("some", "sentiment", 0),)), "round 0 is none"),
        (_with(payloads=10**9), "can't have 1000000000 payloads"),
        (_with(verify_share=2.0), "can't verify 2.0"),
        (_with(capacity_s=-1.0), "can't search for -1.0 s"),
        (_with(slo="soon"), "sentiment: "),
        (_with(profiles=(Profile("p", "sine", 1.0),)), "the unknown shape 'sine'"),
        (
            _with(profiles=(Profile("p", "poisson", 1e9, rate_per_s=1.0),)),
            "1000000000.0 as its duration_s",
        ),
        (replace(PLAN, tuning=replace(TUNING, budget_s=1e9)), "can't take so long"),
        (
            replace(PLAN, tuning=replace(TUNING, steps=(replace(STEP, variant="../x"),))),
            "'../x' can't be the name",
        ),
        (
            replace(PLAN, tuning=replace(TUNING, steps=(replace(STEP, candidate=0),))),
            "no run 1 of a setting 0",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_plan_cannot_mean(plan: Campaign, said: str) -> None:
    assert said.replace("\\\\", "\\") in (sane.of_campaign(plan) or "")


@pytest.mark.parametrize("change", [{"elapsed_s": -1.0}, {"wrong": 5, "checked": 3}])
def test_what_a_window_cannot_mean(change: dict[str, float]) -> None:
    facts = stored.full_run().facts
    first, *others = facts.windows
    odd = replace(facts, windows=(replace(first, **change), *others))  # type: ignore[arg-type]
    assert "can't have" in (sane.of_run(odd) or "")


def test_what_a_cluster_cannot_have_done() -> None:
    facts = stored.heard(stored.full_run()).facts
    assert sane.of_run(facts) is None
    assert facts.lifecycle is not None
    assert facts.container is not None
    change = facts.lifecycle.changes[0]
    assert change.moments
    late = replace(change.moments[0], at_ns=10**17)
    for changed, said in (
        (replace(change, moments=(late,)), "can't have taken so long"),
        (replace(change, rate_per_s=-1.0), "can't have such a rate"),
    ):
        life = replace(facts.lifecycle, changes=(changed,))
        assert said in (sane.of_run(replace(facts, lifecycle=life)) or "")
    assert facts.container.pod is not None
    start = replace(facts.container.pod.start, ready_s=float("nan"))  # type: ignore[type-var]
    pod = replace(facts.container.pod, start=start)
    odd = replace(facts, container=replace(facts.container, pod=pod))
    assert "a pod can't have taken nan s" in (sane.of_run(odd) or "")
