"""Stored results that were damaged, and reports of them, through the real command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.stored.records import Failure
from tests import fakes
from tests.system.conftest import Command
from tests.system.sandbox import Sandbox

FAKES = (fakes.Fake("in-process", reference=True), fakes.Fake("good"), fakes.Fake("damaged"))


@pytest.fixture
def stored(sandbox: Sandbox) -> Path:
    return fakes.stored_campaign(sandbox.results / "mine", FAKES, rounds=2)


def _truncate(place: Path) -> Path:
    file = place / "requests.parquet"
    file.write_bytes(file.read_bytes()[:-100])
    return file


def _edit(place: Path) -> Path:
    file = place / "run.json"
    data = json.loads(file.read_text())
    data["run"]["startup"]["ready_s"] = 0.001
    file.write_text(json.dumps(data))
    return file


def _lose(place: Path) -> Path:
    file = place / "usage.parquet"
    file.unlink()
    return file


@pytest.mark.parametrize("damage", [_truncate, _edit, _lose])
def test_a_damaged_run_is_named_and_the_rest_reported(
    cli: Command, sandbox: Sandbox, stored: Path, damage: Callable[[Path], Path]
) -> None:
    file = damage(stored / "sentiment" / "damaged" / "round-2")
    done = cli("report", "mine")
    assert done.returncode == 1
    assert done.stdout == f"{sandbox.reports / 'mine' / 'index.html'}\n"
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"left out: damaged on sentiment, round 2: {file}")
    page = (sandbox.reports / "mine" / "index.html").read_text()
    assert "1 damaged" in page
    assert str(file.name) in page
    assert "good" in page


def test_a_run_of_another_cell_or_campaign_is_not_taken_for_this_one(
    cli: Command, sandbox: Sandbox, stored: Path
) -> None:
    fakes.stored_campaign(sandbox.results / "other", FAKES, rounds=1)
    for source, name in ((stored, "damaged"), (sandbox.results / "other", "good")):
        place = stored / "sentiment" / name / "round-1"
        shutil.rmtree(place)
        shutil.copytree(source / "sentiment" / "good" / "round-1", place)
    done = cli("report", "mine")
    assert done.returncode == 1
    assert (
        f"{place} holds another run: good on sentiment, round 1, of campaign other." in done.stderr
    )
    assert "damaged on sentiment, round 1: " in done.stderr


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "can't be read: it is truncated or not a result file."),
        ("{}", "can't be read: it is truncated or not a result file."),
        ("[]", "can't be read: it is truncated or not a result file."),
        ("\udcff", "can't be read: it is truncated or not a result file."),
        ('{"schema": 99, "sha256": ""}', "has schema 99; this harness reads up to "),
        ('{"schema": 1, "sha256": ""}', "is not as it was written"),
    ],
)
@pytest.mark.parametrize("command", [["report", "mine"], ["run", "--resume", "mine"]])
def test_a_damaged_plan_is_wrong_usage(
    cli: Command, sandbox: Sandbox, stored: Path, text: str, sentence: str, command: list[str]
) -> None:
    (stored / "campaign.json").write_bytes(text.encode(errors="surrogateescape"))
    done = cli(*command)
    assert done.returncode == 2
    assert f"error: {stored / 'campaign.json'} {sentence}" in done.stderr
    assert done.stderr.count("\n") == 1
    assert not sandbox.reports.exists()
    assert len(list(stored.rglob("run.json"))) == 6


def test_an_edited_plan_is_told_from_the_one_written(cli: Command, stored: Path) -> None:
    file = stored / "campaign.json"
    file.write_text(file.read_text().replace('"standard"', '"nightly"'))
    done = cli("report", "mine")
    assert done.returncode == 2
    assert f"{file} is not as it was written" in done.stderr


def test_a_report_made_again_is_the_same_to_the_byte(
    cli: Command, sandbox: Sandbox, stored: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli("report", "mine").returncode == 0
    here = (sandbox.reports / "mine" / "index.html").read_bytes()

    elsewhere = sandbox.root / "elsewhere"
    shutil.copytree(sandbox.results, elsewhere)
    monkeypatch.setenv("HARNESS_RESULTS", str(elsewhere))
    monkeypatch.setenv("HARNESS_REPORTS", str(sandbox.root / "again"))
    monkeypatch.setenv("HARNESS_SERVERS", str(sandbox.root / "none"))
    monkeypatch.setenv("TZ", "Pacific/Kiritimati")
    monkeypatch.setenv("LC_ALL", "C")
    assert cli("report", "mine").returncode == 0
    assert (sandbox.root / "again" / "mine" / "index.html").read_bytes() == here


def test_an_unfinished_campaign_is_reported_as_far_as_it_is(
    cli: Command, sandbox: Sandbox, stored: Path
) -> None:
    shutil.rmtree(stored / "sentiment" / "good" / "round-2")
    assert cli("report", "mine").returncode == 0
    assert "1 not run" in (sandbox.reports / "mine" / "index.html").read_text()


def test_a_failed_run_is_reported(cli: Command, sandbox: Sandbox) -> None:
    failure = Failure("ready", "It did not get ready <in time>.", "the <end> of its log\n")
    broken = fakes.Fake("broken", failure=failure)
    fakes.stored_campaign(sandbox.results / "mine", [*FAKES, broken], rounds=1)
    assert cli("report", "mine").returncode == 0
    page = (sandbox.reports / "mine" / "index.html").read_text()
    assert "It did not get ready &lt;in time&gt;." in page
    assert "the &lt;end&gt; of its log" in page


def test_a_report_of_nothing_but_failures(cli: Command, sandbox: Sandbox) -> None:
    broken = fakes.Fake("broken", failure=Failure("launch", "It can't be started."))
    fakes.stored_campaign(sandbox.results / "mine", [broken], rounds=1)
    assert cli("report", "mine").returncode == 0
    assert "It can&#39;t be started." in (sandbox.reports / "mine" / "index.html").read_text()


def test_several_campaigns_or_the_newest(cli: Command, sandbox: Sandbox, stored: Path) -> None:
    newer = fakes.stored_campaign(sandbox.results / "newer", FAKES[:1], rounds=1)
    assert newer.stat().st_mtime_ns >= stored.stat().st_mtime_ns
    pages = [str(sandbox.reports / name / "index.html") for name in ("mine", "newer")]
    assert cli("report", "mine", "newer").stdout.splitlines() == pages
    assert cli("report").stdout.splitlines() == pages[1:]


def test_a_report_that_cannot_be_written(cli: Command, sandbox: Sandbox, stored: Path) -> None:
    sandbox.reports.write_text("a file where the folder should be")
    done = cli("report", "mine")
    assert done.returncode == 1
    assert done.stderr.startswith(f"error: {sandbox.reports / 'mine' / 'index.html'} can't be wr")
    assert done.stderr.count("\n") == 1
