"""When a prediction is right, by each judge that a benchmark may name."""

from __future__ import annotations

from math import inf, nan
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.base.errors import UsageError
from harness.measure.campaign import content
from harness.setup import judges
from tests.unit.conftest import BENCHMARK, Project

TOLERANCE = 0.25
NUMBERS = st.floats(-1e6, 1e6)
SCORES = {"a": 9.0, "b": 5.0, "c": 4.9, "d": 1.0}


def right(judge: str, expected: Any, actual: Any) -> bool:
    return judges.named(judge).right(expected, actual, TOLERANCE)


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
def test_equal(expected: Any, actual: Any, equal: bool) -> None:
    assert right("equal", expected, actual) is equal


@given(NUMBERS, NUMBERS, st.floats(0, 10))
def test_numbers_differ_by_the_tolerance_at_most(a: float, b: float, tolerance: float) -> None:
    equal = judges.named("equal")
    assert equal.right(a, b, tolerance) == equal.right(b, a, tolerance)
    assert equal.right(a, b, tolerance) == (abs(a - b) <= tolerance)


@pytest.mark.parametrize(
    ("expected", "actual", "is_right"),
    [
        (100.0, 125.0, True),
        (100.0, 126.0, False),
        (-100.0, -75.0, True),
        (0.01, 0.02, False),
        (0.0, 0.0, True),
        (0.0, 1e-9, False),
        (1.0, nan, False),
        (0, 10**400, False),
        ({"score": [8.0, "x"]}, {"score": [10.0, "x"]}, True),
        ({"score": [8.0, "x"]}, {"score": [10.0, "y"]}, False),
    ],
)
def test_relative(expected: Any, actual: Any, is_right: bool) -> None:
    assert right("relative", expected, actual) is is_right


@pytest.mark.parametrize(
    ("judge", "expected", "actual", "is_right"),
    [
        ("prefix", [5, 6, 7], [5, 6, 7], True),
        ("prefix", [5, 6, 7], [5, 6, 7, 8], True),
        ("prefix", [5, 6, 7], [5, 6], False),
        ("prefix", [5, 6, 7], [5, 7, 7], False),
        ("prefix", [5, 6, 7], [], False),
        ("prefix", [], [5], False),
        ("prefix", [], [], True),
        ("prefix", [5, 6], "5 6", False),
        ("prefix", "the cat", "the cat sat", True),
        ("prefix", "the cat", "the category", False),
        ("prefix", "the cat", "the", False),
        ("prefix", 5, 5, True),
        ("prefix", 5, 6, False),
        ("prefix", {"tokens": [5], "end": "stop"}, {"tokens": [5, 6], "end": "stop"}, True),
        ("prefix", {"tokens": [5], "end": "stop"}, {"tokens": [6, 5], "end": "stop"}, False),
        ("prefix", {"tokens": [5], "end": "stop"}, {"tokens": [5]}, False),
        ("prefix", {"tokens": [5]}, [5], False),
        ("prefix:2", [5, 6, 7], [5, 6, 9], True),
        ("prefix:2", [5, 6, 7], [5, 6], True),
        ("prefix:2", [5, 6, 7], [5], False),
        ("prefix:2", [5, 6, 7], [5, 9, 7], False),
        ("prefix:2", [5], [5], True),
        ("prefix:2", [5], [5, 6], False),  # the reference had stopped
    ],
)
def test_prefix(judge: str, expected: Any, actual: Any, is_right: bool) -> None:
    assert right(judge, expected, actual) is is_right


