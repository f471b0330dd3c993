"""Summaries of campaigns: kept, read once, and what can't be read is named."""

from __future__ import annotations

import json
import shutil
import tracemalloc
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse.campaigns import all_nights, history, nights
from harness.analyse.run import digest
from harness.analyse.run.digested import Digested
from harness.base import paths
from harness.base.errors import ResultError
from harness.stored import store
from harness.stored.records import Failure
from harness.stored.revisions import Revision
from tests.fakes import Fake, campaign, stored_campaign
from tests.generated import Made, generate
from tests.unit.stored import DATA

FAKES = (Fake("null", 0.5, reference=True), Fake("in-process", 4.0), Fake("some", 8.0))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv("HARNESS_CACHE", str(folder))
    return folder


def read(folder: Path, **renamed: str) -> tuple[list[nights.Night], list[str]]:
    told: list[str] = []
    return all_nights.read([folder], told.append, renamed or None), told


def test_a_campaign_is_reduced_to_what_is_followed(tmp_path: Path) -> None:
    folder = stored_campaign(tmp_path / "results" / "one", FAKES)
    [night], told = read(tmp_path / "results")
    assert told == []
    assert [row.variant for row in night.rows] == ["null", "in-process", "some"]
    [some] = [row for row in night.rows if row.variant == "some"]
    values = digest.of_campaign(folder).digests[2].values
    assert some.values["latency_p50"][1] == pytest.approx(values["latency_p50"], rel=1e-5)
    assert set(some.values["throughput"]) == {1, 2, 3}
    assert night.grounds["sentiment"].machine == "Imaginary CPU @ 2.00GHz / 4 / 15.6 GiB"


def test_a_campaign_is_digested_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = stored_campaign(tmp_path / "results" / "one", FAKES, rounds=1)
    first, _ = read(tmp_path / "results")

    def refuse(_: Path) -> Digested:
        raise RuntimeError("digested again")

    monkeypatch.setattr(digest, "of_campaign", refuse)
    assert read(tmp_path / "results")[0] == first
    with (folder / "sentiment" / "some" / "round-1" / "server.log").open("a") as log:
        log.write("more")
    with pytest.raises(RuntimeError, match="digested again"):
        read(tmp_path / "results")


def test_a_spoilt_cache_is_made_anew(tmp_path: Path, cache: Path) -> None:
    stored_campaign(tmp_path / "results" / "one", FAKES, rounds=1)
    first, _ = read(tmp_path / "results")
    [kept] = (cache / "campaigns").glob("*.json")
    kept.write_text(kept.read_text()[:-50])
    assert read(tmp_path / "results") == (first, [])


def test_bad_campaigns_are_named_and_the_rest_is_read(tmp_path: Path) -> None:
    results = tmp_path / "results"
    stored_campaign(results / "good", FAKES, rounds=1)
    store.write_campaign(results / "nothing-ran", campaign(FAKES, 1, id="nothing-ran"))
    half = stored_campaign(results / "half", FAKES, rounds=2)
    shutil.rmtree(half / "sentiment" / "some" / "round-2")
    spoilt = stored_campaign(results / "spoilt", FAKES, rounds=2)
    requests = spoilt / "sentiment" / "some" / "round-1" / "requests.parquet"
    requests.write_bytes(requests.read_bytes()[:-9])
    newer = stored_campaign(results / "newer", FAKES, rounds=1) / "campaign.json"
    newer.write_text(json.dumps({**json.loads(newer.read_text()), "schema": 99}))
    (results / "broken").mkdir()
    (results / "broken" / "campaign.json").write_text("{")
    (results / "kept.night.json").write_text("{}")

    known, told = read(results)

    assert {night.campaign for night in known} == {"good", "half", "spoilt"}
    said = "\n".join(told)
    for part in (
        "nothing-ran has no finished run",
        "half: 1 of its 6 runs are missing",
        f"{requests} is not as it was written",
        f"has schema 99; this harness reads up to {store.SCHEMA}",
        "broken/campaign.json can't be read",
        "kept.night.json is truncated, or not a summary",
    ):
        assert part in said
    assert len(told) == 6


