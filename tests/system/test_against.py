"""`run --against`: two revisions in one campaign, on real processes."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.slow
WHO = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
SLOW = 'environment = { FAKE_DELAY_MS = "60" }\n'


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


def slow_down(sandbox: Sandbox) -> None:
    """`_fake` answers 60 ms late from now on."""
    path = sandbox.servers / "_fake" / "server.toml"
    head, name, rest = path.read_text().partition('name = "_fake"\n')
    path.write_text(head + name + SLOW + rest)


def nothing_is_left(sandbox: Sandbox) -> bool:
    folders = list((sandbox.cache / "revisions").glob("*/"))
    return not folders and len(git(sandbox.root, "worktree", "list").splitlines()) == 1


def test_a_regression_against_another_revision(sandbox: Sandbox, past: str) -> None:
    slow_down(sandbox)
    options = ("--against", "HEAD", "--rounds", "3", "--fail-on-regression")
    done = sandbox.harness("run", "_fake", *options, "--campaign", "c", "--json")
    assert done.returncode == 3, done.stderr
    found = json.loads(done.stdout)
    assert {cell["outcome"] for cell in found["cells"]} == {"ok"}
    plan = sandbox.campaign("c")
    assert plan.against is not None
    assert (plan.against.name, plan.against.commit) == ("HEAD", past)
    order = [[c.variant for c in plan.cells if c.round == number] for number in (1, 2)]
    assert order[0] == ["in-process", "in-process@HEAD", "null", "_fake", "_fake@HEAD"]
    assert order[1] == order[0][::-1]

    rows = {(row["variant"], row["metric"]): row for row in found["compare"]["rows"]}
    p50 = rows["_fake", "latency_p50"]
    assert p50["verdict"] == "worse"
    assert p50["base"] < 30 < 60 < p50["new"], found["compare"]["smallest"]
    assert {row["variant"] for row in found["compare"]["regressions"]} == {"_fake"}
    assert rows["in-process", "latency_p50"]["note"] == "no file differs: chance alone"
    contents = {c.variant: run.facts.server.content for c, run in sandbox.runs("c").items()}
    assert contents["in-process"] == contents["in-process@HEAD"]
    assert contents["_fake"] != contents["_fake@HEAD"]
    assert nothing_is_left(sandbox)

    again = sandbox.harness("compare", "c", "--format", "markdown", "--fail-on-regression")
    assert again.returncode == 3
    assert "HEAD → this revision" in again.stdout


def test_the_same_beside_itself_is_no_regression(sandbox: Sandbox, past: str) -> None:
    options = ("--against", "trunk", "--rounds", "2", "--fail-on-regression")
    done = sandbox.harness("run", "_fake", *options, "--campaign", "c")
    assert done.returncode == 0, done.stderr
    assert "trunk -> this revision: No regression." in done.stdout
    assert "_fake@trunk" in done.stdout
    assert nothing_is_left(sandbox)


def test_the_plan_alone_and_what_the_other_lacks(sandbox: Sandbox, past: str) -> None:
    path = sandbox.servers / "_fake" / "server.toml"
    path.write_text(path.read_text().replace('name = "_fake-slow"', 'name = "_fake-late"'))
    asked = ("run", "_fake", "_fake-late", "--against", "HEAD", "--dry-run")
    done = sandbox.harness(*asked)
    assert done.returncode == 0, done.stderr
    assert "_fake@HEAD on noop, round 1" in done.stdout
    assert "left out: _fake-late@HEAD: HEAD has no variant '_fake-slow'" not in done.stdout
    assert "left out: _fake-late@HEAD: HEAD has no variant '_fake-late'" in done.stdout
    done = sandbox.harness(*asked, "--rename", "_fake-slow=_fake-late")
    assert "_fake-late@HEAD on noop, round 1" in done.stdout
    assert nothing_is_left(sandbox)
    assert not sandbox.results.exists()


def test_an_interrupted_one_leaves_no_checkout_and_goes_on(sandbox: Sandbox, past: str) -> None:
    import signal

    from tests.system.sandbox import until

    process = sandbox.start("run", "_fake-slow", "--against", "HEAD", "--campaign", "c")
    until(lambda: (sandbox.results / "c" / "noop" / "in-process").exists())
    process.send_signal(signal.SIGTERM)
    process.wait()
    assert process.returncode == 130
    assert nothing_is_left(sandbox)
    slow_down(sandbox)
    git(sandbox.root, "add", "servers")
    git(sandbox.root, "commit", "--quiet", "--message", "second")
    done = sandbox.harness("run", "--resume", "c")
    assert done.returncode == 0, done.stderr
    plan = sandbox.campaign("c")
    assert plan.against is not None
    assert plan.against.commit == past
    assert len(sandbox.runs("c")) == len(plan.cells) == 5


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
