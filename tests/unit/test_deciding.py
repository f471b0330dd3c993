"""What `run --until decided` says at its end of the pairs that are open."""

from __future__ import annotations

import math

import pytest

from harness.analyse.field.decided import Decided, Open
from harness.cli import _decide

ONE = "1 pair differs by too little to be separated in reasonable time"
TWO = "2 pairs differ by too little to be separated in reasonable time"
SEPARATES = "this campaign typically separates differences of 18% or more"


def more(which: str, time: str) -> str:
    command = f"python -m harness run --resume first --until decided --budget {time}"
    return f"{which} would take about {time} more: {command}"


def said(needed: tuple[int, ...], missing_s: float, resolved: float = 0.183) -> list[str]:
    pairs = [Open("noop", "a", f"b{n}", 0.0, (2, 2), n, resolved) for n in needed]
    return list(_decide.of_open(Decided(9, tuple(pairs)), missing_s, "first"))


@pytest.mark.parametrize(
    ("needed", "missing_s", "expected"),
    [
        ((12,), 3599.0, [more("the others", "60m")]),
        ((12, 5), 12 * 3600.0, [more("the others", "13h")]),
        ((13,), 60.0, [ONE, SEPARATES]),
        ((13, 10**6), 60.0, [TWO, SEPARATES]),
        ((4, 13), 60.0, [ONE, SEPARATES, more("the other", "2m")]),
        ((4, 5, 13), 60.0, [ONE, SEPARATES, more("the other 2", "2m")]),
    ],
)
def test_what_twelve_starts_would_not_decide_is_out_of_reach(
    needed: tuple[int, ...], missing_s: float, expected: list[str]
) -> None:
    assert said(needed, missing_s) == expected


def test_so_is_what_takes_longer_than_a_night() -> None:
    longer = "the others would take more than 12h: name fewer variants or benchmarks"
    assert said((4, 5), 12 * 3600.0 + 1) == [SEPARATES, longer]


def test_what_no_interval_is_known_of_has_no_size() -> None:
    assert said((13,), 60.0, math.inf) == [ONE]
