"""Errors say what to do, and end the program with their own code."""

from __future__ import annotations

import pytest

from harness.base import errors
from harness.base.errors import HarnessError, unknown

EXIT_CODES = {
    "HarnessError": 1,
    "UsageError": 2,
    "ProvisionError": 1,
    "LaunchError": 1,
    "AnswerError": 1,
    "StoreError": 1,
    "ResultError": 2,
    "NothingRan": 4,
}


@pytest.mark.parametrize(
    ("name", "known", "sentence"),
    [
        ("fastpi", ["bentoml", "fastapi"], "There is no thing 'fastpi'. Did you mean 'fastapi'?"),
        ("zzz", ["b", "a"], "There is no thing 'zzz'. Known: a, b."),
        ("zzz", [], "There is no thing 'zzz'. Known: none."),
        ("", ["a"], "There is no thing ''. Known: a."),
    ],
)
def test_an_unknown_name_comes_with_the_nearest(name: str, known: list[str], sentence: str) -> None:
    assert str(unknown("thing", name, known)) == sentence


def test_every_error_has_the_exit_code_of_the_design() -> None:
    found = {
        name: thing.exit_code
        for name, thing in vars(errors).items()
        if isinstance(thing, type) and issubclass(thing, HarnessError)
    }
    assert found == EXIT_CODES


def test_the_tree_in_the_docstring_is_the_real_one() -> None:
    drawn = (errors.__doc__ or "").splitlines()
    for name in EXIT_CODES:
        assert any(line.lstrip("├└─ ").startswith(name) for line in drawn)


def test_several_wrong_things_are_lines_of_their_own_or_parts_of_one() -> None:
    error = errors.UsageError("a is wrong.", "b is wrong.")
    assert str(error) == "a is wrong.\nb is wrong."
    assert error.sentence == "a is wrong. b is wrong."
