"""Why a variant is slower: by hand, and over a campaign."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse.field import comparison, paired, reasons
from harness.analyse.run import digest
from harness.analyse.run.breakdown import Breakdown
from harness.stored.records import Failure
from tests.fakes import Fake, stored_campaign
from tests.report.campaigns import PROFILES

BASE = Breakdown(
    generator_ms=0.1,
    transport_ms=0.3,
    before_ms=1.0,
    waiting_ms=0.5,
    model_ms=4.0,
    after_ms=0.6,
    matched=1.0,
)


def shifted(**more: float) -> Breakdown:
    return replace(BASE, **{name: getattr(BASE, name) + value for name, value in more.items()})


def test_a_difference_is_the_sum_of_its_parts() -> None:
    found = reasons.excess(
        {1: shifted(after_ms=1.8, before_ms=0.5), 2: shifted(after_ms=2.0, before_ms=0.5)},
        {1: BASE, 2: BASE},
    )
    assert found is not None
    assert found.total == pytest.approx(2.4)
    assert sum(found.parts.values()) == pytest.approx(found.total)
    # Two rounds, 2.3 and 2.5 ms: the standard error is 0.1.
    assert found.reach == pytest.approx(paired.student(1) * 0.1)
    assert not found.apart


def test_beyond_the_noise_the_part_is_named() -> None:
    ours = {r: shifted(after_ms=1.9 + e, before_ms=0.5) for r, e in ((1, 0.01), (2, -0.01), (3, 0))}
    found = reasons.excess(ours, dict.fromkeys((1, 2, 3), BASE))
    assert found is not None
    assert found.apart
    said = reasons.sentence(found, "mosec")
    assert said == "2.4 ms more than mosec (2.4 to 2.4), of which 1.9 ms after the model"


def test_two_parts_are_named_where_neither_has_most() -> None:
    ours = dict.fromkeys((1, 2), shifted(after_ms=1.0, waiting_ms=1.2))
    found = reasons.excess(ours, dict.fromkeys((1, 2), BASE))
    assert found is not None
    said = reasons.sentence(found, "a")
    assert said.endswith("of which 1.2 ms waiting and 1.0 ms after the model")


def test_what_makes_up_for_some_of_it_is_named() -> None:
    ours = dict.fromkeys((1, 2), shifted(waiting_ms=3.0, model_ms=-0.6))
    found = reasons.excess(ours, dict.fromkeys((1, 2), BASE))
    assert found is not None
    said = reasons.sentence(found, "a")
    assert said == "2.4 ms more than a (2.4 to 2.4): 3.0 ms more waiting, 0.60 ms less in the model"


def test_a_faster_one_takes_less() -> None:
    found = reasons.excess(
        dict.fromkeys((1, 2), shifted(model_ms=-1.5)), dict.fromkeys((1, 2), BASE)
    )
    assert found is not None
    assert reasons.sentence(found, "a") == (
        "1.5 ms less than a (1.5 to 1.5), of which 1.5 ms in the model"
    )


def test_within_the_noise_nothing_is_blamed() -> None:
    ours = {1: shifted(after_ms=1.0), 2: shifted(after_ms=-0.8)}
    found = reasons.excess(ours, {1: BASE, 2: BASE})
    assert found is not None
    said = reasons.sentence(found, "a")
    assert said.startswith("within the noise: 0.10 ms more than a (−")
    assert "of which" not in said


def test_one_round_knows_no_noise() -> None:
    found = reasons.excess({1: shifted(after_ms=1.0)}, {1: BASE})
    assert found is not None
    assert found.reach == math.inf
    assert reasons.sentence(found, "a") == (
        "1.0 ms more than a, of which 1.0 ms after the model; one round does not show how much of "
        "it is due to chance"
    )
    assert reasons.excess({1: BASE}, {2: BASE}) is None


def test_over_a_campaign(tmp_path: Path) -> None:
    fakes = (
        Fake("quick", 6.0, jitter=0.05, drift=0.001),
        Fake("slow", 20.0, jitter=0.05, drift=0.001),
        Fake("alone", 9.0, track="tuned"),
        Fake("broken", failure=Failure("ready", "It never said it was ready.")),
        Fake("in-process", 4.0, reference=True),
    )
    small = [replace(fake, profiles=PROFILES) for fake in fakes]
    folder = stored_campaign(tmp_path / "c", small, 3)
    (found,) = comparison.compare(digest.of_campaign(folder))
    said = reasons.of_comparison(found)
    assert set(said) == {"quick", "slow", "alone", "broken"}
    assert {name: reason.kind for name, reason in said.items()} == {
        "quick": "best",
        "slow": "apart",
        "alone": "best",
        "broken": "unknown",
    }
    assert " ms more than quick (" in said["slow"].text
    assert said["broken"].text == "not ranked, so not compared"


def test_what_cannot_be_split_says_why(tmp_path: Path) -> None:
    small = [replace(Fake(name), profiles=PROFILES) for name in ("a", "b")]
    folder = stored_campaign(tmp_path / "c", small, 2)
    (found,) = comparison.compare(digest.of_campaign(folder))
    blind = tuple(
        replace(row, digests=tuple(replace(d, breakdown=None) for d in row.digests))
        for row in found.rows
    )
    said = reasons.of_comparison(replace(found, rows=blind))
    assert {reason.text for reason in said.values()} == {
        "not split: no predictor call was seen for most of its answers"
    }


def test_the_noise_of_all_tells_what_two_rounds_of_one_can_not() -> None:
    """Eight variants whose rounds differ by 0.1 ms; one of them is 0.4 ms slower."""
    best = dict.fromkeys((1, 2), BASE)
    others = [{1: shifted(after_ms=0.05), 2: shifted(after_ms=-0.05)} for _ in range(7)]
    slower = {1: shifted(after_ms=0.45), 2: shifted(after_ms=0.35)}
    noise = reasons.together([*others, slower], best)
    assert noise is not None
    assert noise.freedom == 8
    alone, found = reasons.excess(slower, best), reasons.excess(slower, best, noise)
    assert alone is not None
    assert found is not None
    assert found.total == pytest.approx(0.4)
    assert not alone.apart
    assert found.apart
    assert found.reach < alone.reach / 5
    assert reasons.together(others[:3], best) is None  # too few to learn from


def test_with_the_noise_of_all_one_round_has_an_interval() -> None:
    noise = reasons.RoundNoise(0.01**2, 20)
    found = reasons.excess({1: shifted(after_ms=2.0)}, {1: BASE}, noise)
    assert found is not None
    assert found.apart
    assert reasons.sentence(found, "a").startswith("2.0 ms more than a (1.8 to 2.2)")
