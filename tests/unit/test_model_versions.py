"""Answers that any of several versions of a model may give."""

from __future__ import annotations

import json

import numpy as np
import pytest

from harness.measure.talk import model_versions
from harness.measure.talk.answers import GARBAGE, WRONG, Answers
from harness.measure.talk.model_versions import VersionedAnswers
from harness.protocols import spoken
from harness.setup import judges
from harness.windows.marks import MARKS, Marks
from harness.windows.samples import MISSING, empty
from tests import fakes

FIRST = [{"label": "a", "score": 0.5}, {"label": "b", "score": 0.75}]
SECOND = [{"label": "a", "score": 0.6}, {"label": "b", "score": 0.75}]
THIRD = [{"label": "c", "score": 0.6}, {"label": "c", "score": 0.1}]


@pytest.fixture
def judge() -> VersionedAnswers:
    usual = Answers(
        expected=FIRST,
        tolerance=1e-4,
        protocol=spoken("json"),
        rule=judges.named(judges.EQUAL),
    )
    return model_versions.of(usual, {2: SECOND, 3: THIRD})


def body(prediction: dict[str, object]) -> bytes:
    return json.dumps({"predictions": [prediction]}).encode()


def test_what_any_version_answers_is_right_and_the_version_is_told(
    judge: VersionedAnswers,
) -> None:
    requests = fakes.requests([0, 1, 2], [0, 1, 2], [1, 2, 3])
    bodies = {0: body(FIRST[0]), 1: body(SECOND[0]), 2: body(THIRD[0])}
    found, checked, complaints = judge.judged(requests, bodies)
    assert (found.error.tolist(), checked, complaints) == ([0, 0, 0], 3, [])
    marks = judge.marked(empty(Marks))
    assert marks.each("version", 3).tolist() == [1, 2, 3]


def test_an_answer_that_two_versions_give_is_right_and_of_neither(judge: VersionedAnswers) -> None:
    requests = fakes.requests([0], [0], [1])
    requests.payload[0] = 1
    found, _, _ = judge.judged(requests, {0: body(FIRST[1])})
    assert found.ok.all()
    assert judge.marked(empty(Marks)).each("version", 1).tolist() == [MISSING]


def test_what_no_version_answers_is_wrong(judge: VersionedAnswers) -> None:
    requests = fakes.requests([0, 1, 2], [0, 1, 2], [1, 2, 3])
    requests.error[2] = 1
    bodies = {0: body({"label": "z", "score": 0.5}), 1: b"{}", 2: body(FIRST[0])}
    found, checked, complaints = judge.judged(requests, bodies)
    assert found.error.tolist() == [WRONG, GARBAGE, 1]
    assert checked == 2
    assert "no version answers so" in complaints[0]
    assert len(judge.marked(empty(Marks))) == 0


def test_other_marks_stay(judge: VersionedAnswers) -> None:
    requests = fakes.requests([0], [0], [1])
    judge.judged(requests, {0: body(THIRD[0])})
    row = np.zeros(1, np.int64)
    before = Marks(request=row, mark=row + MARKS.index("polls"), value=row + 7)
    marks = judge.marked(before)
    assert marks.each("polls", 1).tolist() == [7]
    assert marks.each("version", 1).tolist() == [3]
    judge.judged(requests, {})
    assert len(judge.marked(before)) == 1
