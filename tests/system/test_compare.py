"""`compare` of stored campaigns, through the real command line."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.stored import store
from harness.stored.identity import Subject
from harness.stored.records import Campaign
from harness.stored.revisions import Revision
from tests import fakes
from tests.cells import cell_of
from tests.fakes import Fake
from tests.report.campaigns import IMAGE, SCRIPT
from tests.system.conftest import Command
from tests.system.sandbox import Sandbox
from tests.unit.stored import DATA

FLOOR = Fake("in-process", 4.0, reference=True)
BASE = (FLOOR, Fake("same", 6.0), Fake("slower", 8.0))
NEW = (FLOOR, Fake("same", 6.0), Fake("slower", 10.0))


def plan_of(name: str, *given: Fake, rounds: int = 3) -> Campaign:
    return fakes.campaign(given, rounds, id=name)


def stored(sandbox: Sandbox, name: str, *given: Fake, plan: Campaign | None = None) -> Path:
    return fakes.stored_campaign(sandbox.results / name, given, plan=plan or plan_of(name, *given))


@pytest.fixture
def two(sandbox: Sandbox) -> None:
    stored(sandbox, "base", *BASE)
    stored(sandbox, "new", *NEW)


def test_the_table_for_a_person(cli: Command, two: None) -> None:
    done = cli("compare", "base", "new")
    assert done.returncode == 0
    assert done.stderr == ""
    head, *lines = done.stdout.splitlines()
    assert head.startswith("base -> new: ")
    assert "regressions. Of " in head
    (line,) = (each for each in lines if each.startswith("slower") and " p50 ms " in each)
    assert "1.250 [1.2" in line
    assert line.endswith("worse: a regression")
    (line,) = (each for each in lines if each.startswith("same") and " p50 ms " in each)
    assert line.endswith("same")


def test_json_has_the_promised_keys(cli: Command, two: None) -> None:
    for options in (["--json"], ["--format", "json"]):
        done = cli("compare", "base", "new", *options)
        assert done.returncode == 0
        found = json.loads(done.stdout)
        assert found["comparable"] is True
        assert found["why_not"] is None
        promised = {"variant", "metric", "ratio", "interval", "verdict"}
        assert all(row.keys() >= promised for row in found["rows"])
        said = {(row["variant"], row["metric"]): row for row in found["rows"]}
        p50 = said["slower", "latency_p50"]
        assert Subject(**p50["subject"]) == Subject("slower")
        assert (p50["plain_benchmark"], p50["point"]) == ("sentiment", None)
        assert p50["verdict"] == "worse"
        low, high = p50["interval"]
        assert 1.05 < low <= p50["ratio"] <= high
        assert said["same", "latency_p50"]["verdict"] == "same"
        assert {row["variant"] for row in found["regressions"]} == {"slower"}
        assert {each["metric"] for each in found["smallest"]} >= {"latency_p50", "throughput"}


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (["base", "new", "--fail-on-regression"], 3),
        (["new", "base", "--fail-on-regression"], 0),
        (["base", "base", "--fail-on-regression"], 0),
        (["base", "new", "--fail-on-regression", "--minimum-effect", "60%"], 0),
        (["base", "new", "--fail-on-regression", "--variant", "same"], 0),
        (["base", "new", "--fail-on-regression", "--benchmark", "sentiment"], 3),
    ],
)
def test_a_regression_ends_with_code_3(
    cli: Command, two: None, options: list[str], code: int
) -> None:
    assert cli("compare", *options, "--json").returncode == code


def test_what_is_not_comparable_is_refused_in_every_format(
    cli: Command, sandbox: Sandbox, two: None
) -> None:
    plan = replace(plan_of("other", *NEW), preset="quick", environment={"machine": "Other"})
    stored(sandbox, "other", *NEW, plan=plan)
    for form in ("text", "html", "markdown", "junit", "json"):
        done = cli("compare", "base", "other", "--format", form, "--fail-on-regression")
        assert done.returncode == 2, form
        assert "error: not comparable: other machine: Imaginary CPU" in done.stderr
        assert "other preset: standard and quick" in done.stderr
        said = Path(done.stdout.strip()).read_text() if form == "html" else done.stdout
        assert "other preset: standard and quick" in said, form
        assert "1.250" not in said
    assert json.loads(done.stdout)["comparable"] is False
    assert "other preset" in json.loads(done.stdout)["why_not"]


def test_the_page_is_self_contained(cli: Command, sandbox: Sandbox, two: None) -> None:
    done = cli("compare", "base", "new", "--format", "html")
    path = sandbox.reports / "new" / "compare-base.html"
    assert (done.returncode, done.stdout) == (0, f"{path}\n")
    page = path.read_text()
    assert "<h1>base → new</h1>" in page
    assert "worse: a regression" in page
    assert "src=" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page
    done = cli(
        "compare", "base", "new", "--format", "html", "--output", str(path.parent / "x.html")
    )
    assert (path.parent / "x.html").read_text() == page


def test_markdown_and_junit_go_to_a_file_or_to_standard_output(
    cli: Command, sandbox: Sandbox, two: None
) -> None:
    for form in ("markdown", "junit"):
        shown = cli("compare", "base", "new", "--format", form).stdout
        file = sandbox.root / form
        done = cli("compare", "base", "new", "--format", form, "--output", str(file))
        assert done.stdout == f"{file}\n"
        assert file.read_text() == shown
    assert "**worse: a regression**" in (sandbox.root / "markdown").read_text()
    suites = ElementTree.fromstring((sandbox.root / "junit").read_text())
    failed = [case for case in suites.iter("testcase") if case.find("failure") is not None]
    assert {case.get("classname") for case in failed} == {"sentiment.slower"}
    suite = suites.find("testsuite")
    assert suite is not None
    assert suite.get("failures") == str(len(failed))
    assert suite.get("tests") == str(len(list(suites.iter("testcase"))))


def test_names_of_an_enemy_stay_text(cli: Command, sandbox: Sandbox) -> None:
    evil = Fake(IMAGE, 6.0, track="tuned"), Fake(f"a|`b`{SCRIPT.replace('/', '')}\x01", 6.0)
    for name in ("base", "new"):
        stored(sandbox, name, *(replace(f, variant=f.variant.replace("/", "")) for f in evil))
    page = Path(cli("compare", "base", "new", "--format", "html").stdout.strip()).read_text()
    assert "<img" not in page
    assert "<script" not in page
    assert "&lt;img" in page
    markdown = cli("compare", "base", "new", "--format", "markdown").stdout
    assert "<img" not in markdown.replace("\\<img", "")
    assert "a\\|\\`b\\`" in markdown
    ElementTree.fromstring(cli("compare", "base", "new", "--format", "junit").stdout)


def test_a_damaged_run_is_named_and_the_rest_compared(
    cli: Command, sandbox: Sandbox, two: None
) -> None:
    file = sandbox.results / "new" / "sentiment" / "same" / "round-2" / "requests.parquet"
    file.write_bytes(file.read_bytes()[:-100])
    done = cli("compare", "base", "new", "--json")
    assert done.returncode == 1
    assert f"left out: same on sentiment, round 2: {file} is not as it was written" in done.stderr
    found = json.loads(done.stdout)
    rounds = {row["variant"]: row["rounds"] for row in found["rows"]}
    assert rounds == {"in-process": 3, "same": 2, "slower": 3}
    assert cli("compare", "base", "new", "--fail-on-regression").returncode == 3


def test_an_interrupted_campaign_and_one_without_a_run(
    cli: Command, sandbox: Sandbox, two: None
) -> None:
    shutil.rmtree(sandbox.results / "new" / "sentiment" / "same")
    done = cli("compare", "base", "new")
    assert done.returncode == 0
    assert "note: new was not finished: 3 of 9 cells have not run" in done.stdout
    assert "note: only in base: same on sentiment" in done.stdout
    shutil.rmtree(sandbox.results / "new" / "sentiment")
    for sides in (("base", "new"), ("new", "base")):
        done = cli("compare", *sides)
        assert done.returncode == 2
        assert "error: new has no finished run, so there is nothing to compare" in done.stderr
        assert "run --resume new" in done.stderr


def test_campaigns_that_are_not_there_or_from_the_future(
    cli: Command, sandbox: Sandbox, two: None
) -> None:
    done = cli("compare", "base", "nowhere")
    assert done.returncode == 2
    assert "error: There is no campaign 'nowhere'. Known: base, new." in done.stderr
    assert cli("compare", "../base", "new").returncode == 2
    later = sandbox.results / "later"
    later.mkdir()
    (later / "campaign.json").write_text('{"schema": 99, "sha256": ""}')
    done = cli("compare", "base", "later")
    assert done.returncode == 2
    assert "has schema 99; this harness reads up to" in done.stderr
    file = sandbox.results / "new" / "sentiment" / "same" / "round-1" / "run.json"
    file.write_text('{"schema": 99, "sha256": ""}')
    done = cli("compare", "base", "new")
    assert done.returncode == 1
    assert f"{file} has schema 99" in done.stderr
    assert "slower" in done.stdout


def test_campaigns_of_older_schemas(cli: Command, sandbox: Sandbox) -> None:
    for number in (1, 2, 3):
        shutil.copytree(DATA / f"schema-{number}", sandbox.results / f"s{number}")
    for sides in (("s1", "s2"), ("s2", "s3")):
        done = cli("compare", *sides, "--json")
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)["rows"]
        assert {row["variant"] for row in rows} == {"some"}
        assert {row["verdict"] for row in rows} <= {"can't tell", "same"}


def test_a_renamed_variant(cli: Command, sandbox: Sandbox, two: None) -> None:
    stored(sandbox, "later", FLOOR, Fake("renamed", 10.0))
    done = cli("compare", "base", "later", "--rename", "slower=renamed", "--json")
    assert done.returncode == 0
    found = json.loads(done.stdout)
    assert {row["variant"] for row in found["regressions"]} == {"renamed"}
    done = cli("compare", "base", "later", "--rename", "slowr=renamed")
    assert done.returncode == 2
    assert "Did you mean 'slower'?" in done.stderr


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--minimum-effect", "5"], "'5' is not a share, such as 5% or capacity=10%."),
        (["--minimum-effect", "capacty=5%"], "Did you mean 'capacity'?"),
        (["--rename", "slower"], "--rename: 'slower' is not OLD=NEW."),
        (["--noise", "base"], "--noise goes with one campaign"),
        (["--variant", "none"], "no variant ran in both"),
    ],
)
def test_wrong_usage_is_a_sentence(
    cli: Command, two: None, options: list[str], sentence: str
) -> None:
    done = cli("compare", "base", "new", *options)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr


def test_the_two_revisions_of_one_campaign(cli: Command, sandbox: Sandbox) -> None:
    ours = (replace(FLOOR, content="f"), Fake("a", 10.0, content="now"))
    theirs = (replace(FLOOR, revision="main", content="f"), Fake("a", 8.0, revision="main"))
    plan = replace(plan_of("both", *ours, *theirs), against=Revision("main", "c" * 40))
    stored(sandbox, "both", *ours, *theirs, plan=plan)
    done = cli("compare", "both", "--json", "--fail-on-regression")
    assert done.returncode == 3
    found = json.loads(done.stdout)
    assert (found["base"], found["new"]) == ("main", "this revision")
    assert {row["variant"] for row in found["regressions"]} == {"a"}
    assert {each["source"] for each in found["smallest"]} >= {"a variant beside itself"}
    assert cli("compare", "both", "--noise", "both").returncode == 0
    page = Path(cli("compare", "both", "--format", "html").stdout.strip())
    assert page == sandbox.reports / "both" / "compare.html"
    stored(sandbox, "alone", *ours)
    done = cli("compare", "alone")
    assert done.returncode == 2
    assert "alone has one revision, because it was not run with --against" in done.stderr


def test_the_report_of_two_revisions_says_how_to_measure_it_again(
    cli: Command, sandbox: Sandbox
) -> None:
    both = (Fake("a", 10.0), Fake("a", 8.0, revision="main"))
    commit = "c" * 40
    plan = replace(plan_of("both", *both), against=Revision("main", commit))
    folder = stored(sandbox, "both", *both, plan=plan)
    assert store.read_campaign(folder).against == Revision("main", commit)
    assert cell_of("a", "sentiment", 1, revision="main") in sandbox.runs("both")
    assert cli("report", "both").returncode == 0
    page = (sandbox.reports / "both" / "index.html").read_text()
    assert "a@main" in page
    assert "run a --benchmark sentiment --preset standard --rounds 3" in page
    assert f"--against {commit}" in page
    assert "run a@main" not in page


def test_a_page_that_cannot_be_written(cli: Command, sandbox: Sandbox, two: None) -> None:
    sandbox.reports.write_text("a file where the folder should be")
    done = cli("compare", "base", "new", "--format", "html")
    assert done.returncode == 1
    assert "compare-base.html can't be written" in done.stderr
