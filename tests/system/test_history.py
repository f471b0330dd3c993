"""`history` by the command line, and the make targets that the nightly workflow runs."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from harness.analyse.campaigns import nights
from harness.base import paths
from harness.stored.identity import Subject
from tests.generated import Made, generate
from tests.system.conftest import Command
from tests.system.sandbox import Sandbox
from tests.system.test_against import git

STEP = Made(variants=3, steps={"v1": (41, 0.10)}, versions={"v1": (41, "1.1")})


@pytest.fixture
def kept(sandbox: Sandbox) -> Path:
    """The summaries of 45 nights, in which v1 got slower four nights ago."""
    nights.keep(generate(3, STEP), sandbox.results)
    return sandbox.results


def test_a_change_is_told_and_fails_where_asked_for(
    sandbox: Sandbox, cli: Command, kept: Path
) -> None:
    done = cli("history")
    assert done.returncode == 0, done.stderr
    assert re.search(r"2026-02-11 +v1 on sentiment: p50 \+\d+\.\d%.*worse.*new$", done.stdout, re.M)
    assert f"report   {sandbox.reports / 'history' / 'index.html'}" in done.stdout
    assert cli("history", "--fail-on-change").returncode == 3
    assert cli("history", "--fail-on-change", "--last", "3").returncode == 0
    assert cli("history", "--fail-on-change", "--metric", "memory").returncode == 0


def test_json(sandbox: Sandbox, cli: Command, kept: Path) -> None:
    found = json.loads(cli("history", str(kept), "--json").stdout)
    assert len(found["campaigns"]) == 45
    assert Path(found["report"]).exists()
    [change] = found["changes"]
    assert (change["variant"], change["cause"], change["verdict"]) == ("v1", "version", "worse")
    assert (change["subject"], change["point"]) == (asdict(Subject("v1")), None)
    assert {each["plain_benchmark"] for each in found["series"]} == {"sentiment"}
    assert (change["campaign"], change["nights_ago"]) == ("night-041", 3)
    assert change["recent"] is True
    assert change["interval"][0] < change["ratio"] < change["interval"][1]
    assert change["after"] / change["before"] == pytest.approx(change["ratio"])
    assert {series["variant"] for series in found["series"]} >= {"v0", "v1", "the host"}
    names = [series["variant"] for series in found["series"] if series["subject"] is None]
    assert set(names) == {"the host"}


def test_markdown_is_a_table_alone(cli: Command, kept: Path) -> None:
    done = cli("history", "--format", "markdown")
    lines = done.stdout.strip().splitlines()
    assert all(line.startswith("|") and line.endswith("|") for line in lines)
    assert len({line.count("|") for line in lines}) == 1
    assert "Fake 1.0 → 1.1" in done.stdout


def test_a_renamed_variant_is_one_series(cli: Command, kept: Path) -> None:
    for path in sorted(kept.glob("*.json"))[:38]:
        path.write_text(path.read_text().replace('"v1"', '"was-v1"'))
    assert json.loads(cli("history", "--json").stdout)["changes"] == []
    found = json.loads(cli("history", "--json", "--rename", "was-v1=v1").stdout)
    assert [change["variant"] for change in found["changes"]] == ["v1"]


def test_summaries_are_kept_and_stand_for_their_campaigns(
    sandbox: Sandbox, cli: Command, kept: Path, tmp_path: Path
) -> None:
    there = tmp_path / "there"
    assert cli("history", "--keep", str(there)).returncode == 0
    assert len(list(there.glob("*.night.json"))) == 45
    shutil.rmtree(kept)
    kept.mkdir()
    found = json.loads(cli("history", "--keep", str(there), "--json").stdout)
    assert len(found["campaigns"]) == 45


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("/nowhere",), "/nowhere is not a folder"),
        ((), "There is no campaign in"),
        (("--metric", "latency_p5"), "Did you mean 'latency_p50'?"),
        (("--rename", "a"), "--rename: 'a' is not OLD=NEW"),
    ],
)
def test_wrong_usage(sandbox: Sandbox, cli: Command, arguments: tuple[str, ...], said: str) -> None:
    sandbox.results.mkdir()
    done = cli("history", *arguments)
    assert done.returncode == 2
    assert said in done.stderr


def test_bad_campaigns_are_named_and_the_rest_is_told(cli: Command, kept: Path) -> None:
    (kept / "broken").mkdir()
    (kept / "broken" / "campaign.json").write_text("{")
    done = cli("history", "--json")
    assert done.returncode == 0
    assert "broken/campaign.json can't be read" in done.stderr
    found = json.loads(done.stdout)
    assert len(found["campaigns"]) == 45
    assert "broken/campaign.json" in found["problems"][0]


def make(sandbox: Sandbox, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    """A target as it is, on the sandbox and the interpreter of the tests."""
    settings = ("--old-file=.venv/run.stamp", f"BIN={Path(sys.executable).parent}")
    folders = (f"KEPT={sandbox.root / 'kept'}", f"JSON={sandbox.root / 'history.json'}")
    return subprocess.run(
        ["make", "--no-print-directory", *settings, *folders, *arguments],
        cwd=paths.PROJECT,
        env={**sandbox.environment, "PYTHONPATH": str(paths.PROJECT), **more},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.slow
def test_make_nightly_measures_and_tells_what_changed(sandbox: Sandbox) -> None:
    nights.keep(generate(3, STEP), sandbox.root / "kept")
    done = make(sandbox, "nightly", "VARIANTS=_fake", "PRESET=quick", "OPTIONS=--campaign one")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "| 2026-02-11 | v1 |" in done.stdout
    assert (sandbox.reports / "one" / "index.html").exists()
    found = json.loads((sandbox.root / "history.json").read_text())
    assert "one" in found["campaigns"]
    assert (sandbox.root / "kept" / "one.night.json").exists()


@pytest.mark.slow
def test_make_nightly_fails_where_a_cell_failed_but_tells_all_the_same(sandbox: Sandbox) -> None:
    variants = "VARIANTS=_fake _fake-dies-at-start"
    done = make(sandbox, "nightly", variants, "PRESET=quick", "OPTIONS=--campaign one")
    assert done.returncode == 2  # make's own code for a recipe that failed
    assert "Nothing changed in 1 campaign." in done.stdout


@pytest.mark.slow
def test_make_against_measures_beside_another_revision(sandbox: Sandbox) -> None:
    git(sandbox.root, "init", "--quiet")
    git(sandbox.root, "add", "servers", "benchmarks")
    git(sandbox.root, "commit", "--quiet", "--message", "first")
    options = ("VARIANTS=_fake", "REF=HEAD", "ROUNDS=2", "OPTIONS=--campaign against")
    done = make(sandbox, "against", *options)
    assert done.returncode == 0, done.stdout + done.stderr
    target = sandbox.reports / "against.md"
    done = sandbox.harness("compare", "against", "--format", "markdown", "--output", str(target))
    assert done.returncode == 0, done.stderr
    assert "HEAD → this revision" in target.read_text()


@pytest.mark.slow
def test_make_history_and_issues_agree_on_their_file(sandbox: Sandbox, tmp_path: Path) -> None:
    nights.keep(generate(3, STEP), sandbox.results)
    assert make(sandbox, "history").returncode == 0
    gh = tmp_path / "bin" / "gh"
    gh.parent.mkdir()
    gh.write_text("#!/bin/sh\necho '[]'\n")
    gh.chmod(0o755)
    path = f"{gh.parent}:{os.environ['PATH']}"
    done = make(sandbox, "issues", "OPTIONS=--dry-run", PATH=path)
    assert done.returncode == 0, done.stderr
    assert "gh issue create --title v1 on sentiment changed" in done.stdout
