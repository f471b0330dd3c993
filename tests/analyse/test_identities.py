"""Identities on their way through every reader: digest, comparison, nights, frames, reports."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.analyse.campaigns import all_nights, nights
from harness.analyse.campaigns.series import gathered
from harness.analyse.cost import prices
from harness.analyse.field.comparison import compare
from harness.analyse.regression import changes
from harness.analyse.regression.gate import Wanted
from harness.analyse.run import digest
from harness.report.compare import compared
from harness.report.formats.json_ import json_
from harness.report.page import again
from harness.report.page.view import Report
from harness.stored import store
from harness.stored.identity import BENCHMARK, VARIANT, Cell, Point, Subject, subject_name
from harness.stored.records import SWEEP, Campaign
from harness.stored.revisions import Revision
from harness.windows.profiles import Profile
from tests import fakes
from tests.fakes import BENCHMARK as FACTS
from tests.fakes import Fake, campaign, stored_campaign

REVISION = "feature/x@y"
AGAINST = Revision(REVISION, "c" * 40)
FLOOR = Fake("in-process", 4.0, reference=True, content="floor")
OURS = (
    FLOOR,
    Fake("a-instances-4", 8.0, content="now"),
    Fake("a-instances-4", 9.0, launcher="docker", content="now"),
    Fake("b", 7.0, launcher="x-1@y", content="now"),
)
BOTH = tuple(each for fake in OURS for each in (fake, replace(fake, revision=REVISION)))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def against(tmp_path: Path) -> Path:
    """Two revisions, in processes and in containers."""
    plan = replace(campaign(BOTH, 2, id="both"), against=AGAINST)
    return stored_campaign(tmp_path / "both", BOTH, plan=plan)


def test_two_revisions_in_containers(against: Path) -> None:
    found = digest.of_campaign(against)
    assert {each.cell.subject for each in found.digests} == {fake.subject for fake in BOTH}
    (benchmark,) = compare(found)
    assert {row.cell.subject for row in benchmark.rows} == {fake.subject for fake in BOTH}
    assert [row.variant for row in benchmark.rows if row.canary] == ["in-process"]
    rows = changes.of_revisions(found, Wanted()).rows
    assert {row.variant for row in rows} == {fake.name for fake in OURS}
    said = compared.as_json(changes.of_revisions(found, Wanted()))["rows"]
    assert {Subject(**row["subject"]) for row in said} == {fake.subject for fake in OURS}
    for row in said:
        assert row["variant"] == subject_name(Subject(**row["subject"]))
        assert row["plain_benchmark"] == row["benchmark"] == "sentiment"
        assert row["point"] is None


def test_the_json_report_says_what_names_are_made_of(against: Path) -> None:
    found = digest.of_campaign(against)
    report = Report(found, compare(found), prices.load())
    (benchmark,) = json.loads(json_(report))["benchmarks"]
    said = {row["variant"]: Subject(**row["subject"]) for row in benchmark["variants"]}
    assert said == {fake.name: fake.subject for fake in BOTH}
    assert all(row["point"] is None for row in benchmark["variants"])
    for row in report.comparisons[0].rows:
        ours = subject_name(replace(row.cell.subject, revision=None))
        assert f"run {ours} --benchmark sentiment" in again.of_row(report, row, "sentiment")


def test_frames_have_them(against: Path) -> None:
    frames = pytest.importorskip("harness.frames")
    found = frames.metrics(against)
    assert set(found["variant"]) == {fake.name for fake in BOTH}
    parts = found[["subject", "launcher", "revision"]].drop_duplicates().astype(object)
    rows = parts.where(parts.notna(), None).itertuples(index=False, name=None)
    assert {Subject(*row) for row in rows} == {fake.subject for fake in BOTH}
    assert set(found["plain_benchmark"]) == {"sentiment"}
    for fake in BOTH:
        assert len(frames.requests(against, fake.name)) > 0


def test_a_history_has_them(tmp_path: Path) -> None:
    told: list[str] = []
    stored_campaign(tmp_path / "results" / "one", OURS, 1)
    known = all_nights.read([tmp_path / "results"], told.append)
    assert [row.subject for row in known[0].rows] == [fake.subject for fake in OURS]
    assert [row.canary for row in known[0].rows] == ["predictor", None, None, None]
    nights.keep(known, tmp_path / "kept")
    assert all_nights.read([tmp_path / "kept"], told.append) == known
    renamed = all_nights.read([tmp_path / "kept"], told.append, {"b": "c"})
    assert [row.variant for row in renamed[0].rows][-1] == "c@x-1@y"
    assert told == []


def test_summaries_of_nights_of_old(tmp_path: Path) -> None:
    """They had names alone."""
    stored_campaign(tmp_path / "results" / "one", OURS[:3], 1)
    known = all_nights.read([tmp_path / "results"], print)
    nights.keep(known, tmp_path / "kept")
    (path,) = (tmp_path / "kept").iterdir()
    kept = json.loads(path.read_text())
    for row in kept["rows"]:
        for field in ("subject", "plain_benchmark", "point", "canary"):
            del row[field]
    path.write_text(json.dumps(kept))
    assert all_nights.read([tmp_path / "kept"], print) == known


def test_renamed_variants_in_two_campaigns(tmp_path: Path) -> None:
    old = [FLOOR, *(Fake("old", 8.0, launcher=way) for way in (None, "docker", "x-1@y"))]
    new = [FLOOR, *(Fake("a", 8.0, launcher=way) for way in (None, "docker", "x-1@y"))]
    base, now = (
        digest.of_campaign(stored_campaign(tmp_path / name, sides, 2))
        for name, sides in (("base", old), ("new", new))
    )
    every = changes.of_campaigns(base, now, Wanted(), {"old": "a"})
    assert {row.variant for row in every.rows} == {fake.name for fake in new}
    one = changes.of_campaigns(base, now, Wanted(), {"old@x-1@y": "a@x-1@y"})
    assert {row.variant for row in one.rows} == {"in-process", "a@x-1@y"}


def sweep_of(folder: Path, points: tuple[Point, ...]) -> Campaign:
    """A sweep of a container."""
    fake = Fake("a-instances-4", launcher="docker")
    cells = tuple(
        Cell(subject=fake.subject, benchmark="noop", point=point, round=1) for point in points
    )
    facts = {cell.benchmark_name: FACTS for cell in cells}
    plan = replace(campaign([fake], 1, id=folder.name), cells=cells, benchmarks=facts, kind=SWEEP)
    store.write_campaign(folder, plan)
    for cell, point in zip(cells, points, strict=True):
        window = Profile("saturated", "closed", 2.0, concurrency=point.value)
        made = fakes.run(replace(fake, profiles=(window,)), 1, "noop", folder.name, point)
        assert made.cell == cell
        store.write_run(folder, made)
    return plan


@pytest.mark.parametrize("varies", [BENCHMARK, VARIANT])
def test_a_sweep_in_a_container(tmp_path: Path, varies: str) -> None:
    points = tuple(Point("workers", value, varies) for value in (1, 2, 4))  # type: ignore[arg-type]
    plan = sweep_of(tmp_path / "swept", points)
    found = digest.of_campaign(tmp_path / "swept")
    assert [each.cell for each in found.digests] == list(plan.cells)
    assert [each.swept.value for each in found.digests if each.swept] == [1, 2, 4]
    assert not found.damaged
    assert not found.missing
    report = Report(found, compare(found), prices.load())
    rows = [row for each in json.loads(json_(report))["benchmarks"] for row in each["variants"]]
    assert {Point(**row["point"]) for row in rows} == {*points}
    assert {Subject(**row["subject"]) for row in rows} == {Subject("a-instances-4", "docker")}
    assert {row["plain_benchmark"] for row in rows} == {"noop"}


@pytest.mark.parametrize("varies", [BENCHMARK, VARIANT])
def test_sweeps_that_are_compared_and_followed(tmp_path: Path, varies: str) -> None:
    points = tuple(Point("workers", value, varies) for value in (1, 2, 4))  # type: ignore[arg-type]
    sweep_of(tmp_path / "swept", points)
    found = digest.of_campaign(tmp_path / "swept")
    shown = compared.as_json(changes.of_campaigns(found, found, Wanted(), {}))["smallest"]
    assert {each["plain_benchmark"] for each in shown} == {"noop"}
    alike = {Point(**each["point"]) if each["point"] else None for each in shown}
    assert alike == ({*points} if varies == BENCHMARK else {None})
    night = nights.of_campaign(found)
    series = list(gathered([night], ["throughput"]))
    assert {(each.plain_benchmark, each.point) for each in series} == {("noop", p) for p in points}
    nights.keep([night], tmp_path / "kept")
    (path,) = (tmp_path / "kept").iterdir()
    kept = json.loads(path.read_text())
    for row in kept["rows"]:
        del row["plain_benchmark"]  # as the first summaries that had points
    assert nights.of_data(kept, path) == night
