"""What is made of an answer: what its protocol can't read, what is wrong, and why."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from harness.base import secrecy
from harness.measure.talk import local
from harness.measure.talk.answers import GARBAGE, WRONG, Answers
from harness.protocols import registered
from harness.setup import judges
from harness.windows.marks import MARKS, Marks
from harness.windows.samples import MISSING
from tests import fakes

TOLERANCE = 0.25
EQUAL = judges.named(judges.EQUAL)


@pytest.mark.parametrize(
    ("body", "code", "why"),
    [
        (b'{"predictions": [0.5]}', 0, ""),
        (b'{"predictions": [0.6]}', 0, ""),
        (b'{"predictions": [0.9]}', WRONG, "expected 0.5, got 0.9"),
        (b'{"predictions": [NaN]}', WRONG, "expected 0.5, got nan"),
        (b'{"predictions": ["0.5"]}', WRONG, "expected 0.5, got '0.5'"),
        (b'{"predictions": []}', GARBAGE, "0 predictions for one instance"),
        (b'{"predictions": [0.5, 0.5]}', GARBAGE, "2 predictions for one instance"),
        (b"oops", GARBAGE, "no JSON in 'oops'"),
    ],
)
def test_judge(body: bytes, code: int, why: str) -> None:
    answers = Answers(
        expected=[99, 0.5], tolerance=TOLERANCE, protocol=registered()["json"], rule=EQUAL
    )
    assert answers.judge(1, body) == (code, why)


def test_a_long_wrong_answer_is_shown_short() -> None:
    answers = Answers(expected=[1], tolerance=TOLERANCE, protocol=registered()["json"], rule=EQUAL)
    code, why = answers.judge(0, b'{"predictions": ["' + b"x" * 10_000 + b'"]}')
    assert code == WRONG
    assert len(why) < 200
    assert why.endswith("...")


@pytest.mark.parametrize("length", range(60, 130, 7))
@pytest.mark.parametrize("form", ['{"predictions": ["%s"]}', "no JSON %s", '{"other": "%s"}'])
def test_a_secret_is_concealed_before_a_wrong_answer_is_cut(form: str, length: int) -> None:
    secrecy.keep("s3cr3t-value-of-a-token", "$TOKEN")
    answers = Answers(expected=[1], tolerance=TOLERANCE, protocol=registered()["json"], rule=EQUAL)
    _, why = answers.judge(0, (form % ("x" * length + "s3cr3t-value-of-a-token")).encode())
    assert "s3c" not in why


def test_the_benchmark_s_judge_judges() -> None:
    answers = Answers(
        expected=[["a", "b"]],
        tolerance=TOLERANCE,
        protocol=registered()["json"],
        rule=judges.named("set"),
    )
    assert answers.judge(0, b'{"predictions": [["b", "a"]]}') == (0, "")
    code, why = answers.judge(0, b'{"predictions": [["b", "b"]]}')
    assert (code, why) == (WRONG, "expected ['a', 'b'], got ['b', 'b']")


FLOWER = {"label": "a", "score": 0.5}
OTHER = b'{"label": "b", "score": 0.75}'


@pytest.mark.parametrize(
    ("approximate", "more", "right"),
    [
        (True, b', "local": true', True),
        (True, b', "local": false', False),
        (True, b', "local": 1', False),
        (True, b"", False),
        (False, b', "local": true', False),
    ],
)
def test_what_a_smaller_model_answers_need_be_a_prediction(
    approximate: bool, more: bytes, right: bool
) -> None:
    """It says that it is one, and the variant has declared that there are such."""
    answers = Answers(
        expected=[FLOWER],
        tolerance=TOLERANCE,
        protocol=registered()["json"],
        rule=EQUAL,
        approximate=approximate,
    )
    body = b'{"predictions": [' + OTHER + b"]" + more + b"}"
    assert answers.judge(0, body)[0] == (0 if right else WRONG)


@pytest.mark.parametrize(
    ("actual", "right"),
    [
        ({"label": "b", "score": 1}, True),
        ({"label": "b", "score": float("nan")}, False),
        ({"label": "b", "score": 10**400}, True),
        ({"label": "b", "score": True}, False),
        ({"label": 1, "score": 0.5}, False),
        ({"label": "b"}, False),
        ({"label": "b", "score": 0.5, "more": 1}, False),
        ("b", False),
        (None, False),
    ],
)
def test_a_prediction_of_the_reference_s_form(actual: object, right: bool) -> None:
    assert local.alike(FLOWER, actual) is right


def test_the_form_of_other_predictions() -> None:
    assert local.alike([1, 2], [3])
    assert local.alike(True, False)
    assert not local.alike(True, 1)
    assert not local.alike([1], {"a": 1})
    assert local.alike(None, None)


VERSIONED = Answers(
    expected=[{"label": "a", "score": 0.5}],
    later={2: [{"label": "b", "score": 2.5}]},
    tolerance=TOLERANCE,
    protocol=registered()["json"],
    rule=EQUAL,
)


@pytest.mark.parametrize(
    ("body", "version", "why"),
    [
        (b'{"predictions": [{"label": "a", "score": 0.5}]}', MISSING, ""),
        (b'{"predictions": [{"label": "a", "score": 0.5}]}', 1, ""),
        (b'{"predictions": [{"label": "b", "score": 2.5}]}', 2, ""),
        (b'{"predictions": [{"label": "b", "score": 2.5}]}', 1, "expected {"),
        (b'{"predictions": [{"label": "a", "score": 0.5}]}', 2, "of version 2, got {"),
        (b'{"predictions": [{"label": "b", "score": 0.5}]}', 1, "expected {"),
        (b'{"predictions": [{"label": "b", "score": 0.5}]}', 2, "of version 2, got {"),
        (b'{"predictions": [{"label": "b", "score": 2.5}]}', 3, "it names version 3 of the model"),
    ],
)
def test_an_answer_is_that_of_the_version_that_it_names(
    body: bytes, version: int, why: str
) -> None:
    code, said = VERSIONED.judge(0, body, version)
    assert (code, bool(said)) == ((WRONG, True) if why else (0, False))
    assert why in said


def test_versions_mean_nothing_where_no_other_is_known() -> None:
    alone = replace(VERSIONED, later={})
    assert alone.judge(0, b'{"predictions": [{"label": "a", "score": 0.5}]}', 7) == (0, "")


def test_what_nobody_knows_the_answer_to_is_not_judged() -> None:
    requests = fakes.requests([0, 1], [0, 1], [2, 3])
    requests = replace(requests, payload=np.array([0, 1]))
    body = b'{"predictions": [{"label": "x", "score": 0.0}]}'
    marks = Marks(
        request=np.array([0]), mark=np.array([MARKS.index("version")]), value=np.array([2])
    )
    judged, checked, complaints = VERSIONED.judged(requests, {0: body, 1: body}, marks)
    assert (judged.error == WRONG).tolist() == [True, False]
    assert checked == 1
    assert "of version 2" in complaints[0]
