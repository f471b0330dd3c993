"""`run --against`: two revisions in one campaign, on real processes."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from tests.system.sandbox import Sandbox, until_while

pytestmark = pytest.mark.slow
WHO = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
SLOW, BROKEN = 'FAKE_DELAY_MS = "60"', 'FAKE_FAULT = "500"'


def git(root: Path, *arguments: str) -> str:
    done = subprocess.run(
        ["git", *WHO, *arguments], cwd=root, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def past(sandbox: Sandbox) -> str:
    """The sandbox's first revision: what it was before anybody changed it."""
    git(sandbox.root, "init", "--quiet", "--initial-branch", "trunk")
    git(sandbox.root, "add", "servers", "benchmarks")
    git(sandbox.root, "commit", "--quiet", "--message", "first")
    return git(sandbox.root, "rev-parse", "HEAD")


def change(sandbox: Sandbox, environment: str) -> None:
    """`_fake` runs with that from now on."""
    path = sandbox.servers / "_fake" / "server.toml"
    head, name, rest = path.read_text().partition('name = "_fake"\n')
    path.write_text(f"{head}{name}environment = {{ {environment} }}\n{rest}")


def nothing_is_left(sandbox: Sandbox) -> bool:
    folders = list((sandbox.cache / "revisions").glob("*/"))
    return not folders and len(git(sandbox.root, "worktree", "list").splitlines()) == 1


def test_two_revisions_in_one_campaign(sandbox: Sandbox, past: str) -> None:
    change(sandbox, SLOW)
    options = ("--against", "HEAD", "--rounds", "3", "--fail-on-regression")
    done = sandbox.harness("run", "_fake", *options, "--campaign", "c", "--json")
    assert done.returncode in (0, 3), done.stderr
    found = json.loads(done.stdout)
    assert {cell["outcome"] for cell in found["cells"]} == {"ok"}
    plan = sandbox.campaign("c")
    assert plan.against is not None
    assert (plan.against.name, plan.against.commit) == ("HEAD", past)
    order = [[c.variant_name for c in plan.cells if c.round == number] for number in (1, 2)]
    assert order[0] == ["in-process", "in-process@HEAD", "null", "_fake", "_fake@HEAD"]
    assert order[1] == order[0][::-1]
    runs = {cell: run.facts for cell, run in sandbox.runs("c").items()}
    contents = {cell.variant_name: facts.server.content for cell, facts in runs.items()}
    assert contents["in-process"] == contents["in-process@HEAD"]
    assert contents["_fake"] != contents["_fake@HEAD"]
    assert nothing_is_left(sandbox)

    # How noisy this machine is just now decides whether 60 ms more are told from chance.
    compared = found["compare"]
    assert (compared["base"], compared["new"]) == ("HEAD", "this revision")
    assert {row["variant"] for row in compared["rows"]} <= {"in-process", "_fake"}
    assert (done.returncode == 3) == bool(compared["regressions"])
    rows = {(row["variant"], row["metric"]): row for row in compared["rows"]}
    p50 = rows.get(("_fake", "latency_p50"), {"new": None, "ratio": None})
    if p50["new"] is not None:  # else all of its rounds here are INVALID
        assert p50["new"] > 60
    if p50["ratio"] is not None:  # else one revision has none that counts
        assert p50["ratio"] > 1  # of request by request, so not of the medians
    again = sandbox.harness("compare", "c", "--json", "--fail-on-regression")
    assert again.returncode == done.returncode
    assert json.loads(again.stdout) == compared


def test_a_variant_that_was_broken_ends_with_code_3(sandbox: Sandbox, past: str) -> None:
    change(sandbox, BROKEN)
    options = ("--against", "trunk", "--rounds", "2", "--campaign", "c")
    done = sandbox.harness("run", "_fake", *options, "--fail-on-regression")
    assert done.returncode == 3, done.stderr
    said = [line for line in done.stdout.splitlines() if "valid rounds" in line]
    (line,) = (each for each in said if each.startswith("_fake "))
    assert line.endswith("worse: a regression")
    assert "trunk -> this revision: 1 regression." in done.stdout
    assert sandbox.harness("compare", "c").returncode == 0
    shown = sandbox.harness("compare", "c", "--format", "junit", "--fail-on-regression")
    assert shown.returncode == 3
    assert '<failure message="worse: valid rounds, 2 before and 0 now' in shown.stdout


def test_the_same_beside_itself_is_no_regression(sandbox: Sandbox, past: str) -> None:
    options = ("--against", "trunk", "--rounds", "2", "--fail-on-regression")
    done = sandbox.harness("run", "_fake", *options, "--campaign", "c")
    assert done.returncode == 0, done.stderr
    assert "trunk -> this revision: No regression." in done.stdout  # no file differs
    assert "_fake@trunk" in done.stdout
    assert nothing_is_left(sandbox)


def test_the_plan_alone_and_what_the_other_lacks(sandbox: Sandbox, past: str) -> None:
    path = sandbox.servers / "_fake" / "server.toml"
    path.write_text(path.read_text().replace('name = "_fake-slow"', 'name = "_fake-late"'))
    asked = ("run", "_fake", "_fake-late", "--against", "HEAD", "--dry-run")
    done = sandbox.harness(*asked)
    assert done.returncode == 0, done.stderr
    assert "_fake@HEAD on noop, round 1" in done.stdout
    assert "left out: _fake-late@HEAD: HEAD has no variant '_fake-late'" in done.stdout
    done = sandbox.harness(*asked, "--rename", "_fake-slow=_fake-late")
    assert "_fake-late@HEAD on noop, round 1" in done.stdout
    assert nothing_is_left(sandbox)
    assert not sandbox.results.exists()


def test_an_interrupted_one_leaves_no_checkout_and_goes_on(sandbox: Sandbox, past: str) -> None:
    process = sandbox.start("run", "_fake-slow", "--against", "HEAD", "--campaign", "c")
    until_while(process, (sandbox.results / "c" / "noop" / "in-process").exists)
    process.send_signal(signal.SIGTERM)
    process.wait()
    assert process.returncode == 130
    assert nothing_is_left(sandbox)
    change(sandbox, SLOW)
    git(sandbox.root, "add", "servers")
    git(sandbox.root, "commit", "--quiet", "--message", "second")
    done = sandbox.harness("run", "--resume", "c")
    assert done.returncode == 0, done.stderr
    plan = sandbox.campaign("c")
    assert plan.against is not None
    assert plan.against.commit == past
    assert len(sandbox.runs("c")) == len(plan.cells) == 10


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--against", "no-such"], "git knows no revision 'no-such'"),
        (["--fail-on-regression"], "--fail-on-regression goes with --against."),
        (["--minimum-effect", "5%"], "--minimum-effect goes with --against."),
        (["--rename", "a=b"], "--rename goes with --against."),
    ],
)
def test_wrong_usage_is_a_sentence(
    sandbox: Sandbox, past: str, options: list[str], sentence: str
) -> None:
    done = sandbox.harness("run", "_fake", *options)
    assert done.returncode == 2
    assert sentence in done.stderr
    assert not sandbox.results.exists()


def test_what_is_no_checkout_is_a_sentence(sandbox: Sandbox) -> None:
    outside = str(sandbox.root.parent)
    done = sandbox.harness("run", "_fake", "--against", "HEAD", GIT_CEILING_DIRECTORIES=outside)
    assert done.returncode == 2
    assert "can't be used as a git checkout" in done.stderr
