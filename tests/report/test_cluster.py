"""The section *Cluster*: replicas, and changes under load drawn over time."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from harness.analyse.cost import prices
from harness.analyse.field.comparison import compare
from harness.analyse.run import changed, digest
from harness.analyse.run.digested import Digested
from harness.report import formats
from harness.report.draw import change_plot
from harness.report.draw.colours import Look
from harness.report.page.sections import cluster
from harness.report.page.view import Report
from harness.setup.changes import ROLLING_UPDATE
from harness.stored.identity import VARIANT, Point
from harness.stored.pods import ClusterChange, Happening
from harness.stored.records import Window
from harness.windows.profiles import Profile
from tests import clustered, fakes
from tests.clustered import S
from tests.fakes import Fake
from tests.report.campaigns import SCRIPT
from tests.report.test_charts import figures, rendered
from tests.report.test_functions import cells

PROFILES = (Profile("steady", "poisson", 4.0, rate_per_s=120.0),)
FASTAPI = Fake("fastapi", 8.0, capacity_per_s=100.0, profiles=PROFILES, launcher="kubernetes")
TRITON = Fake(
    "triton",
    6.0,
    capacity_per_s=150.0,
    profiles=PROFILES,
    launcher="kubernetes",
    framework="Triton",
)
Changes = Sequence[tuple[Window, ClusterChange]]


def report_of(
    *known: Fake,
    changes: Changes = (),
    rounds: int = 2,
    replicas: Sequence[int] = (1, 2, 3),
    cpus: str = "4",
) -> Report:
    known = known or (FASTAPI,)
    plan = clustered.campaign(known, replicas, rounds)
    plan = replace(plan, environment={**plan.environment, "cpus": cpus})
    made = clustered.runs(plan, known, changes)
    digests = tuple(digest.of_run(each, plan, None) for each in made)
    digested = Digested(folder=Path("c"), campaign=plan, digests=digests, damaged=())
    return Report(digested, compare(digested), prices.load())


def html_of(report: Report) -> str:
    return unescape(rendered(report, "cluster"))


@pytest.fixture(scope="module")
def whole() -> str:
    return html_of(report_of(FASTAPI, TRITON, changes=clustered.every()))


def test_without_a_cluster_nothing_is_said() -> None:
    plan = fakes.campaign([FASTAPI], 1)
    made = tuple(digest.of_run(fakes.run(FASTAPI), plan, None) for _ in range(1))
    digested = Digested(folder=Path("c"), campaign=plan, digests=made, damaged=())
    assert rendered(Report(digested, compare(digested), prices.load()), "cluster") == ""


def test_replicas_stand_in_lines_with_efficiency_and_balance(whole: str) -> None:
    line = cells(whole, "fastapi@kubernetes", "3")
    assert line[0] == "3"
    assert re.match(r"2\d\d(\.\d)? \d+", line[1])
    assert re.match(r"\d\d% \(\d+–\d+\)", line[2])
    assert line[3:] == ["0.774", "600, 500, 100"]
    assert re.search(r"<li>2 pods hold 1\.\d+ times the load of one: an efficiency of", whole)
    assert "the busiest had 1.50 times the mean (Jain's index 0.774)" in whole


def test_capacity_and_efficiency_are_drawn_with_intervals(whole: str) -> None:
    drawn = figures(whole)
    for title in ("Capacity by replicas", "Efficiency by replicas"):
        assert drawn[title].count('class="line"') == 2
        assert drawn[title].count('class="whisker"') == 2
    told = re.findall('data-p="(.*?)"', drawn["Efficiency by replicas"])[0].split(";")
    assert len(told) == 3
    assert "100%" in " ".join(told)


def test_each_change_has_its_numbers_and_its_course(whole: str) -> None:
    titles = re.findall(r"<h4>(.*?)</h4>", whole)
    assert titles == [
        "Replicas",
        "Autoscaling",
        "Rolling update",
        "A pod killed",
        "A node drained",
        "A pod frozen",
        "Train and serve",
    ]
    drawn = figures(whole)
    course = drawn["Autoscaling: fastapi@kubernetes"]
    assert course.count("<svg ") == 2  # for a screen and for a phone
    assert "offered from 50 to 200/s; pods ready from 1 to 2; p99 from 8 to 400 ms" in course
    assert "CPU from 80 to 80% of what pods request; 20 requests failed" in course
    for said in ("0.5x", "pods: wanted (dashed)", "CPU of its pods, % of what they request"):
        assert said in course
    assert "45 s: 2 replicas asked for" in course


def test_lost_requests_name_the_variant_and_the_reason(whole: str) -> None:
    assert re.search(
        r"<li><b>fastapi@kubernetes</b>\s*<ul>\s*<li>26 of 3,600 requests were lost in 2", whole
    )
    assert "no drain" in whole
    update = whole.partition("<h4>Rolling update</h4>")[2]
    line = cells(update, "fastapi@kubernetes")
    assert line == ["2", "13", "0.140", "–"]


def test_what_the_figures_rest_on_is_said(whole: str) -> None:
    assert f"the autoscaler read its figures from {clustered.SHIM}" in whole
    assert clustered.ONE_NODE in whole
    assert "ran on the node node-1 of a cluster with Kubernetes 1.20.2" in whole
    assert "3 pods with up to 2 CPUs each shared the 4 CPUs of this machine" in whole
    roomy = html_of(report_of(cpus="64"))
    assert "shared the" not in roomy


def test_the_numbers_of_each_phase_are_a_table(whole: str) -> None:
    update = whole.partition("<h4>Rolling update</h4>")[2]
    rows = re.findall(r'<tr>\s*<th scope="row">(\w+)</th>(.*?)</tr>', update, re.DOTALL)
    known = {name: re.findall(r'<td class="num">(.*?)</td>', body) for name, body in rows[:3]}
    assert known["before"] == ["0–6", "100", "600", "0", "0", "8", "8", "2"]
    assert known["during"] == ["6–12", "100", "600", "0", "13", "8", "–", "2"]


def test_a_change_that_failed_is_told_without_a_picture() -> None:
    failed = clustered.changed(ROLLING_UPDATE, failure="the new pod never was ready")
    gone = (replace(failed[0], requests=failed[0].requests), failed[1])
    report = report_of(changes=[gone], replicas=(1,), rounds=1)
    bare = [
        replace(each, changed=()) if each.cell.point == Point("replicas", 1, VARIANT) else each
        for each in report.digested.digests
    ]
    digested = replace(report.digested, digests=tuple(bare))
    html = html_of(Report(digested, compare(digested), prices.load()))
    assert "<li>Not whole: the new pod never was ready.</li>" in html
    assert "<svg" not in html


def test_happenings_beyond_the_numbered_ones_are_counted() -> None:
    window, told = clustered.rolled()
    many = tuple(Happening(at_ns=6 * S + n, said=f"thing {n}") for n in range(15))
    html = html_of(report_of(changes=[(window, replace(told, happenings=many))], rounds=1))
    assert "thing 11" in html
    assert "thing 12" not in html
    assert "… and 3 more" in html


def test_texts_from_outside_stay_texts() -> None:
    window, told = clustered.rolled()
    nasty = replace(
        told,
        note=SCRIPT,
        metrics_from=SCRIPT,
        happenings=(Happening(at_ns=6 * S, said=SCRIPT),),
        phases=tuple(replace(each, name=f"{each.name}{SCRIPT}") for each in told.phases),
        failure=SCRIPT,
    )
    html = rendered(report_of(changes=[(window, nasty)], rounds=1), "cluster")
    assert SCRIPT not in html
    assert "&lt;script&gt;" in html


def test_a_course_of_few_requests_is_drawn_without_a_percentile() -> None:
    window = clustered.window(ROLLING_UPDATE, [(2.0, 20.0)])
    _, told = clustered.rolled()
    found = changed.of_window(window, replace(told, moments=(), happenings=()))
    svg = change_plot.draw("x", found, Look(slot=0, mark=0))
    assert "of the response time" not in svg
    assert "requests/s: due" in svg


def test_programs_and_pull_requests_are_told_too() -> None:
    report = report_of(changes=clustered.every())
    told = json.loads(str(formats.load()["json"].make(report)))
    (each,) = told["cluster"]
    assert each["variant"] == "fastapi@kubernetes"
    assert each["points"][1]["efficiency"]["value"] == pytest.approx(0.9, rel=0.1)
    said = str(formats.load()["markdown"].make(report))
    assert "### `fastapi@kubernetes` on a cluster, `iris`" in said
    assert re.search(r"^- Autoscaling: 109 pod-seconds", said, re.MULTILINE)
    table = str(formats.load()["csv"].make(report))
    assert "update_lost" in table
    assert "pod_balance" in table


def test_its_metrics_stand_in_no_other_table() -> None:
    html = rendered(report_of(changes=clustered.every()), "table")
    assert "lost in update" not in html
    assert len(set(cluster.OWN)) == len(cluster.OWN)
