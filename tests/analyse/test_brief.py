"""A campaign is read once for the list of all, for trends and for `history`."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse.campaigns import all_nights, brief, brief_file
from harness.analyse.campaigns.brief import Brief
from harness.analyse.run import digest
from harness.analyse.run.digested import Digested
from harness.base import paths
from harness.report.index import shelf
from harness.stored.revisions import Revision
from tests.fakes import Fake, campaign, stored_campaign

FAKES = (Fake("in-process", 4.0), Fake("some", 8.0))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HARNESS_REPORTS", str(tmp_path / "reports"))
    stored_campaign(tmp_path / "results" / "one", FAKES, rounds=1)
    return tmp_path


@pytest.fixture
def never_again(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What follows finds what was kept."""
    made = brief_file.of_stored(place / "results" / "one", place / "reports")
    assert made.night is not None

    def refuse(_: Path) -> Digested:
        raise RuntimeError("digested again")

    monkeypatch.setattr(digest, "of_campaign", refuse)


def _listed(place: Path) -> list[shelf.ListedCampaign]:
    return shelf.gather(place / "results", place / "reports", None, lambda _: None)


@pytest.mark.usefixtures("never_again")
def test_what_history_has_read_the_list_need_not(place: Path) -> None:
    (entry,) = _listed(place)
    assert entry.summary is not None


def test_what_the_list_has_read_history_need_not(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _listed(place)
    monkeypatch.setattr(digest, "of_campaign", lambda _: pytest.fail("digested again"))
    (night,) = all_nights.read([place / "results"], pytest.fail)
    assert night.campaign == "one"
    assert not (paths.cache_dir() / "campaigns").exists()


@pytest.mark.usefixtures("never_again")
def test_other_code_makes_it_anew(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(brief_file, "_code", lambda: "other code")
    with pytest.raises(RuntimeError, match="digested again"):
        brief_file.of_stored(place / "results" / "one", place / "reports")


def test_a_brief_without_a_night_says_why(place: Path) -> None:
    plan = replace(campaign(FAKES, 1, id="two"), against=Revision("main", "0" * 40))
    folder = stored_campaign(place / "results" / "two", FAKES, plan=plan)
    made = brief.of(digest.of_campaign(folder))
    assert made.night is None
    assert made.no_night == "Campaign two was run --against a revision."
    assert brief_file.of_stored(folder, place / "reports") == made
    assert brief_file.of_stored(folder, place / "reports") == made  # from the cache


def test_a_summary_of_the_first_version_still_stands_for_what_is_gone(place: Path) -> None:
    made = brief_file.made(place / "results" / "one")
    path = place / "reports" / "gone" / brief_file.NAME
    brief_file.keep(path, "key", made)
    data = json.loads(path.read_text())
    path.write_text(json.dumps({"version": 1, "key": "key", "summary": data["summary"]}))
    assert brief_file.kept(path, None) == made.summary
    assert brief_file.kept(path, "key") is None
    assert {entry.name for entry in _listed(place)} == {"one", "gone"}


def test_there_and_back(place: Path) -> None:
    folder = place / "results" / "one"
    made = brief_file.made(folder)
    assert isinstance(made, Brief)
    path = place / "reports" / "one" / brief_file.NAME
    brief_file.keep(path, brief_file.key_of(folder), made)
    assert brief_file.of_stored(folder, place / "reports") == made