def test_the_example_is_no_night(tmp_path: Path) -> None:
    for name in ("example", "mine"):
        stored_campaign(tmp_path / name, FAKES, rounds=1, plan=campaign(FAKES, 1, id=name))
    known, told = read(tmp_path)
    assert ([night.campaign for night in known], told) == (["mine"], [])


@pytest.mark.parametrize("schema", [1, 2, 3, 4])
def test_older_schemas_are_read(tmp_path: Path, schema: int) -> None:
    shutil.copytree(DATA / f"schema-{schema}", tmp_path / "results" / "some-campaign")
    [night], _ = read(tmp_path / "results")
    assert night.campaign == "some-campaign"


def test_failed_and_invalid_runs_give_no_numbers(tmp_path: Path) -> None:
    fakes = (*FAKES, Fake("lost", failure=Failure("ready", "No."), fails_in=frozenset({1})))
    stored_campaign(tmp_path / "results" / "one", (*fakes, Fake("wrong", wrong=3)), rounds=2)
    [night], _ = read(tmp_path / "results")
    rows = {row.variant: row for row in night.rows}
    assert set(rows["lost"].values["latency_p50"]) == {2}
    assert (rows["lost"].failed, rows["wrong"].invalid) == (1, 2)
    assert rows["wrong"].values == {}


def test_a_summary_stands_for_its_campaign(tmp_path: Path) -> None:
    stored_campaign(tmp_path / "results" / "one", FAKES, rounds=1)
    known, _ = read(tmp_path / "results")
    nights.keep(known, tmp_path / "kept")
    assert read(tmp_path / "kept")[0] == known
    told: list[str] = []
    assert all_nights.read([tmp_path / "results", tmp_path / "kept"], told.append) == known


def test_a_summary_of_a_later_format_is_refused(tmp_path: Path) -> None:
    [night] = generate(1, Made(count=1))
    nights.keep([replace(night, format=nights.FORMAT + 1)], tmp_path)
    known, told = read(tmp_path)
    assert known == []
    assert f"this harness reads up to {nights.FORMAT}" in told[0]


def test_a_renamed_variant_goes_on(tmp_path: Path) -> None:
    nights.keep(generate(3, Made(count=12, variants=2)), tmp_path)
    known, _ = read(tmp_path, v0="renamed")
    assert {row.variant for row in known[0].rows} == {"null", "in-process", "renamed", "v1"}


def test_a_container_is_renamed_with_its_variant(tmp_path: Path) -> None:
    [night] = generate(1, Made(count=1, variants=1))
    rows = tuple(replace(r, subject=replace(r.subject, launcher="docker")) for r in night.rows)
    nights.keep([replace(night, rows=rows)], tmp_path)
    [known], _ = read(tmp_path, v0="new")
    assert "new@docker" in [row.variant for row in known.rows]


def test_a_campaign_without_runs_is_refused(tmp_path: Path) -> None:
    store.write_campaign(tmp_path / "none", campaign(FAKES, 1, id="none"))
    with pytest.raises(ResultError, match="no finished run"):
        nights.of_campaign(digest.of_campaign(tmp_path / "none"))


def test_two_revisions_in_one_campaign_are_no_night(tmp_path: Path) -> None:
    plan = replace(campaign(FAKES, 1, id="one"), against=Revision("main", "0" * 40))
    stored_campaign(tmp_path / "results" / "one", FAKES, plan=plan)
    known, told = read(tmp_path / "results")
    assert known == []
    assert told == ["left out: Campaign one was run --against a revision."]


def test_a_thousand_nights_fit_into_little_memory(tmp_path: Path) -> None:
    nights.keep(generate(1, Made(count=1000, variants=3)), tmp_path)
    tracemalloc.start()
    try:
        known, told = read(tmp_path)
        whole = history.of_nights(known, ["latency_p50"])
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (len(known), told, len(whole.series)) == (1000, [], 4)
    assert peak < 64 << 20
    assert paths.cache_dir()  # summaries are not copied there
    assert not (paths.cache_dir() / "campaigns").exists()
