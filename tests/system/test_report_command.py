"""`report` in every format, of every kind of campaign, through the real command line."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from harness.stored import store
from harness.stored.store import SCHEMA
from tests import fakes
from tests.report.campaigns import PROFILES
from tests.system.conftest import Command
from tests.system.sandbox import Sandbox
from tests.unit import stored as old

FAKES = tuple(
    replace(fake, profiles=PROFILES)
    for fake in (fakes.Fake("in-process", reference=True), fakes.Fake("good"), fakes.Fake("other"))
)
FILES = {
    "html": "index.html",
    "markdown": "report.md",
    "csv": "report.csv",
    "json": "report.json",
    "parquet": "report.parquet",
}


@pytest.fixture
def mine(sandbox: Sandbox) -> Path:
    return fakes.stored_campaign(sandbox.results / "mine", FAKES, rounds=2)


@pytest.mark.parametrize("form", FILES)
def test_each_format_as_a_file_and_on_standard_output(
    cli: Command, sandbox: Sandbox, mine: Path, form: str
) -> None:
    printed = cli("report", "mine", "--format", form, "--stdout")
    assert (printed.returncode, printed.stderr) == (0, "")
    assert not sandbox.reports.exists(), "nothing is written beside it"
    path = sandbox.reports / "mine" / FILES[form]
    done = cli("report", "mine", "--format", form)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}\n", "")
    assert path.read_bytes().decode(errors="replace") == printed.stdout  # Parquet is no text
    if form == "json":
        assert json.loads(printed.stdout)["campaign"] == "mine"
    elif form == "csv":
        rows = csv.DictReader(io.StringIO(printed.stdout))
        assert {row["variant"] for row in rows} == {"in-process", "good", "other"}
    elif form == "markdown":
        assert printed.stdout.startswith("## Serving Harness: `mine`\n\n- On `sentiment`, ")


def test_the_list_is_renewed_with_every_format(cli: Command, sandbox: Sandbox, mine: Path) -> None:
    page = sandbox.reports / "index.html"
    assert cli("report", "--format", "csv").returncode == 0
    assert "no report" in page.read_text()
    assert cli("report").returncode == 0
    assert '<a href="./mine/index.html">mine</a>' in page.read_text()
    kept = sorted(path.name for path in (sandbox.reports / "mine").iterdir())
    assert kept == ["index.html", "report.csv", "summary.json"]


def test_another_campaign_is_in_the_list_too(cli: Command, sandbox: Sandbox, mine: Path) -> None:
    fakes.stored_campaign(sandbox.results / "another", FAKES[:2], rounds=1)
    assert cli("report", "mine").returncode == 0
    assert "another" in (sandbox.reports / "index.html").read_text()


def test_a_format_that_nobody_knows(cli: Command, sandbox: Sandbox, mine: Path) -> None:
    done = cli("report", "--format", "markdwn")
    assert done.returncode == 2
    assert done.stderr == "error: There is no format 'markdwn'. Did you mean 'markdown'?\n"
    assert not sandbox.reports.exists()


def test_parquet_does_not_go_to_a_terminal(
    cli: Command, mine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    done = cli("report", "mine", "--format", "parquet", "--stdout")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: parquet is binary and can't be printed to a terminal: redirect it, such as "
        "> FILE.\n"
    )


def test_the_example_is_found_by_its_name_and_nobody_s_newest(
    cli: Command, sandbox: Sandbox
) -> None:
    fakes.stored_campaign(sandbox.results / "example", FAKES, rounds=1)
    done = cli("report")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: There is no campaign in {sandbox.results}. Make one with `run`, or see the "
        "example of the harness: `report example`.\n"
    )
    path = sandbox.reports / "example" / "index.html"
    assert cli("report", "example").stdout == f"{path}\n"
    assert "./example/index.html" not in (sandbox.reports / "index.html").read_text()
    fakes.stored_campaign(sandbox.results / "mine", FAKES, rounds=1)
    os.utime(sandbox.results / "mine" / "campaign.json", (0, 0))
    assert cli("report").stdout == f"{sandbox.reports / 'mine' / 'index.html'}\n"
    page = (sandbox.reports / "index.html").read_text()
    assert "./mine/index.html" in page
    assert "./example/index.html" not in page


@pytest.mark.parametrize(
    "command",
    [["run", "_fake"], ["sweep", "_fake", "--over", "concurrency", "--benchmark", "noop"]],
)
def test_no_campaign_of_one_s_own_is_called_example(cli: Command, command: list[str]) -> None:
    done = cli(*command, "--campaign", "example")
    assert done.returncode == 2
    assert done.stderr == (
        "error: 'example' is the name of the example campaign of the harness, which no list "
        "shows: choose another --campaign.\n"
    )


def test_two_reports_do_not_go_to_standard_output(cli: Command, mine: Path) -> None:
    done = cli("report", "mine", "mine2", "--stdout")
    assert done.returncode == 2
    assert done.stderr == "error: --stdout prints one report: name one campaign.\n"


def test_an_unknown_campaign_is_answered_with_the_nearest(cli: Command, mine: Path) -> None:
    for command in (["report", "mime"], ["run", "--resume", "mime"]):
        done = cli(*command)
        assert done.returncode == 2
        assert done.stderr == "error: There is no campaign 'mime'. Did you mean 'mine'?\n"
    done = cli("report", "quite-another")
    assert done.stderr == "error: There is no campaign 'quite-another'. Known: mine.\n"


def test_of_a_thousand_campaigns_not_all_are_named(cli: Command, sandbox: Sandbox) -> None:
    for number in range(1000):
        folder = sandbox.results / f"20260101-{number:06}"
        folder.mkdir(parents=True)
        (folder / "campaign.json").touch()
    done = cli("report", "quite-another")
    assert done.returncode == 2
    assert done.stderr.endswith(", 1000 in all.\n")
    assert len(done.stderr) < 3000
    done = cli("report", "2026101-000017")
    assert "Did you mean '20260101-000017'?" in done.stderr


def test_of_several_the_rest_is_reported(cli: Command, sandbox: Sandbox, mine: Path) -> None:
    for name in ("later", "edited"):
        shutil.copytree(mine, sandbox.results / name)
    later, edited = (sandbox.results / name / "campaign.json" for name in ("later", "edited"))
    later.write_text(later.read_text().replace(f'"schema": {SCHEMA}', f'"schema": {SCHEMA + 1}'))
    edited.write_text(edited.read_text().replace('"standard"', '"nightly"'))
    done = cli("report", "later", "nobody", "mine", "edited")
    assert done.returncode == 2
    assert done.stdout == f"{sandbox.reports / 'mine' / 'index.html'}\n"
    first, second, third = done.stderr.splitlines()
    assert first == (
        f"error: {later} has schema {SCHEMA + 1}; this harness reads up to {SCHEMA}. Read it with "
        "the later version of the harness that wrote it."
    )
    assert second.startswith("error: There is no campaign 'nobody'.")
    assert third.startswith(f"error: {edited} is not as it was written")
    page = (sandbox.reports / "index.html").read_text()
    assert page.count("<tr>") == 4  # and the head
    assert f"has schema {SCHEMA + 1}" in page


def test_an_interrupted_campaign_is_reported_and_said_to_be(
    cli: Command, sandbox: Sandbox, mine: Path
) -> None:
    shutil.rmtree(mine / "sentiment" / "good" / "round-2")
    (mine / "sentiment" / "good" / ".part-killed").mkdir()
    done = cli("report", "mine", "--format", "markdown")
    assert done.returncode == 0
    assert done.stderr == (
        "not finished: 1 of 6 runs not stored; the report is of the others. Continue with: python "
        "-m harness run --resume mine\n"
    )
    text = (sandbox.reports / "mine" / "report.md").read_text()
    assert "**Not finished**: 1 of 6 planned runs is not stored." in text
    assert "- not run: `good` on `sentiment`, round 2" in text
    assert "1 not run" in (sandbox.reports / "index.html").read_text()


@pytest.mark.parametrize("form", FILES)
def test_a_campaign_without_a_finished_run(cli: Command, sandbox: Sandbox, form: str) -> None:
    plan = fakes.campaign(FAKES, 1, id="planned")
    store.write_campaign(sandbox.results / "planned", plan)
    done = cli("report", "planned", "--format", form)
    assert done.returncode == 0
    assert done.stderr.startswith("not finished: 3 of 3 runs not stored;")
    assert "Nothing could be ranked." in (sandbox.reports / "index.html").read_text()


@pytest.mark.parametrize("schema", [1, 2, 3, 4])
def test_results_of_every_schema(cli: Command, sandbox: Sandbox, schema: int) -> None:
    shutil.copytree(old.DATA / f"schema-{schema}", sandbox.results / "old")
    for form in FILES:
        done = cli("report", "old", "--format", form)
        assert (done.returncode, done.stderr) == (0, "")
    assert "1 failed" in (sandbox.reports / "index.html").read_text()


def test_a_variant_whose_folder_was_renamed_is_missing(
    cli: Command, sandbox: Sandbox, mine: Path
) -> None:
    (mine / "sentiment" / "good").rename(mine / "sentiment" / "better")
    done = cli("report", "mine", "--format", "json")
    assert done.returncode == 0
    assert done.stderr.startswith("not finished: 2 of 6 runs not stored;")
    found = json.loads((sandbox.reports / "mine" / "report.json").read_text())
    assert {cell["variant"] for cell in found["missing"]} == {"good"}


def test_a_variant_that_was_renamed_is_reported_under_the_name_it_had(
    cli: Command, sandbox: Sandbox, mine: Path
) -> None:
    renamed = (*FAKES[:1], replace(FAKES[1], variant="renamed"))
    fakes.stored_campaign(sandbox.results / "newer", renamed, rounds=1)
    assert cli("report", "mine", "newer").returncode == 0
    assert ">good<" in (sandbox.reports / "mine" / "index.html").read_text()
    page = (sandbox.reports / "index.html").read_text()
    assert "<b>renamed</b>" in page
    assert 'class="spark"' not in page  # neither has been measured twice


@pytest.mark.parametrize("form", FILES)
def test_a_folder_of_reports_that_cannot_be_written(
    cli: Command, sandbox: Sandbox, mine: Path, form: str
) -> None:
    sandbox.reports.write_text("a file where the folder should be")
    done = cli("report", "mine", "--format", form)
    assert done.returncode == 1
    path = sandbox.reports / "mine" / FILES[form]
    assert done.stderr.startswith(f"error: {path} can't be written: ")
    assert done.stderr.count("\n") == 1
    assert cli("report", "mine", "--format", form, "--stdout").returncode == 0


def test_a_list_that_cannot_be_written(cli: Command, sandbox: Sandbox, mine: Path) -> None:
    (sandbox.reports / "index.html").mkdir(parents=True)
    done = cli("report", "mine")
    assert done.returncode == 1
    assert done.stdout == f"{sandbox.reports / 'mine' / 'index.html'}\n"
    assert done.stderr == (
        f"error: {sandbox.reports / 'index.html'} can't be written: Is a directory.\n"
    )
    assert sorted(path.name for path in sandbox.reports.iterdir()) == ["index.html", "mine"]


@pytest.mark.slow
def test_a_run_renews_the_list(sandbox: Sandbox) -> None:
    fakes.stored_campaign(sandbox.results / "earlier", FAKES, rounds=1)
    done = sandbox.harness("run", "_fake", "--campaign", "latest")
    assert done.returncode == 0, done.stderr
    page = (sandbox.reports / "index.html").read_text()
    assert '<a href="./latest/index.html">latest</a>' in page
    assert page.index(">latest<") < page.index(">earlier<")
    assert "<b>good</b>" in page


@pytest.mark.slow
def test_a_run_stands_where_the_list_cannot_be_written(sandbox: Sandbox) -> None:
    (sandbox.reports / "index.html").mkdir(parents=True)
    done = sandbox.harness("run", "_fake", "--campaign", "latest")
    assert done.returncode == 0, done.stderr
    assert "The list of campaigns was not renewed: " in done.stderr
    assert str(sandbox.reports / "latest" / "index.html") in done.stdout
