"""The top of the report: what to take at each SLO, and what is not ranked."""

from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest

from harness.analyse.run import digest
from harness.stored.records import Failure
from harness.windows.profiles import Profile
from tests.fakes import Fake, stored_campaign
from tests.report import pages
from tests.report.campaigns import PROFILES


def choices(
    folder: Path, *fakes: Fake, rounds: int = 3, profiles: tuple[Profile, ...] = PROFILES
) -> dict[str, str]:
    """What is said at each SLO, by its limit, tags left out."""
    small = [replace(fake, profiles=profiles) for fake in fakes]
    html = pages.render(digest.of_campaign(stored_campaign(folder / "campaign", small, rounds)))
    verdict = html.partition('<section id="verdict"')[2].partition("</section>")[0]
    found = {}
    for part in verdict.split('<div class="choice"')[1:]:
        text = unescape(re.sub(r"<[^>]*>", " ", part.partition("</details>")[0]))
        said = " ".join(text.partition(">")[2].split())
        limit = part.partition("p99&lt;")[2].partition("ms")[0]
        found[f"{limit}ms"] = re.sub(r" (?=[,;.:)])|(?<=\() ", "", said)
    return found


def test_ranking_and_answer_follow_the_slo(tmp_path: Path) -> None:
    found = choices(
        tmp_path,
        Fake("fast", capacity_per_s=300.0),
        Fake("slow", capacity_per_s=100.0, parts=(0.5, 0.7)),
    )
    # The fakes' late answers take 72 to 88 ms: with a limit of 100 ms nothing is too much for them.
    assert list(found) == ["50ms", "25ms", "100ms", "200ms"]  # its own comes first
    assert (
        "With p99<50ms on 2 CPUs: fast (301/s) and slow (at least 70/s) are tied." in found["50ms"]
    )
    assert "the benchmark's own SLO" in found["50ms"]
    assert "1= slow 1.2.3 at least 70/s every tried rate meets it" in found["50ms"]
    assert "fast (301/s) and slow (at least 70/s) are tied." in found["25ms"]
    assert "fast (at least 603/s) and slow (at least 70/s) are tied." in found["100ms"]
    assert "1= fast" in found["100ms"]
    assert "How sure: no variant is separated from another" in found["100ms"]


def test_where_none_holds_it_nothing_is_to_be_taken(tmp_path: Path) -> None:
    found = choices(
        tmp_path,
        Fake("a", capacity_per_s=300.0, parts=(2.0, 1.5)),
        Fake("b", capacity_per_s=100.0, parts=(2.0, 1.5)),
    )
    assert "CPUs: none of the 2 meets it at any tried rate." in found["50ms"]
    assert "1= a 1.2.3 below 45" in found["50ms"]
    assert "1= b 1.2.3 below 15" in found["50ms"]
    assert " 0/s" not in found["50ms"]  # that nobody measured


def test_between_two_rates_that_are_far_apart_nothing_is_fitted(tmp_path: Path) -> None:
    found = choices(tmp_path, Fake("a", capacity_per_s=100.0, parts=(0.5, 2.0)))
    assert re.search(
        r"1 a 1.2.3 (49|50)\.?\d? to (19\d|20\d)/s no rate between them was tried", found["50ms"]
    )
    assert "$" in found["50ms"]
    assert "at most $" in found["50ms"]


def test_without_a_search_other_slos_are_judged_by_the_windows(tmp_path: Path) -> None:
    # A p99 is held for sure where 459 requests are: fewer are left once the queue has formed.
    enough = (replace(PROFILES[0], duration_s=10.0),)
    found = choices(tmp_path, Fake("quick", 8.0), Fake("late", 30.0), profiles=enough)
    said = found["50ms"]
    assert "For the lowest p99 at 120/s, poisson: quick answers in 14.0 ms (13.3–15.3), 74%" in said
    assert "and not by capacity: no capacity was searched for. SLO p99<50ms" in said
    quick = "quick serves at least 100/s (every tried rate meets it)"
    assert f"{quick}; late meets it at no tried rate." in found["25ms"]
    assert "2 late 1.2.3 below 100/s no tried rate meets it" in found["25ms"]
    assert "late (at least 100/s) and quick (at least 100/s) are tied." in found["200ms"]


def test_what_is_not_ranked_stands_below_with_the_reason(tmp_path: Path) -> None:
    for said in choices(
        tmp_path,
        Fake("a", capacity_per_s=100.0),
        Fake("broken", failure=Failure("ready", "It never said it was ready.")),
        Fake("lagged", lag_ms=3.0, capacity_per_s=100.0),
    ).values():
        below = said.partition("Not ranked")[2]
        assert "failed broken 1.2.3 failed (ready): It never said it was ready." in below
        assert "INVALID lagged 1.2.3 steady: the generator sent late" in below
        assert "; broken failed; lagged is INVALID." in said.partition("look first")[0]


def test_a_variant_without_any_run_is_named(tmp_path: Path) -> None:
    folder = stored_campaign(tmp_path / "campaign", [Fake("a"), Fake("b")], rounds=1)
    (folder / "sentiment/b/round-1/run.json").unlink()
    html = pages.render(digest.of_campaign(folder))
    assert "<b>b</b>: no valid run on sentiment." in html
    (folder / "sentiment/a/round-1/run.json").unlink()
    html = pages.render(digest.of_campaign(folder))
    assert "<b>sentiment</b>: no valid run." in html


def test_one_round_makes_no_tie(tmp_path: Path) -> None:
    fakes = [Fake("a", capacity_per_s=300.0), Fake("b", capacity_per_s=140.0), NOWHERE]
    said = choices(tmp_path, *fakes, rounds=1)["50ms"]
    assert "one round cannot separate a (30" in said
    assert "; nowhere meets it at no tried rate." in said
    assert "? a 1.2.3" in said
    assert "? b 1.2.3" in said
    assert "3 nowhere 1.2.3" in said
    assert "tied." not in said


NOWHERE = Fake("nowhere", capacity_per_s=100.0, parts=(2.0, 1.5))


def test_the_reference_behind_a_contestant_is_remarked_on(tmp_path: Path) -> None:
    floor = Fake("in-process", 4.0, reference=True, capacity_per_s=200.0, drift=0.001)
    near = Fake("near", capacity_per_s=200.5, drift=0.05)
    far = Fake("far", capacity_per_s=400.0, drift=0.001)
    said = choices(tmp_path / "near", floor, near)["50ms"]
    assert "ref in-process" in said
    said = choices(tmp_path / "far", floor, far)["50ms"]
    assert "Behind far beyond the noise: it makes one prediction at a time" in said


def test_warnings_of_what_is_to_be_taken_stand_beside_it(tmp_path: Path) -> None:
    fakes = Fake("a", capacity_per_s=300.0, slows=1.8), Fake("b", capacity_per_s=100.0)
    said = choices(tmp_path, *fakes)["50ms"]
    assert "look first a no-steady-state: steady: not steady" in said
    assert "! 1 warning" in said
    assert said.index("look first") < said.index("Ranked by capacity")


@pytest.mark.parametrize("count", [3, 6])
def test_many_that_are_tied_are_counted(tmp_path: Path, count: int) -> None:
    fakes = [Fake(f"v{n}", capacity_per_s=300.0, parts=(0.5,)) for n in range(count)]
    said = choices(tmp_path, *fakes)["50ms"]
    named = "v1 (at least 151/s), v2 (at least 150/s) and v0 (at least 149/s) are tied."
    assert (named in said) is (count == 3)
    assert ("all 6 are tied, from v1 (at least 151/s) to v0 (at least 149/s)." in said) is (
        count == 6
    )
