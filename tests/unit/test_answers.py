"""When an answer is the reference's."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.measure.talk.answers import GARBAGE, WRONG, Answers, same
from harness.protocols import registered

TOLERANCE = 0.25
NUMBERS = st.floats(-1e6, 1e6)


@pytest.mark.parametrize(
    ("expected", "actual", "equal"),
    [
        # numbers, up to and with the tolerance
        (1.0, 1.0, True),
        (1.0, 1.25, True),
        (1.0, 0.75, True),
        (1.0, 1.2500001, False),
        (1, 1.0, True),
        (1.0, 1, True),
        (0, 10**400, False),
        (1.0, "1.0", False),
        (1.0, None, False),
        # a NaN or an infinity is never right
        (1.0, nan, False),
        (nan, nan, False),
        (1.0, inf, False),
        (inf, inf, False),
        # truth is no number
        (True, True, True),
        (True, False, False),
        (True, 1, False),
        (1, True, False),
        (0, False, False),
        # text
        ("positive", "positive", True),
        ("positive", "Positive", False),
        ("", None, False),
        (None, None, True),
        # shapes
        ([1.0, 2.0], [1.1, 2.1], True),
        ([1.0, 2.0], [1.0], False),
        ([1.0], [1.0, 2.0], False),
        ([1.0], 1.0, False),
        (1.0, [1.0], False),
        ([[1.0]], [[1.0]], True),
        ([], [], True),
        ([], {}, False),
        ({"label": "a", "score": 0.5}, {"score": 0.6, "label": "a"}, True),
        ({"label": "a", "score": 0.5}, {"label": "b", "score": 0.5}, False),
        ({"label": "a"}, {"label": "a", "score": 0.5}, False),
        ({"label": "a", "score": 0.5}, {"label": "a"}, False),
        ({"score": [0.5, nan]}, {"score": [0.5, nan]}, False),
    ],
)
def test_same(expected: Any, actual: Any, equal: bool) -> None:
    assert same(expected, actual, TOLERANCE) is equal


@given(NUMBERS, NUMBERS, st.floats(0, 10))
def test_numbers_differ_by_the_tolerance_at_most(a: float, b: float, tolerance: float) -> None:
    assert same(a, b, tolerance) == same(b, a, tolerance) == (abs(a - b) <= tolerance)


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
    answers = Answers([99, 0.5], TOLERANCE, registered()["json"])
    assert answers.judge(1, body) == (code, why)


def test_a_long_wrong_answer_is_shown_short() -> None:
    answers = Answers([1], TOLERANCE, registered()["json"])
    code, why = answers.judge(0, b'{"predictions": ["' + b"x" * 10_000 + b'"]}')
    assert code == WRONG
    assert len(why) < 200
    assert why.endswith("...")
