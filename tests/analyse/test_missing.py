"""Why a number is missing, in words that a reader can act on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from harness.analyse.field import comparison, missing
from harness.analyse.field.comparison import Comparison, Row
from harness.analyse.run import digest
from harness.analyse.statistics import stats
from harness.stored.records import Failure
from harness.windows.profiles import Profile
from tests.fakes import Fake, stored_campaign

SHORT = (
    Profile("steady", "poisson", 2.0, rate_per_s=119.0),
    Profile("saturated", "closed", 1.0, concurrency=4),
)


def compared(folder: Path, *fakes: Fake, profiles: tuple[Profile, ...] = SHORT) -> Comparison:
    small = [replace(fake, profiles=profiles) for fake in fakes]
    (found,) = comparison.compare(digest.of_campaign(stored_campaign(folder / "c", small, 1)))
    return found


def row_of(found: Comparison, variant: str) -> Row:
    return next(row for row in found.rows if row.variant == variant)


@pytest.mark.parametrize(("share", "count"), [(0.5, 8), (0.95, 80), (0.99, 400), (0.999, 4000)])
def test_how_many_answers_a_percentile_needs(share: float, count: int) -> None:
    assert stats.needed(share) == count
    assert stats.percentile(np.arange(count), share) is not None
    assert stats.percentile(np.arange(count - 1), share) is None


def test_a_percentile_says_how_many_answers_there_are(tmp_path: Path) -> None:
    found = compared(tmp_path, Fake("a"))
    row = row_of(found, "a")
    have = missing.answers([row])
    assert have is not None
    assert 80 <= have < 400
    assert missing.why(row, "latency_p99") == f"{have} answers, 400 needed"
    assert missing.why(row, "latency_p50") == ""


def test_why_it_is_ranked_by_another_number_than_usual(tmp_path: Path) -> None:
    found = compared(tmp_path, Fake("a"), Fake("b"))
    assert found.ranked_by == "latency_p95"
    said = [lack.text for lack in missing.passed_over(found)]
    have = missing.answers(found.rows)
    assert said == [
        "capacity: no capacity was searched for",
        f"p99: {have} answers, 400 needed",
    ]


def test_whose_number_is_missing_is_named(tmp_path: Path) -> None:
    found = compared(tmp_path, Fake("a", capacity_per_s=100.0), Fake("b"))
    assert missing.passed_over(found)[0].text == "capacity: no capacity was searched for, of b"


def test_what_was_not_measured_says_why(tmp_path: Path) -> None:
    broken = Fake("broken", failure=Failure("ready", "No."))
    found = compared(tmp_path, Fake("a"), broken, profiles=SHORT[:1])
    row = row_of(found, "a")
    assert missing.why(row, "throughput") == "it has no saturated window"
    assert missing.why(row, "capacity") == "no capacity was searched for"
    assert missing.why(row, "overhead") == "no in-process run to compare with"
    assert missing.why(row, "gpu_busy") == "not measured"
    assert missing.why(row_of(found, "broken"), "memory") == "nothing was measured"
