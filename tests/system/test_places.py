"""Folders of servers and benchmarks beside the built-in ones."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from harness.base import paths
from harness.base.errors import UsageError
from harness.setup import catalog
from tests.system.sandbox import SERVER, Sandbox, variant


@pytest.fixture
def others(sandbox: Sandbox) -> Path:
    """A server and a benchmark of one's own, outside the sandbox's folders."""
    folder = sandbox.root / "own"
    (folder / "servers").mkdir(parents=True)
    sandbox.add_server("mine", SERVER + variant("mine"))
    shutil.move(sandbox.servers / "mine", folder / "servers" / "mine")
    shutil.copytree(sandbox.benchmarks / "noop", folder / "benchmarks" / "another")
    return folder


def test_they_are_listed_beside_the_others(sandbox: Sandbox, others: Path) -> None:
    places = ("--servers", f"{others}/servers", "--benchmarks", f"{others}/benchmarks/another")
    done = sandbox.harness("list", "--json", *places)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"mine", "null"} <= {each["name"] for each in found["variants"]}
    assert {each["name"] for each in found["benchmarks"]} == {"noop", "another"}
    named = {
        "HARNESS_MORE_SERVERS": f"{others}/servers",
        "HARNESS_MORE_BENCHMARKS": f"{others}/benchmarks",
    }
    assert json.loads(sandbox.harness("list", "--json", **named).stdout) == found


@pytest.mark.slow
def test_they_are_measured_and_a_campaign_file_keeps_them(sandbox: Sandbox, others: Path) -> None:
    places = ("--servers", f"{others}/servers", "--benchmarks", f"{others}/benchmarks")
    file = sandbox.root / "kept.toml"
    run = ("run", "mine", "--benchmark", "another", *places, "--campaign", "first")
    done = sandbox.harness(*run, "--save", str(file))
    assert done.returncode == 0, done.stderr
    assert 'servers = [\n    "own/servers",\n]' in file.read_text()
    report = (sandbox.reports / "first" / "index.html").read_text()
    assert f"--servers {others}/servers --benchmarks {others}/benchmarks" in report
    again = sandbox.harness("run", "--file", str(file), "--dry-run")
    assert again.returncode == 0, again.stderr
    assert "mine on another, round 1" in again.stdout


def test_two_of_one_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in ("one", "other"):
        shutil.copytree(paths.PROJECT / "benchmarks" / "noop", tmp_path / place / "noop")
    monkeypatch.setenv("HARNESS_BENCHMARKS", str(tmp_path / "one"))
    monkeypatch.setenv("HARNESS_MORE_BENCHMARKS", str(tmp_path / "one"))
    assert list(catalog.benchmarks()) == ["noop"]  # the same folder twice
    monkeypatch.setenv("HARNESS_MORE_BENCHMARKS", str(tmp_path / "other"))
    with pytest.raises(UsageError, match=r"has the name of .*one/noop: rename one"):
        catalog.benchmarks()


def test_a_folder_that_is_none(sandbox: Sandbox) -> None:
    done = sandbox.harness("list", "--servers", "/nowhere/at/all")
    assert done.returncode == 2
    assert "/nowhere/at/all" in done.stderr
