"""The campaign that comes with the project, and the pages and the picture that show it."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

import example
import picture
from harness.base import paths
from harness.base.errors import ResultError
from harness.report import formats
from harness.report.page.view import Report
from harness.stored import store
from tests import fakes
from tests.docs.pages import text
from tests.fakes import Fake
from tests.report.campaigns import PROFILES

RENEW = "Renew it: .venv/bin/python scripts/example.py"
FAKES = tuple(
    replace(fake, profiles=PROFILES)
    for fake in (Fake("in-process", reference=True), Fake("good", capacity_per_s=90.0))
)


@pytest.fixture(scope="module")
def report() -> Report:
    return example.report_of(example.EXAMPLE)


def json_of(report: Report) -> Any:
    made = formats.load()["json"].make(report)
    assert isinstance(made, str)
    return json.loads(made)


# --- what is committed ---------------------------------------------------------------------------


def test_the_campaign_is_whole_small_and_called_example(report: Report) -> None:
    assert report.campaign.id == store.EXAMPLE
    assert (report.digested.missing, report.digested.damaged) == ((), ())
    files = [path for path in example.EXAMPLE.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) <= example.LIMIT_BYTES
    assert {path.read_bytes() for path in files if path.name == "server.log"} == {b""}


def test_the_campaign_tells_no_place_of_the_machine_that_measured_it() -> None:
    told = "".join(path.read_text(encoding="utf-8") for path in example.EXAMPLE.rglob("*.json"))
    assert example.PLACE.findall(told) == []


def test_the_pages_say_what_the_report_says(report: Report) -> None:
    assert text("docs/example.md") == example.page(report), RENEW
    readme = text("README.md")
    assert readme == example.with_caption(readme, report), RENEW


def test_the_picture_is_of_the_campaign(report: Report) -> None:
    assert picture.told(example.PICTURE) == example.made_from(report), RENEW
    assert f"]({example.PICTURE.relative_to(paths.PROJECT)})" in text("README.md")


def test_the_caption_is_the_answer_of_the_report(report: Report) -> None:
    shown = " ".join(example.caption(report).split()).replace("&lt;", "<")
    for answer in json_of(report)["headlines"]:
        assert answer in re.sub(r"\\([*_])", r"\1", shown)
    assert report.campaign.started_at[:10] in shown


def test_make_example_needs_no_server(tmp_path: Path) -> None:
    makefile = text("Makefile")
    found = re.search(r"^example: \.venv/run\.stamp .*\n\t\$\(BIN\)/python (.*)$", makefile, re.M)
    assert found is not None
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "example").symlink_to(example.EXAMPLE)
    names = ("CACHE", "SERVERS", "REPORTS", "RESULTS")  # of which nothing but the last is there
    places = {f"HARNESS_{name}": str(tmp_path / name.lower()) for name in names}
    done = subprocess.run(
        [sys.executable, *found[1].split()],
        cwd=paths.PROJECT,
        env={**os.environ, **places},
        capture_output=True,
        text=True,
        check=False,
    )
    page = tmp_path / "reports" / "example" / "index.html"
    assert (done.returncode, done.stdout) == (0, f"{page}\n"), done.stderr
    assert not (tmp_path / "cache").exists()


# --- how it is made ------------------------------------------------------------------------------


def test_a_copy_has_all_numbers_and_no_logs(tmp_path: Path) -> None:
    source = fakes.stored_campaign(tmp_path / "mine", FAKES, rounds=2)
    goal = tmp_path / "example"
    example.copy(source, goal)
    example.copy(source, goal)  # in the place of an earlier one
    assert sorted(path.name for path in tmp_path.iterdir()) == ["example", "mine"]
    assert {path.read_bytes() for path in goal.rglob("server.log")} == {b""}
    first, second = (json_of(example.report_of(folder)) for folder in (source, goal))
    assert (first.pop("campaign"), second.pop("campaign")) == ("mine", "example")
    assert first == second


def test_a_copy_tells_nothing_of_the_machine(tmp_path: Path) -> None:
    home, host = Path.home(), socket.gethostname()
    said = (
        f"{paths.PROJECT}/servers on {host}: {home}/.bashrc, /tmp/mine/lock; see https://a.b/tmp/c"
    )
    plan = fakes.campaign(FAKES, 1, id="mine")
    plan = replace(
        plan,
        environment={**plan.environment, "note": said},
        command="python -m harness run --campaign mine --all",
    )
    source = fakes.stored_campaign(tmp_path / "mine", FAKES, plan=plan)
    example.copy(source, tmp_path / "example")
    copied = store.read_campaign(tmp_path / "example")
    assert copied.environment["note"] == "./servers on host: ~/.bashrc, …; see https://a.b/tmp/c"
    assert copied.command == "python -m harness run --all"


def test_a_campaign_that_is_not_whole_is_no_example(tmp_path: Path) -> None:
    goal = fakes.stored_campaign(tmp_path / "example", FAKES, rounds=1)
    before = example.content(goal)
    source = fakes.stored_campaign(tmp_path / "mine", FAKES, rounds=1)
    requests = source / "sentiment" / "good" / "round-1" / "requests.parquet"
    requests.write_bytes(requests.read_bytes()[:-9])
    with pytest.raises(ResultError, match="is not as it was written"):
        example.copy(source, goal)
    (source / "sentiment" / "good" / "round-1" / "run.json").unlink()
    with pytest.raises(ResultError, match="is not finished: good on sentiment, round 1 is not"):
        example.copy(source, goal)
    assert example.content(goal) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["example", "mine"]


def test_a_campaign_that_is_too_big_is_no_example(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = fakes.stored_campaign(tmp_path / "mine", FAKES, rounds=1)
    monkeypatch.setattr(example, "LIMIT_BYTES", 1000)
    with pytest.raises(ResultError, match=r"has \d+ bytes without its logs, over 1000\."):
        example.copy(source, tmp_path / "example")
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_content_changes_with_any_file(tmp_path: Path) -> None:
    folder = fakes.stored_campaign(tmp_path / "mine", FAKES, rounds=1)
    before = example.content(folder)
    assert example.content(folder) == before
    (folder / "sentiment" / "good" / "round-1" / "usage.parquet").write_bytes(b"")
    assert example.content(folder) != before


@pytest.mark.slow
def test_a_picture_is_the_first_screen_and_says_what_of(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("<html><body style='background: red'>" + "<p>line</p>" * 500)
    picture.take(page, tmp_path / "made" / "page.png", {"content": "1", "answers": "å\nb"})
    assert picture.told(tmp_path / "made" / "page.png") == {"content": "1", "answers": "å\nb"}
    with Image.open(tmp_path / "made" / "page.png") as made:
        assert made.size == (picture.WIDTH, picture.HEIGHT)
        assert made.convert("RGB").getpixel((picture.WIDTH - 1, picture.HEIGHT - 1)) == (255, 0, 0)
