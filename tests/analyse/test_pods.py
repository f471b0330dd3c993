"""What is said of a run in a cluster."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.analyse.run import findings, used
from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import METRICS
from harness.stored.container import ContainerFacts
from harness.stored.pods import PodFacts, PodStart
from harness.stored.records import Run, Window
from harness.windows.profiles import Profile
from harness.windows.samples import MISSING, usage
from tests import fakes

WELL = PodFacts(
    cluster="v1.20.2",
    node="node-1",
    namespace="some",
    qos="Guaranteed",
    replicas=1,
    own_cpus=True,
    usage_from="control group",
    start=PodStart(scheduled_s=0.125, image_s=None, started_s=0.5, ready_s=1.5),
    address="10.96.3.7:8080",
    clock_off_s=0.0,
)
NAMES = {
    *("pods-restarted", "pods-not-guaranteed", "quota-alone"),
    *("usage-by-kubelet", "node-clock-off"),
}


def _run(pod: PodFacts | None) -> Run:
    container = ContainerFacts(
        engine="containerd://1.6",
        reached="service",
        memory_limit_bytes=1 << 32,
        pids_limit=1024,
        memory_peak_bytes=300 << 20,
        throttled_s=0.0,
        out_of_memory=0,
        pod=pod,
    )
    run = fakes.run(fakes.Fake())
    return replace(run, facts=replace(run.facts, container=container))


def _found(pod: PodFacts | None) -> dict[str, tuple[str, str]]:
    of_run = findings.of_run(RunContext(run=_run(pod)))
    return {f.name: (f.verdict.value, f.message) for f in of_run if f.name in NAMES}


@pytest.mark.parametrize(
    "pod", [None, WELL, replace(WELL, clock_off_s=None), replace(WELL, clock_off_s=-0.9)]
)
def test_no_doubt_about_what_went_well(pod: PodFacts | None) -> None:
    assert _found(pod) == {}


@pytest.mark.parametrize(
    ("change", "name", "verdict", "said"),
    [
        ({"restarts": 1}, "pods-restarted", "warning", "of its pods once"),
        ({"restarts": 3}, "pods-restarted", "warning", "of its pods 3 times"),
        ({"qos": "Burstable"}, "pods-not-guaranteed", "warning", "class of service Burstable"),
        ({"own_cpus": False}, "quota-alone", "note", "a quota of CPU time"),
        ({"clock_off_s": 3.54}, "node-clock-off", "warning", "is 3.5 s ahead of this machine's"),
        ({"clock_off_s": -2.0}, "node-clock-off", "warning", "is 2.0 s behind this machine's"),
    ],
)
def test_each_doubt_is_said(change: dict[str, object], name: str, verdict: str, said: str) -> None:
    found = _found(replace(WELL, **change))  # type: ignore[arg-type]
    assert set(found) == {name}
    assert found[name][0] == verdict
    assert said in found[name][1]


def test_on_another_machine_a_quota_is_no_doubt_and_the_kubelet_is_named() -> None:
    assert set(_found(replace(WELL, usage_from="kubelet", own_cpus=False))) == {"usage-by-kubelet"}


def test_the_start_of_a_pod_is_told_in_parts() -> None:
    def values(pod: PodFacts | None) -> list[float | None]:
        names = ("pod_scheduled", "pod_image", "pod_started", "pod_ready")
        return [METRICS[name].formula(RunContext(run=_run(pod))) for name in names]

    assert values(WELL) == [0.125, None, 0.5, 1.5]
    assert values(replace(WELL, start=None)) == values(None) == [None] * 4


def _window(at_s: list[float], cpu_s: list[float]) -> Window:
    requests = fakes.requests([0.0], [0.0], [1.0])
    run = fakes.exact_run((Profile("steady", "poisson", 10.0, rate_per_s=1.0), requests))
    cpu_ns = [MISSING if each < 0 else int(each * 1e9) for each in cpu_s]
    seen = usage(
        np.array([int(at * 1e9) for at in at_s], np.int64), cpu_ns=np.array(cpu_ns, np.int64)
    )
    window = run.windows[0]
    return replace(window, usage=seen, facts=replace(window.facts, elapsed_s=10.0))


def test_a_kubelet_s_rate_between_its_counts_stands_for_the_window() -> None:
    facts = _run(replace(WELL, usage_from="kubelet")).facts
    assert used.cpu_s(facts, _window([-2.0, 4.0, 6.0], [1.0, -1.0, 5.0])) == pytest.approx(5.0)
    assert used.cpu_s(facts, _window([-0.1, 10.1], [1.0, 5.08])) == pytest.approx(4.0)
    assert used.cpu_s(facts, _window([1.0, 4.0], [1.0, 2.0])) is None
    assert used.cpu_s(facts, _window([1.0], [1.0])) is None


def test_the_kernel_s_own_count_is_taken_as_it_is() -> None:
    assert used.cpu_s(_run(WELL).facts, _window([-2.0, 11.0], [1.0, 5.0])) == pytest.approx(4.0)
