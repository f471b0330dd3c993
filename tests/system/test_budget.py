"""`--budget`: what a time has room for, and what is said of the rest."""

from __future__ import annotations

import json
import re

import pytest

from harness.base import marks
from harness.cli import _decide
from tests import fakes
from tests.cells import cell_of
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.slow


def remember(sandbox: Sandbox, **seconds: float) -> None:
    """So long has each variant taken on this machine, beside its windows."""
    known = {f"{variant} on noop": value for variant, value in seconds.items()}
    (marks.make(sandbox.cache / "costs") / "costs.json").write_text(json.dumps(known))


def test_what_there_is_no_room_for_is_left_out_and_said(sandbox: Sandbox) -> None:
    remember(sandbox, **{"in-process": 1.0, "null": 1.0, "_fake": 1e5})
    options = ("--rounds", "2", "--json")
    done = sandbox.harness("run", "_fake", "--budget", "1h", "--campaign", "first", *options)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {cell["variant"] for cell in found["cells"]} == {"in-process", "null"}
    assert [row["what"] for row in found["left_out"]] == ["_fake on noop, round 1", "round 2"]
    assert all("time budget" in row["why"] for row in found["left_out"])
    report = (sandbox.reports / "first" / "index.html").read_text()
    assert "it does not fit into the time budget" in report


def test_what_cells_took_is_remembered(sandbox: Sandbox) -> None:
    remember(sandbox, **{"in-process": 1.0, "null": 1.0, "_fake": 1e5})
    assert sandbox.harness("run", "_fake", "--campaign", "first").returncode == 0
    known = json.loads((sandbox.cache / "costs" / "costs.json").read_text())
    assert 0 < known["_fake on noop"] < 1e5, "it was not what it was taken for"
    options = ("--budget", "1h", "--rounds", "2", "--campaign", "second")
    done = sandbox.harness("run", "_fake", *options)
    assert done.returncode == 0, done.stderr
    assert cell_of("_fake", "noop", 2) in sandbox.runs("second")
    assert sandbox.campaign("second").left_out == ()


def test_no_room_for_anything(sandbox: Sandbox) -> None:
    done = sandbox.harness("run", "_fake", "--budget", "10s")
    assert done.returncode == 4
    assert "No cell fits into the" in done.stderr
    (least,) = re.findall(r"Give --budget (\d+)s or more", done.stderr)
    assert int(least) > 10
    assert not sandbox.results.exists() or not any(sandbox.results.iterdir())


def test_what_is_not_decided_is_started_again_while_there_is_time(sandbox: Sandbox) -> None:
    assert sandbox.harness("run", "_fake", "_fake-slow", "--campaign", "first").returncode == 0
    options = ("--until", "decided", "--budget", "10m", "--campaign", "second")
    done = sandbox.harness("run", "_fake", "_fake-slow", *options)
    assert done.returncode == 0, done.stderr
    rounds = [
        cell.round for cell in sandbox.runs("second") if cell.variant_name.startswith("_fake")
    ]
    # Where a busy machine makes all of them INVALID, no pair is there to be decided.
    assert (max(rounds) >= 2) == ("not decided yet" in done.stderr)
    assert set(sandbox.runs("second")) == set(sandbox.campaign("second").cells)
    assert "pairs of the rankings" in done.stderr


def test_what_is_not_decided_says_what_it_would_take(sandbox: Sandbox) -> None:
    field = [fakes.Fake("in-process", reference=True), fakes.Fake("one"), fakes.Fake("other")]
    fakes.stored_campaign(sandbox.results / "first", field, rounds=1)
    found = _decide.sentence(sandbox.results / "first")
    said = re.fullmatch(r"decided  0 of 1 pairs .* would take about (\d+m) more: (.*)", found)
    assert said, found
    command = f"python -m harness run --resume first --until decided --budget {said[1]}"
    assert said[2] == command
