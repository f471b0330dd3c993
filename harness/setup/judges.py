"""When a prediction is right: one registered pure function a judge, which a benchmark names.

A judge gets what the reference predicted, what the server predicted, and how near numbers must be.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from harness.base.errors import UsageError, unknown

EQUAL = "equal"  # the judge of benchmarks that name none

Near = Callable[[float, float], bool]  # of the expected and the actual number
Rule = Callable[[Any, Any, float, int | None], bool]
Given = TypeVar("Given", bound=Rule)


@dataclass(frozen=True, slots=True, kw_only=True)
class Judge:
    """A rule, and the count that a benchmark may give it after a colon."""

    name: str  # as the benchmark gives it
    rule: Rule
    said: str  # what it asks of a prediction, for the report
    count: int | None = None

    def right(self, expected: Any, actual: Any, tolerance: float) -> bool:
        """Whether a prediction is as good as the reference's."""
        return self.rule(expected, actual, tolerance, self.count)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Registered:
    rule: Rule
    said: str
    counts: str  # what is said where a count is given; empty: it takes none


_JUDGES: dict[str, _Registered] = {}


def judge(name: str, said: str, counts: str = "") -> Callable[[Given], Given]:
    """Register a function under the name that benchmarks give, with what it asks of a prediction;
    in `counts`, where it takes a count, `{count}` stands for it."""

    def register(rule: Given) -> Given:
        _JUDGES[name] = _Registered(rule=rule, said=said, counts=counts)
        return rule

    return register


def names() -> list[str]:
    """Every judge."""
    return list(_JUDGES)


def named(text: str) -> Judge:
    """The judge of that name, with what follows a colon. Raises UsageError."""
    name, colon, given = text.partition(":")
    if name not in _JUDGES:
        raise unknown("judge", name, _JUDGES)
    found = _JUDGES[name]
    if not colon:
        return Judge(name=text, rule=found.rule, said=found.said)
    if not found.counts:
        raise UsageError(f"The judge {name!r} takes no count.")
    if not given.isascii() or not given.isdecimal() or not int(given):
        raise UsageError(f"The judge {name!r} takes a count above 0, not {given!r}.")
    count = int(given)
    return Judge(name=text, rule=found.rule, said=found.counts.format(count=count), count=count)


def told(text: str) -> str:
    """The demand of a judge on predictions, in words; judges of later versions are unknown here."""
    try:
        return named(text).said
    except UsageError:
        return "a judge that this version does not know"


@judge(EQUAL, "equal in shape and text, and in numbers within the tolerance")
def equal(expected: Any, actual: Any, tolerance: float, _: int | None = None) -> bool:
    """A NaN equals nothing."""
    return _same(expected, actual, lambda e, a: abs(e - a) <= tolerance)


@judge(
    "relative",
    "equal in shape and text, and in numbers within the tolerance times the reference's number",
)
def relative(expected: Any, actual: Any, tolerance: float, _: int | None = None) -> bool:
    """A zero is matched by a zero alone."""
    return _same(expected, actual, lambda e, a: abs(e - a) <= tolerance * abs(e))


@judge(
    "prefix",
    "it begins with the reference's whole sequence, and may go on",
    "its first {count} elements are the reference's first {count}",
)
def prefix(expected: Any, actual: Any, tolerance: float, count: int | None) -> bool:
    """Sequences are lists, and texts word by word; those in an object are judged one by one."""
    if isinstance(expected, dict):
        return _by_part(expected, actual, lambda e, a: prefix(e, a, tolerance, count))
    pair = _sequences(expected, actual)
    if pair is None:
        return equal(expected, actual, tolerance)
    wanted, found = pair
    if count is not None:
        return equal(wanted[:count], found[:count], tolerance)
    if not wanted:  # else anything would do
        return not found
    return equal(wanted, found[: len(wanted)], tolerance)


@judge("set", "the reference's elements, each as often, in any order")
def same_set(expected: Any, actual: Any, tolerance: float, _: int | None = None) -> bool:
    """Lists in an object are judged one by one."""
    if isinstance(expected, dict):
        return _by_part(expected, actual, lambda e, a: same_set(e, a, tolerance))
    if not isinstance(expected, list) or not isinstance(actual, list):
        return equal(expected, actual, tolerance)
    if len(expected) != len(actual):
        return False
    if all(map(_is_number, [*expected, *actual])):  # in order, each has the nearest partner
        if not all(map(_is_finite, actual)):
            return False
        return equal(sorted(expected), sorted(actual), tolerance)
    left = list(actual)
    for element in expected:
        place = next((i for i, a in enumerate(left) if equal(element, a, tolerance)), None)
        if place is None:
            return False
        del left[place]
    return True


@judge(
    "ranking",
    "the reference's order, best first; scores closer than the tolerance may swap",
    "the reference's best {count}, in its order; scores closer than the tolerance may swap",
)
def ranking(expected: Any, actual: Any, tolerance: float, count: int | None) -> bool:
    """Lists are in order already; an object holds a score for each name, the highest the best."""
    if isinstance(expected, dict):
        if not isinstance(actual, dict) or not all(
            map(_is_number, [*expected.values(), *actual.values()])
        ):
            return False
        return _ranked(expected, actual, tolerance, count)
    if not isinstance(expected, list) or not isinstance(actual, list):
        return equal(expected, actual, tolerance)
    return equal(expected[:count], actual[:count], tolerance)


def _ranked(
    expected: dict[str, float], actual: dict[str, float], tolerance: float, count: int | None
) -> bool:
    """Whether each place has a name that the reference gives that place's score."""
    if not all(map(_is_finite, actual.values())):
        return False
    scores = sorted(expected.values(), reverse=True)[:count]
    order = sorted(actual, key=lambda name: -actual[name])
    if count is None and len(order) != len(scores):
        return False
    chosen = order[: len(scores)]
    return len(chosen) == len(scores) and all(
        name in expected and abs(expected[name] - score) <= tolerance
        for name, score in zip(chosen, scores, strict=True)
    )


def _same(expected: Any, actual: Any, near: Near) -> bool:
    if isinstance(expected, bool) or isinstance(actual, bool):
        return expected is actual
    if isinstance(expected, int | float) and isinstance(actual, int | float):
        try:
            return math.isfinite(actual) and near(expected, actual)
        except OverflowError:  # an integer beyond all floats
            return False
    if isinstance(expected, list) and isinstance(actual, list):
        return len(expected) == len(actual) and all(
            _same(e, a, near) for e, a in zip(expected, actual, strict=True)
        )
    if isinstance(expected, dict) and isinstance(actual, dict):
        return _by_part(expected, actual, lambda e, a: _same(e, a, near))
    return bool(expected == actual) and type(expected) is type(actual)


def _by_part(expected: dict[str, Any], actual: Any, right: Callable[[Any, Any], bool]) -> bool:
    """Whether an object has the same keys, and is right under each."""
    return (
        isinstance(actual, dict)
        and expected.keys() == actual.keys()
        and all(right(value, actual[key]) for key, value in expected.items())
    )


def _sequences(expected: Any, actual: Any) -> tuple[Sequence[Any], Sequence[Any]] | None:
    """Both as sequences; None where they are not two of one kind."""
    if isinstance(expected, str) and isinstance(actual, str):
        return expected.split(), actual.split()
    if isinstance(expected, list) and isinstance(actual, list):
        return expected, actual
    return None


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False