@pytest.mark.parametrize(
    ("expected", "actual", "is_right"),
    [
        (["a", "b"], ["b", "a"], True),
        (["a", "b"], ["a", "b"], True),
        (["a", "b"], ["a"], False),
        (["a", "b"], ["a", "b", "b"], False),
        (["a", "b"], ["a", "a"], False),
        (["a", "a", "b"], ["a", "b", "a"], True),
        ([], [], True),
        ([], ["a"], False),
        ([1.0, 1.2], [1.4, 1.0], True),  # the first of them is near both
        ([1.0, 2.0], [2.0, 1.3], False),
        ([1.0, 2.0], [2.0, nan], False),
        ([1.0, 2.0], [2.0, 10**400], False),
        ([{"box": [1, 2]}, {"box": [9, 9]}], [{"box": [9, 9]}, {"box": [1, 2]}], True),
        ({"labels": ["a", "b"]}, {"labels": ["b", "a"]}, True),
        ({"labels": ["a", "b"]}, {"labels": ["b", "c"]}, False),
        (["a"], "a", False),
        ("a", "a", True),
    ],
)
def test_set(expected: Any, actual: Any, is_right: bool) -> None:
    assert right("set", expected, actual) is is_right


@pytest.mark.parametrize(
    ("judge", "expected", "actual", "is_right"),
    [
        ("ranking", ["x", "y", "z"], ["x", "y", "z"], True),
        ("ranking", ["x", "y", "z"], ["x", "z", "y"], False),
        ("ranking", ["x", "y", "z"], ["x", "y"], False),
        ("ranking:2", ["x", "y", "z"], ["x", "y", "q"], True),
        ("ranking:2", ["x", "y", "z"], ["y", "x", "z"], False),
        ("ranking:2", ["x", "y", "z"], ["x"], False),
        ("ranking:2", ["x", "y"], "xy", False),
        # scores: what counts is the order that they make
        ("ranking", SCORES, {"a": 0.9, "b": 0.5, "c": 0.4, "d": 0.1}, True),
        ("ranking", SCORES, {"a": 0.9, "c": 0.5, "b": 0.4, "d": 0.1}, True),  # as good as tied
        ("ranking", SCORES, {"b": 0.9, "a": 0.5, "c": 0.4, "d": 0.1}, False),
        ("ranking", SCORES, {"a": 0.9, "b": 0.5, "c": 0.4}, False),
        ("ranking", SCORES, {"a": 0.9, "b": 0.5, "c": 0.4, "d": nan}, False),
        ("ranking", SCORES, {"a": 0.9, "b": 0.5, "c": 0.4, "d": "0.1"}, False),
        ("ranking:1", SCORES, {"a": 0.9, "d": 0.5, "e": 0.1}, True),
        ("ranking:1", SCORES, {"e": 0.9, "a": 0.5}, False),
        ("ranking:2", SCORES, {"a": 0.9}, False),
        ("ranking", SCORES, ["a", "b", "c", "d"], False),
    ],
)
def test_ranking(judge: str, expected: Any, actual: Any, is_right: bool) -> None:
    assert right(judge, expected, actual) is is_right


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("equals", "There is no judge 'equals'. Did you mean 'equal'?"),
        ("set:3", "The judge 'set' takes no count."),
        ("prefix:0", "The judge 'prefix' takes a count above 0, not '0'."),
        ("prefix:", "The judge 'prefix' takes a count above 0, not ''."),
        ("ranking:-1", "The judge 'ranking' takes a count above 0, not '-1'."),
    ],
)
def test_a_judge_that_there_is_not(name: str, why: str) -> None:
    with pytest.raises(UsageError) as caught:
        judges.named(name)
    assert str(caught.value) == why


def test_a_judge_says_what_it_asks() -> None:
    assert "first 16" in judges.told("prefix:16")
    assert judges.told("of-a-later-version") == "a judge that this version does not know"
    assert all(judges.told(name) for name in judges.names())


def test_a_benchmark_with_another_judge_is_another_one(project: Project) -> None:
    usual = content.of_benchmark(project.bench())
    head = {judge: f'{BENCHMARK}judge = "{judge}"\n' for judge in ("equal", "set")}
    # The judge of earlier versions: their digests must stay what they were.
    assert content.of_benchmark(project.bench(head=head["equal"])) == usual
    assert content.of_benchmark(project.bench(head=head["set"])) != usual
