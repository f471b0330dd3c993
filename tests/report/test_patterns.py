"""The section *Patterns*: other ways to serve, beside services, and what repeated answers cost."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse.cost import prices, repeated
from harness.analyse.cost.cost import Measured
from harness.analyse.cost.repeated import Batch
from harness.analyse.statistics.stats import Spread
from harness.report.page import view
from harness.report.page.sections import patterns
from harness.stored.lifecycle import BatchJob, Lifecycle, Training, TrainingRound
from tests.fakes import Fake
from tests.report.campaigns import PROFILES
from tests.report.test_sections import rendered

JOB = BatchJob(
    version=1,
    began_ns=10**9,
    ended_ns=5 * 10**9,
    cpu_s=3.5,
    batch_size=32,
    inputs=200,
    store_bytes=3 << 20,
)
STORED = Fake(
    "stored",
    1.0,
    track="pattern",
    capacity_per_s=900.0,
    life=Lifecycle(jobs=(JOB,), idle_cpu_share=0.25),
    beside=("service",),
)
SERVICE, OTHER = Fake("service", 6.0, capacity_per_s=300.0), Fake("other", 6.5)


def section_of(html: str) -> str:
    return html.partition('<section id="patterns"')[2].partition("</section>")[0]


def measured(capacity: float | None, cpu_s: float | None) -> Measured:
    def spread(value: float | None) -> Spread | None:
        return None if value is None else Spread(value, value, value, 1)

    return Measured(
        capacity=spread(capacity),
        cpus=1,
        cpu_s=spread(cpu_s),
        memory_gib=0.2,
        on_gpu=False,
        gpu=None,
    )


def test_without_a_pattern_nothing_is_said(tmp_path: Path) -> None:
    assert 'id="patterns"' not in rendered(tmp_path, SERVICE, OTHER, rounds=1)


def test_patterns_are_shown_beside_the_services_that_they_name(tmp_path: Path) -> None:
    html = section_of(rendered(tmp_path, SERVICE, OTHER, STORED, rounds=1))
    assert 'data-value="stored"' in html
    assert 'data-value="service"' in html
    assert 'data-value="other"' not in html
    assert re.findall("<h4>(.*)</h4>", html) == [
        *("Under the same load", "The batch job before serving"),
        "What answers cost, by how often each stored answer is given",
    ]
    job = html.partition("The batch job")[2].partition("</table>")[0]
    assert 'data-value="service"' not in job  # it has none
    assert '<td data-value="200">200' in html  # stored answers
    assert '<td data-value="25">25' in html  # idle CPU
    assert "by how often each stored answer is given" in html


def test_rounds_of_federated_training_are_shown_one_by_one(tmp_path: Path) -> None:
    rounds = [
        TrainingRound(
            version=number + 1,
            answered=4,
            seconds=8.0,
            sent_bytes=112_000,
            received_bytes=47_000,
            client_cpu_s=6.5,
            server_cpu_s=1.0,
            accuracy=accuracy,
        )
        for number, accuracy in ((1, 0.583), (2, 0.722), (3, None))
    ]
    training = Training(
        clients=4, examples=451, up_s=9.0, central_accuracy=0.881, rounds=tuple(rounds)
    )
    trained = Fake("trained", 5.0, track="pattern", life=Lifecycle(training=training))
    html = section_of(rendered(tmp_path, SERVICE, trained, rounds=1))
    assert re.findall("<h4>(.*)</h4>", html)[-2:] == ["Federated training", "Rounds of trained"]
    assert "4 clients with 451 examples, connected after 9" in html
    cells = re.findall(r"<td>(.*)</td>", html.partition("Rounds of trained")[2])
    assert [cells[0], cells[7]] == ["58.3", "72.2"]
    assert cells[14] == view.NONE
    assert 'data-value="159">159' in html  # kB per round


def test_without_a_batch_job_repetition_says_nothing(tmp_path: Path) -> None:
    plain = replace(STORED, life=None, profiles=PROFILES)
    html = section_of(rendered(tmp_path, SERVICE, plain, rounds=1))
    assert 'data-value="stored"' in html
    assert "by how often each stored answer is given" not in html


def test_a_job_is_spread_over_the_answers_that_follow() -> None:
    machine = next(each for each in prices.load().instance if each.gpu == "none")
    job = Batch(seconds=4.0, cpu_s=3.0, answers=100.0)
    once, *_, often = repeated.of_row(measured(50.0, 0.001), job, machine)
    alone = repeated.of_row(measured(50.0, 0.001), Batch(), machine)[0]
    assert (once.times, often.times) == (1, 1000)
    assert once.cpu_s == pytest.approx(1.0 + 30.0)
    assert often.cpu_s == pytest.approx(1.0 + 0.03)
    assert alone.cpu_s == pytest.approx(1.0)
    assert once.usd is not None
    assert alone.usd is not None
    assert once.usd - alone.usd == pytest.approx(1e6 * machine.usd_per_hour / 3600 * 4.0 / 100)


def test_what_is_not_known_stays_unknown() -> None:
    job = Batch(seconds=4.0, cpu_s=3.0, answers=100.0)
    assert {each.usd for each in repeated.of_row(measured(None, 0.001), job, None)} == {None}
    assert {each.cpu_s for each in repeated.of_row(measured(50.0, None), job, None)} == {None}
    assert repeated.machine_for([measured(None, None)], prices.load().instance) is None


def test_its_columns_are_metrics_that_exist() -> None:
    from harness.analyse.field.comparison import COLUMNS

    assert {name for names in patterns._TABLES.values() for name in names} <= set(COLUMNS)
