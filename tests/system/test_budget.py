"""`--budget`: what a time has room for, and what is said of the rest."""

from __future__ import annotations

import json

import pytest

from harness.records import Cell
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.slow


def test_what_there_is_no_room_for_is_left_out_and_said(sandbox: Sandbox) -> None:
    # Nothing is known of any variant yet, so that each is taken for a quarter of a minute.
    options = ("--rounds", "2", "--json")
    done = sandbox.harness("run", "_fake", "--budget", "45s", "--campaign", "first", *options)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {cell["variant"] for cell in found["cells"]} == {"in-process", "null"}
    assert [row["what"] for row in found["left_out"]] == ["_fake on noop, round 1", "round 2"]
    assert all("time budget" in row["why"] for row in found["left_out"])
    report = (sandbox.reports / "first" / "index.html").read_text()
    assert "the time budget has no room for it" in report


def test_what_cells_took_is_remembered(sandbox: Sandbox) -> None:
    assert sandbox.harness("run", "_fake", "--campaign", "first").returncode == 0
    options = ("--budget", "45s", "--rounds", "2", "--campaign", "second")
    done = sandbox.harness("run", "_fake", *options)
    assert done.returncode == 0, done.stderr
    assert Cell("_fake", "noop", 2) in sandbox.runs("second")
    assert sandbox.campaign("second").left_out == ()


def test_no_room_for_anything(sandbox: Sandbox) -> None:
    done = sandbox.harness("run", "_fake", "--budget", "10s")
    assert done.returncode == 4
    assert "Not one cell fits into the" in done.stderr
    assert not sandbox.results.exists() or not any(sandbox.results.iterdir())
