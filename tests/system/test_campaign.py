"""A campaign in which nothing goes wrong, through the real command line."""

from __future__ import annotations

import json
import os

import pytest

from harness.stored.identity import told
from tests.cells import cell_of
from tests.system.sandbox import Sandbox


@pytest.mark.slow
def test_a_campaign_from_start_to_report(sandbox: Sandbox) -> None:
    done = sandbox.harness("run", "_fake", "--campaign", "first", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["campaign"] == "first"
    assert found["results"] == str(sandbox.results / "first")
    assert found["report"] == str(sandbox.reports / "first" / "index.html")
    assert [cell["variant"] for cell in found["cells"]] == ["in-process", "null", "_fake"]
    cells = [cell_of(name, "noop") for name in ("in-process", "null", "_fake")]
    for seen, cell in zip(found["cells"], cells, strict=True):
        assert seen | told(cell) == seen
    for cell in found["cells"]:
        assert (cell["benchmark"], cell["round"], cell["outcome"]) == ("noop", 1, "ok")
        assert cell["phase"] is cell["message"] is None
        assert all(f.keys() >= {"name", "verdict", "message"} for f in cell["findings"])

    plan = sandbox.campaign("first")
    assert plan.command == "python -m harness run _fake --campaign first --json"
    assert plan.proof is not None
    assert plan.proof.ceiling_per_s > 0
    checks = {check.name: check for check in plan.checks}
    assert "against the null server" in checks["generator ceiling"].message
    assert {"send lag", "timer", "clock source", "swap", "other load"} <= checks.keys()
    shared = set(plan.server_cpus) & set(plan.generator_cpus)
    assert not shared or len(os.sched_getaffinity(0)) == 1

    runs = sandbox.runs("first")
    fake, floor = runs[cell_of("_fake", "noop", 1)], runs[cell_of("in-process", "noop", 1)]
    assert fake.facts.verified == floor.facts.verified == 21
    assert fake.facts.startup is not None
    assert 0 < fake.facts.startup.ready_s <= fake.facts.startup.first_answer_s
    assert fake.facts.stop is not None
    assert (fake.facts.stop.orphans, fake.facts.stop.killed) == (0, 0)
    assert fake.log == "fake: listening\n"
    steady, _ = fake.profiles
    theirs = floor.profiles[0].requests
    assert (steady.requests.due_ns == theirs.due_ns).all(), "identical load, literally"
    assert (steady.requests.payload == theirs.payload).all()
    assert steady.facts.checked > 0
    assert steady.facts.host is not None
    assert steady.facts.host.suspended_s < 0.01
    assert fake.facts.warm_up is not None
    assert fake.facts.warm_up.medians_ms
    assert steady.facts.wrong == 0
    assert len(steady.calls.batch) == len(steady.requests)
    assert (steady.calls.batch == 1).all()

    page = (sandbox.reports / "first" / "index.html").read_text()
    assert "_fake" in page
    assert "Checks of the host" in page
    assert not list(sandbox.scratch.glob("harness-*")), "temporary files go with the campaign"
    assert not sandbox.processes()


@pytest.mark.slow
def test_warm_up_ends_when_the_server_is_steady(sandbox: Sandbox) -> None:
    presets = sandbox.benchmarks / "presets.toml"
    presets.write_text(presets.read_text().replace("warm_up_s = 0.1", "warm_up_s = 60.0"))
    done = sandbox.harness("run", "_fake-slow", "--campaign", "c", "--json")
    assert done.returncode == 0, done.stderr
    for run in sandbox.runs("c").values():
        assert run.facts.warm_up is not None
        # A machine that is never steady has its servers warmed up for as long as is allowed.
        steady = run.facts.warm_up.steady_s is not None
        assert steady == (run.facts.phases_s["warm up"] < 60), run.cell
    slow = sandbox.runs("c")[cell_of("_fake-slow", "noop", 1)].facts.warm_up
    assert slow is not None
    assert slow.medians_ms[-1] is not None
    assert slow.medians_ms[-1] >= 40


@pytest.mark.slow
def test_verify_checks_every_answer_and_stores_nothing(sandbox: Sandbox) -> None:
    done = sandbox.harness("verify", "_fake", "_fake-wrong")
    assert done.returncode == 1
    assert "in-process on noop: 21 answers right" in done.stdout
    assert "null on noop: answers; a reference, not checked" in done.stdout
    assert "_fake on noop: 21 answers right" in done.stdout
    assert "_fake-wrong on noop, round 1: failed (ready): Its first answer is not" in done.stdout
    assert not sandbox.results.exists()
    assert not sandbox.processes()


@pytest.mark.slow
def test_verify_shows_the_end_of_the_log_of_a_server_that_fails(sandbox: Sandbox) -> None:
    done = sandbox.harness("verify", "_fake-dies-at-start")
    assert done.returncode == 1
    failed, *log = done.stdout.splitlines()[-2:]
    assert failed.startswith(
        "_fake-dies-at-start on noop, round 1: failed (ready): The server ended"
    )
    assert log == ["  | fake: no model to be found, on purpose"]
    done = sandbox.harness("verify", "_fake-dies-at-start", "_fake", "--json")
    logs = [json.loads(line)["log"] for line in done.stdout.splitlines()]
    assert sorted(map(str, logs)) == ["None", "None", "None", log[0].removeprefix("  | ")]


@pytest.mark.slow
def test_a_share_of_the_payloads_is_verified(sandbox: Sandbox) -> None:
    lines = [f'{{"instance": "{number}", "label": "noop"}}\n' for number in range(200)]
    (sandbox.benchmarks / "noop" / "payloads.jsonl").write_text("".join(lines))
    done = sandbox.harness("verify", "_fake", "--share", "0.25", "--json")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    verified = {row["variant"]: row["verified"] for row in rows}
    assert verified == {"in-process": 50, "null": 0, "_fake": 50}
    assert sandbox.harness("verify", "_fake", "--share", "0").returncode == 2
