"""What is printed where a signal comes before a command has begun."""

from __future__ import annotations

import json

import pytest

from harness.cli import _interrupted


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["load", "http://h/"],
        ["load"],
        ["run", "--json"],
        ["capacity", "fastapi", "--json"],
        ["capacity", "http://h/", "--slo", "p99<5ms"],
    ],
)
def test_what_is_for_people_or_for_no_url(arguments: list[str]) -> None:
    assert _interrupted.of_arguments(arguments) == ""


def test_a_load() -> None:
    found = json.loads(_interrupted.of_arguments(["load", "http://h/", "--json", "--insecure"]))
    assert found == _interrupted.load() | {"insecure": True}


def test_a_pipeline() -> None:
    found = json.loads(_interrupted.of_arguments(["pipeline", "iris", "--json"]))
    assert found == _interrupted.pipeline()
    assert _interrupted.of_arguments(["pipeline", "iris"]) == ""


def test_a_search() -> None:
    given = ["capacity", "--slo", "p99<5ms", "http://me:s3cret@h/", "--json"]
    found = json.loads(_interrupted.of_arguments(given))
    assert (found["slo"], found["interrupted"]) == ("p99<5ms", True)
    (result,) = found["results"]
    assert (result["url"], result["confirmed"]) == ("http://h/", False)
