"""How often answers are right some of which a smaller model gave."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.base.errors import AnswerError
from harness.measure.campaign.bench import Bench
from harness.measure.talk import approximate
from harness.measure.talk.answers import Answers
from harness.protocols import registered
from harness.setup import judges
from harness.stored import accuracy
from harness.stored.accuracy import Accuracy
from tests import fakes
from tests.unit.conftest import BENCHMARK, Project

ROWS = 40


def bench(project: Project, held_out: object, head: str = BENCHMARK) -> Bench:
    """Payloads whose label is `a`; the reference says so of all but the first."""
    lines = [json.dumps({"instance": row, "label": "a"}) for row in range(ROWS - 1)]
    unlabelled = json.dumps({"instance": ROWS - 1})
    made = project.bench(head=head, payloads="\n".join([*lines, unlabelled]))
    (project.root / "small.json").write_text(json.dumps({"held_out": held_out}))
    return Bench(
        benchmark=made,
        artefact=project.root,
        payloads=tuple(range(ROWS)),
        expected=("b", *("a" for _ in range(ROWS - 1))),
        warm_up_s=0,
        verify_share=1.0,
    )


def counted(made: Bench, right: int, *, approximates: bool = True) -> Accuracy | None:
    """What is counted where so many of the first answers are right, and those are local."""
    answers = Answers(
        expected=list(made.expected),
        tolerance=0,
        protocol=registered()["json"],
        rule=judges.named("equal"),
        approximate=approximates,
    )
    requests = fakes.requests(None, [0.0] * ROWS, [1.0] * ROWS)
    requests = replace(requests, payload=np.arange(ROWS))
    bodies = {
        row: json.dumps({"predictions": ["a" if row < right else "b"], "local": row < right})
        for row in range(ROWS)
    }
    encoded = {row: body.encode() for row, body in bodies.items()}
    return approximate.counted(answers, made, requests, encoded)


def test_it_is_counted_where_no_model_was_trained(project: Project) -> None:
    found = counted(bench(project, [0, 1, 2, 3, ROWS - 1]), right=2)
    assert found == Accuracy(asked=4, right=2, reference_right=3, local=2)


@pytest.mark.parametrize("held_out", [[], ["1", 2.5], [ROWS + 1], "1"])
def test_nothing_is_counted_where_no_payload_was_held_out(
    project: Project, held_out: object
) -> None:
    assert counted(bench(project, held_out), right=ROWS) is None


def test_nor_where_all_answers_are_the_reference_s(project: Project) -> None:
    assert counted(bench(project, [1, 2]), right=ROWS, approximates=False) is None


def test_no_small_model_or_one_that_is_no_json(project: Project, tmp_path: Path) -> None:
    made = bench(project, [1])
    (project.root / "small.json").write_text("{")
    assert approximate.held_out(made.artefact) == frozenset()
    assert approximate.held_out(tmp_path / "none") == frozenset()


def test_answers_that_are_too_seldom_right_are_an_error(project: Project) -> None:
    made = bench(project, list(range(30)), BENCHMARK + "accuracy_at_least = 0.9\n")
    assert counted(made, right=26) is not None, "chance explains so few"
    with pytest.raises(AnswerError) as caught:
        counted(made, right=20)
    assert str(caught.value) == (
        "Its answers have the right label for 20 of 30 held-out payloads; some requires 90% "
        "(accuracy_at_least), and chance does not explain the difference."
    )


@pytest.mark.parametrize(
    ("right", "asked", "low", "high"),
    [(0, 10, 0.0, 0.3085), (10, 10, 0.6915, 1.0), (8, 10, 0.4439, 0.9748), (50, 100, 0.398, 0.602)],
)
def test_the_interval_is_clopper_s_and_pearson_s(
    right: int, asked: int, low: float, high: float
) -> None:
    """Tables of the binomial distribution have these."""
    found = accuracy.interval(right, asked)
    assert found[0] == pytest.approx(low, abs=5e-4)
    assert found[1] == pytest.approx(high, abs=5e-4)


def test_in_words() -> None:
    assert accuracy.told(Accuracy(asked=100, right=50, reference_right=100, local=7)) == (
        "of 100 held-out payloads, a smaller model answered 7; the answers have the right label "
        "for 50.0% (39.8–60.2), the reference's for 100.0% (96.4–100.0)"
    )
