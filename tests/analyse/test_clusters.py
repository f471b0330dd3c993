"""What is worked out of changes of Deployments, by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.analyse.cost import prices
from harness.analyse.field import scaling, scaling_words
from harness.analyse.field.comparison import compare
from harness.analyse.run import (
    autoscaled,
    change_requests,
    changed,
    changed_words,
    digest,
    findings,
    pod_time,
)
from harness.analyse.run.changed import Changed
from harness.analyse.run.context import RunContext
from harness.analyse.run.digested import Digested
from harness.analyse.run.findings import Verdict
from harness.analyse.run.metrics import METRICS
from harness.report.page.view import Report
from harness.report.text import scaled
from harness.setup import slo
from harness.setup.changes import (
    AUTOSCALING,
    NODE_DRAINED,
    NOT_LIVE,
    POD_KILLED,
    ROLLING_UPDATE,
    TRAIN_AND_SERVE,
    ChangeName,
)
from harness.stored import sane
from harness.stored.pods import ClusterChange, PodShare
from harness.stored.records import Campaign, Run, Setup, Window
from harness.windows.causes import Cause
from harness.windows.profiles import Profile
from tests import clustered, fakes
from tests.clustered import Fate, S
from tests.fakes import Fake

WANTED = slo.parse(clustered.SLO)
PROFILES = (Profile("steady", "poisson", 4.0, rate_per_s=120.0),)
FAKE = Fake("fastapi", 8.0, capacity_per_s=100.0, profiles=PROFILES, launcher="kubernetes")


def run(*changes: tuple[Window, ClusterChange], pods: tuple[int, ...] = ()) -> Run:
    return clustered.having(fakes.run(FAKE), *changes, pods=pods)


def value(name: str, made: Run) -> float | None:
    return METRICS[name].formula(RunContext(run=made))


def told(made: Run, name: str) -> list[tuple[Verdict, str]]:
    found = findings.of_run(RunContext(run=made))
    return [(each.verdict, each.message) for each in found if each.name == name]


def of(name: ChangeName, *changes: tuple[Window, ClusterChange]) -> Changed:
    found = changed.of_name(run(*changes), name)
    assert found is not None
    return found


def scaled_report(plan: Campaign, made: list[Run]) -> Report:
    digests = tuple(digest.of_run(each, plan, None) for each in made)
    digested = Digested(folder=Path("c"), campaign=plan, digests=digests, damaged=())
    return Report(digested, compare(digested), prices.load())


def test_the_slo_holds_again_when_what_is_left_meets_it() -> None:
    late = [Fate(from_s=0.0, to_s=3.0, taken_ms=80.0)]
    requests = clustered.window(AUTOSCALING, [(20.0, 100.0)], late).requests
    # 1700 requests in time are left after 3 s: 17 late ones may be among them.
    held = change_requests.held_from_ns(requests, 0, 20 * S, WANTED)
    assert held == pytest.approx(2.83 * S, abs=0.02 * S)
    assert change_requests.held_from_ns(requests, 5 * S, 20 * S, WANTED) == 5 * S


def test_too_few_requests_say_nothing_of_the_slo() -> None:
    requests = clustered.window(AUTOSCALING, [(0.9, 100.0)]).requests
    assert change_requests.held_from_ns(requests, 0, S, WANTED) is None
    requests = clustered.window(AUTOSCALING, [(1.0, 100.0)]).requests
    assert change_requests.held_from_ns(requests, 0, S, WANTED) == 0


def test_one_failure_in_a_hundred_breaks_the_slo_though_none_is_late() -> None:
    failed = [Fate(from_s=9.0, to_s=9.01, error="status")]
    requests = clustered.window(AUTOSCALING, [(10.0, 100.0)], failed).requests
    # The errors of the SLO are 0.1%: of 1000 requests one may fail, behind 9.01 s none does, but
    # there are too few.
    assert change_requests.held_from_ns(requests, 0, 10 * S, WANTED) == 0
    assert change_requests.held_from_ns(requests, 5 * S, 10 * S, WANTED) is None


def test_what_was_in_flight_when_something_was_done_is_lost_too() -> None:
    requests = fakes.requests(
        [0.0, 4500.0, 5500.0, 5900.0, 6100.0],
        [0.0, 4500.0, 5500.0, 5900.0, 6100.0],
        [10.0, 4600.0, 5600.0, 6050.0, 6110.0],
        ["status", "", "timeout", "disconnected", "connect"],
    )
    assert change_requests.lost(requests, 6 * S).tolist() == [False, False, False, True, True]
    unknown = replace(requests, done_ns=np.full(5, -1))
    # Nothing says when they failed: those that were due in the second before are counted.
    assert change_requests.lost(unknown, 6 * S).tolist() == [False, False, True, True, True]


def test_the_longest_time_without_an_answer() -> None:
    requests = fakes.requests([0.0] * 3, [0.0] * 3, [100.0, 400.0, 900.0], ["", "", "status"])
    assert change_requests.longest_gap_s(requests, 0, S) == pytest.approx(0.6)
    assert change_requests.longest_gap_s(requests, 0, int(0.4 * S)) == pytest.approx(0.3)
    assert change_requests.longest_gap_s(requests, S, S) is None


def test_a_percentile_during_beside_before() -> None:
    slower = [Fate(from_s=6.0, to_s=12.0, taken_ms=24.0)]
    found = of(ROLLING_UPDATE, clustered.changed(ROLLING_UPDATE, slower)).beside
    assert found is not None
    assert found.name == "p99"
    assert found.ratio == pytest.approx(3.0)
    requests = clustered.window(ROLLING_UPDATE, [(20.0, 10.0)]).requests
    before, during = (change_requests.due(requests, a * S, (a + 9) * S) for a in (0, 9))
    less = change_requests.beside_before(requests, before, during, WANTED)
    assert less is not None
    assert less.name == "p95"  # 90 requests are too few for a p99
    few = change_requests.due(requests, 0, S // 10)
    assert change_requests.beside_before(requests, few, during, WANTED) is None


def test_a_percentile_among_failed_requests_has_no_ratio() -> None:
    failed = [Fate(from_s=6.0, to_s=7.0, error="connect")]
    found = of(ROLLING_UPDATE, clustered.changed(ROLLING_UPDATE, failed))
    assert found.beside is not None
    assert found.beside.during_ms is None
    assert found.beside.ratio is None
    assert value("update_tail", run(clustered.changed(ROLLING_UPDATE, failed))) is None


def test_an_update_without_a_drain_loses_requests_and_the_finding_says_why() -> None:
    made = run(clustered.rolled())
    assert value("update_lost", made) == 13
    assert value("update_gap", made) == pytest.approx(0.14, abs=0.001)
    ((verdict, said),) = told(made, "requests-lost")
    assert verdict is Verdict.WARNING
    assert said == (
        "rolling-update: 13 of 1,800 requests were lost (3 connect (refused), 10 disconnected "
        "(reset)): it does not finish at SIGTERM what is on its connections: no drain; it stops "
        "listening at SIGTERM, while its address still stands in the Service"
    )


def test_records_that_went_with_a_pod_accuse_no_server_of_a_cache() -> None:
    made = clustered.having(fakes.run(replace(FAKE, capacity_per_s=None)), clustered.rolled())
    made = replace(made, facts=replace(made.facts, model_threads=(1,)))
    assert not len(made.windows[-1].calls.start_ns)
    assert told(made, "answers-from-a-cache") == []


def test_an_update_that_drains_loses_nothing() -> None:
    made = run(clustered.rolled(drains=True))
    assert value("update_lost", made) == 0
    assert told(made, "requests-lost") == []
    assert value("update_tail", made) == pytest.approx(1.5)
    found = of(ROLLING_UPDATE, clustered.rolled(drains=True))
    assert changed_words.lost(found) == "no request of 1,800 was lost"
    assert found.held_s == 0


def test_a_failure_before_the_update_is_not_its_own() -> None:
    early = [Fate(from_s=1.0, to_s=1.03, error="status")]
    found = of(ROLLING_UPDATE, clustered.changed(ROLLING_UPDATE, early))
    assert (found.lost, found.failed_before) == (0, 3)


def test_a_killed_and_a_frozen_pod_lose_requests_for_other_reasons() -> None:
    killed = [Fate(from_s=6.0, to_s=6.05, error="disconnected")]
    frozen = [Fate(from_s=6.0, to_s=8.0, error="timeout")]
    made = run(clustered.changed(POD_KILLED, killed), clustered.changed(NOT_LIVE, frozen))
    said = [message for _, message in told(made, "requests-lost")]
    assert said[0].endswith("they were in the pod that was killed, which was given no time")
    assert said[1].endswith("the frozen pod got requests until its probe had failed often enough")
    assert value("kill_lost", made) == 5
    assert value("freeze_lost", made) == 200
    assert value("kill_held", made) == pytest.approx(0.05, abs=0.011)
    assert value("freeze_held", made) == pytest.approx(2.0, abs=0.011)


def test_an_slo_that_never_holds_again_is_told() -> None:
    broken = [Fate(from_s=6.0, to_s=18.0, taken_ms=90.0)]
    made = run(clustered.changed(NODE_DRAINED, broken, failure="the pod never came back"))
    assert value("drain_held", made) is None
    assert value("drain_lost", made) == 0
    ((_, said),) = told(made, "slo-not-held-again")
    assert said.startswith("node-drained: p99<50ms")
    assert told(made, "change-not-whole") == [
        (Verdict.WARNING, "node-drained: the pod never came back")
    ]


def test_the_steps_of_an_autoscaler() -> None:
    found = of(AUTOSCALING, clustered.autoscaled()).steps
    assert found is not None
    calm, steep = found.ups
    assert (calm.before, calm.name, calm.held_s, calm.late, calm.failed) == ("0.5x", "1x", 0, 0, 0)
    assert (calm.asked_s, calm.ready_s) == (None, None)
    assert steep.held_s is not None
    assert steep.held_s == pytest.approx(8.87, abs=0.2)  # a hundredth of what is left may be late
    assert steep.failed == 20
    assert steep.late == pytest.approx(steep.held_s * 200 - 20, abs=2)
    assert (steep.asked_s, steep.ready_s) == (5.0, 8.0)
    assert found.down_s == 11.0
    made = run(clustered.autoscaled())
    assert value("scale_up", made) == steep.held_s
    assert value("scale_failed", made) == 20
    assert value("scale_late", made) == steep.late
    assert value("scale_down", made) == 11.0


def test_seconds_of_pods_beside_those_that_the_rates_need() -> None:
    found = of(AUTOSCALING, clustered.autoscaled()).steps
    assert found is not None
    pods = found.pods
    assert pods is not None
    # One pod for 46 s, two until 75 s, one until 80 s; 1, 1, 2 and 1 of them for 20 s each.
    assert pods.used_s == pytest.approx(46 + 2 * 29 + 5)
    assert pods.ready_s == pytest.approx(48 + 2 * 23 + 9)
    assert pods.ideal_s == 100
    assert pods.fixed_s == 160
    assert pods.most == 2
    assert value("pod_seconds", run(clustered.autoscaled())) == pytest.approx(1.09)


def test_how_many_pods_carry_a_rate() -> None:
    assert [pod_time.needed(rate, 100.0) for rate in (0.0, 50.0, 100.0, 100.1, 250.0)] == [
        *(1, 1, 1, 2, 3)
    ]
    assert pod_time.needed(50.0, 0.0) == 1


def test_without_phases_or_moments_nothing_is_known_of_pods() -> None:
    _, told_ = clustered.autoscaled()
    assert pod_time.seconds(replace(told_, moments=())) is None
    assert pod_time.seconds(replace(told_, phases=())) is None
    assert autoscaled.last_down(()) is None
    bare = clustered.window(AUTOSCALING, [(5.0, 100.0)]), replace(told_, moments=(), phases=())
    found = of(AUTOSCALING, bare)
    assert found.steps is not None
    assert (found.steps.ups, found.steps.down_s, found.steps.held_s) == ((), None, None)


def test_a_step_that_the_slo_never_holds_in_is_told() -> None:
    slow = [Fate(from_s=40.0, to_s=60.0, taken_ms=400.0)]
    made = run(clustered.autoscaled(slow))
    assert value("scale_up", made) is None
    assert value("scale_late", made) == 4000
    ((_, said),) = told(made, "slo-not-held-again")
    assert said.endswith("did not hold again in the 20 s at 2x (200.0/s)")


def test_requests_that_fail_when_pods_go_are_lost() -> None:
    gone = [Fate(from_s=70.5, to_s=70.6, error="disconnected")]
    found = of(AUTOSCALING, clustered.autoscaled(gone))
    assert found.lost == 5
    assert "no drain" in changed_words.lost(found)


@pytest.mark.parametrize(
    ("calls", "replicas", "jain", "most"),
    [
        ((100, 100, 100), 3, 1.0, 1.0),
        ((300, 0, 0), 3, 1 / 3, 3.0),
        ((300,), 3, 1 / 3, 3.0),
        ((200, 100), 2, 0.9, 4 / 3),
    ],
)
def test_how_even_pods_are(calls: tuple[int, ...], replicas: int, jain: float, most: float) -> None:
    shares = tuple(PodShare(pod=str(n), calls=count) for n, count in enumerate(calls))
    found = pod_time.balance(shares, replicas)
    assert found is not None
    assert found.jain == pytest.approx(jain)
    assert found.most_over_mean == pytest.approx(most)
    assert len(found.calls) == replicas


def test_one_pod_has_no_balance() -> None:
    assert pod_time.balance((PodShare(pod="a", calls=5),), 1) is None
    assert pod_time.balance((), 0) is None
    assert pod_time.balance((PodShare(pod="a", calls=0), PodShare(pod="b", calls=0)), 2) is None


def test_a_pod_that_is_hardly_used_is_told() -> None:
    made = run(pods=(600, 500, 100))
    assert value("pod_balance", made) == pytest.approx(1200**2 / (3 * (600**2 + 500**2 + 100**2)))
    ((verdict, said),) = told(made, "pods-unbalanced")
    assert verdict is Verdict.WARNING
    assert said.startswith("its 3 pods had 600, 500, 100 calls")
    assert told(run(pods=(500, 400)), "pods-unbalanced") == []


def test_versions_that_a_job_trained() -> None:
    found = of(TRAIN_AND_SERVE, clustered.retrained())
    (version,) = found.versions
    assert version.first_s == pytest.approx(3.008)
    assert version.last_old_s == pytest.approx(3.498)
    assert version.ended_s == pytest.approx(2.5)
    assert version.old_after_new == 25  # every other one from 9.01 to 9.49 s
    made = run(clustered.retrained())
    assert value("retrain_old", made) == pytest.approx(0.998)
    assert value("retrain_lost", made) == 0


def test_a_run_without_changes_has_no_such_numbers() -> None:
    made = fakes.run(FAKE)
    names = ("pod_balance", "scale_up", "pod_seconds", "update_lost", "kill_held", "retrain_old")
    assert [value(name, made) for name in names] == [None] * len(names)
    assert changed.of_run(made) == ()


def test_courses_over_time() -> None:
    series = of(AUTOSCALING, clustered.autoscaled()).series
    assert len(series.edges_s) == len(series.offered_per_s) + 1
    width = series.edges_s[1] - series.edges_s[0]
    assert float((series.offered_per_s * width).sum()) == pytest.approx(8000)
    assert int(series.failed.sum()) == 20
    assert np.isinf(series.tail_ms).any()
    assert series.cpu_is_percent
    assert set(series.cpu) == {80.0}
    short = of(ROLLING_UPDATE, clustered.changed(ROLLING_UPDATE)).series
    assert len(short.cpu) == 0


def test_impossible_changes_are_refused() -> None:
    made = run(clustered.rolled())
    life = made.facts.lifecycle
    assert life is not None
    assert sane.of_run(made.facts) is None
    for bad in (
        replace(life.changes[0], slo="fast"),
        replace(life.changes[0], phases=(replace(life.changes[0].phases[0], to_ns=-1),)),
        replace(life.changes[0], moments=(replace(life.changes[0].moments[0], ready=-1),)),
    ):
        wrong = replace(made.facts, lifecycle=replace(life, changes=(bad,)))
        assert "rolling-update" in str(sane.of_run(wrong))


@pytest.mark.parametrize("rounds", [1, 3])
def test_efficiency_by_replicas(rounds: int) -> None:
    plan = clustered.campaign([FAKE], rounds=rounds)
    report = scaled_report(plan, clustered.runs(plan, [FAKE]))
    (found,) = scaling.of_comparisons(report.comparisons)
    assert (found.variant, found.benchmark) == ("fastapi@kubernetes", "iris")
    assert [point.replicas for point in found.points] == [1, 2, 3]
    one, two, three = found.points
    assert one.efficiency is None
    assert two.efficiency is not None
    assert three.efficiency is not None
    assert two.efficiency.value == pytest.approx(0.9, rel=0.1)
    assert three.efficiency.value == pytest.approx(0.7, rel=0.1)
    assert two.efficiency.by_rounds is (rounds > 1)
    assert two.efficiency.low is not None
    assert two.efficiency.high is not None
    assert two.efficiency.low < two.efficiency.value < two.efficiency.high
    assert three.balance is not None
    assert three.balance.calls == (600, 500, 100)


def test_the_command_prints_tables_and_sentences() -> None:
    plan = clustered.campaign([FAKE])
    report = scaled_report(plan, clustered.runs(plan, [FAKE], clustered.every()))
    found = scaling.of_comparisons(report.comparisons)
    text = "\n".join(scaled.lines(found))
    assert "fastapi@kubernetes on iris" in text
    assert "From 1x to 2x p99<50ms held after 8.8" in text
    assert "(more pods asked for after 5 s, ready after 8 s)" in text
    assert "109 pod-seconds, 1.09 times the 100 of as many pods" in text
    assert "26 of 3,600 requests were lost in 2 rounds; in the worst, 13 of 1,800" in text
    assert "the node could not be cordoned" in text
    assert f"note: the autoscaler read its figures from {clustered.SHIM}" in text
    assert "last answer of an earlier one after 3.5 s" in text
    (data,) = scaled.summary(found)
    assert [point["replicas"] for point in data["points"]] == [1, 2, 3]
    assert data["points"][2]["calls"] == [600, 500, 100]
    names = [change["name"] for change in data["changes"]]
    assert names == [
        *(AUTOSCALING, ROLLING_UPDATE, POD_KILLED, NODE_DRAINED, NOT_LIVE, TRAIN_AND_SERVE)
    ]
    assert data["changes"][1]["lost"] == 26
    assert data["changes"][1]["rounds"][0]["errors"] == {"connect": 3, "disconnected": 10}


def test_a_version_that_failed_is_told() -> None:
    made, told_ = clustered.retrained()
    version = replace(told_.trained[0], failure="its Job failed: no space left.")
    plan = clustered.campaign([FAKE], replicas=(1,), rounds=1)
    both = (made, replace(told_, trained=(version,)))
    report = scaled_report(plan, clustered.runs(plan, [FAKE], [both]))
    (found,) = scaling.of_comparisons(report.comparisons)
    said = list(scaling_words.of_change(found.changes[0]))
    assert any("Version 2, by a Job: its Job failed: no space left." in each for each in said)


def test_lost_requests_without_a_known_reason_are_counted_all_the_same() -> None:
    odd = [Fate(from_s=7.0, to_s=7.01, error="lost")]
    causes = [Cause(error="lost", kind="the generator ended", count=1)]
    found = of(ROLLING_UPDATE, clustered.changed(ROLLING_UPDATE, odd, causes))
    assert changed_words.why_lost(found) == ""
    assert changed_words.lost(found).startswith("1 of 1,800 requests was lost (1 lost (")


def test_too_few_requests_are_no_broken_slo() -> None:
    _, told_ = clustered.rolled()
    few = clustered.window(ROLLING_UPDATE, [(18.0, 5.0)]), told_
    made = run(few)
    assert value("kill_held", made) is None
    assert told(made, "slo-not-held-again") == []
    found = of(ROLLING_UPDATE, few)
    assert (found.few, found.held_s) == (True, None)
    calm = clustered.window(AUTOSCALING, [(80.0, 1.0)]), clustered.autoscaled()[1]
    steps = of(AUTOSCALING, calm).steps
    assert steps is not None
    assert all(up.few and up.held_s is None for up in steps.ups)
    assert told(run(calm), "slo-not-held-again") == []
    plan = clustered.campaign([FAKE], replicas=(1,), rounds=1)
    report = scaled_report(plan, clustered.runs(plan, [FAKE], [few, calm]))
    text = "\n".join(scaled.lines(scaling.of_comparisons(report.comparisons)))
    assert "20 requests are too few to tell when p99<50ms held" in text
    assert "too few requests to tell when it held again" in text


def test_each_pod_may_have_as_many_workers_as_were_asked_for() -> None:
    base = fakes.run(replace(FAKE, capacity_per_s=None, track="tuned"))
    server = replace(base.facts.server, asked=Setup(workers=1, threads=1, max_batch=1))
    (steady,) = base.windows
    calls = replace(steady.calls, process=np.arange(len(steady.calls.batch)) % 2)
    base = fakes.of_windows(
        replace(base, facts=replace(base.facts, server=server)), replace(steady, calls=calls)
    )
    one, two = (clustered.having(base, pods=calls_) for calls_ in ((900,), (450, 450)))
    assert any("2 processes made predictions" in said for _, said in told(one, "setup-differs"))
    assert told(two, "setup-differs") == []


def test_what_waited_for_a_connection_until_the_end_is_late_and_not_lost() -> None:
    waiting = [Fate(from_s=17.0, to_s=18.0, error="unsent")]
    found = of(ROLLING_UPDATE, clustered.changed(ROLLING_UPDATE, waiting))
    assert (found.lost, found.late, found.held_s) == (0, 100, None)
    assert (found.phases[-1].late, found.phases[-1].failed) == (100, 0)
