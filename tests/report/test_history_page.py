"""The page of a history: self-contained, complete, and hostile names stay text."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from harness.analyse.campaigns import history
from harness.analyse.campaigns.history import History
from harness.report.history import history_page as report
from tests.generated import Made, generate
from tests.report.campaigns import IMAGE, SCRIPT

MADE = Made(count=30, variants=2, steps={"v1": (24, 0.2)}, versions={"v1": (24, f"2{SCRIPT}")})


@pytest.fixture(scope="module")
def told() -> History:
    nights = [
        replace(
            night,
            campaign=f"{night.campaign}{IMAGE}",
            rows=tuple(
                replace(row, variant={"v1": f"v1{SCRIPT}"}.get(row.variant, row.variant))
                for row in night.rows
            ),
        )
        for night in generate(3, MADE)
    ]
    return history.of_nights(nights, ["latency_p50"])


@pytest.fixture(scope="module")
def html(told: History) -> str:
    return report.render(told, 10, [f"broken: {SCRIPT}"])


def test_it_has_the_change_the_host_and_each_variant(html: str) -> None:
    assert "1 change in the last 10 nights" in html
    for kind in ("desk", "phone"):
        assert html.count(f'<svg class="{kind}"') == 3
    assert "the host on sentiment" in html
    assert "v0 on sentiment" in html
    assert re.search(r"\+(1[89]|2\d)\.\d%", html)
    assert "1.0 →" in html


def test_nothing_is_asked_for_and_no_script_runs(html: str) -> None:
    assert "<script" not in html
    assert not re.search(r'(?:src|href)="(?!#|data:)', html)
    assert "default-src 'none'" in html


def test_hostile_names_stay_text(html: str) -> None:
    assert SCRIPT not in html
    assert IMAGE not in html
    assert "&lt;script&gt;" in html


def test_markdown_cells_hold_nothing_but_text(told: History) -> None:
    text = report.markdown(told, 10)
    assert SCRIPT not in text
    assert "<" not in text
    assert {line.count("|") for line in text.strip().splitlines()} == {8}


def test_the_same_nights_give_the_same_page(told: History, html: str) -> None:
    assert report.render(told, 10, [f"broken: {SCRIPT}"]) == html


def test_nothing_changed_is_said() -> None:
    quiet = history.of_nights(generate(3, Made(count=10, variants=1)), ["latency_p50"])
    assert "Nothing changed in 10 campaigns." in report.markdown(quiet, 5)
    assert "Nothing changed." in report.render(quiet, 5)


def test_one_night_can_be_shown() -> None:
    alone = history.of_nights(generate(3, Made(count=1, variants=1)), ["latency_p50"])
    assert "No variant has two campaigns yet." in report.render(alone, 5)
