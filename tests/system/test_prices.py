"""Price tables through the real command line: wrong ones, and one of one's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.base import paths
from tests import fakes
from tests.system.conftest import Command
from tests.system.sandbox import Sandbox

OURS = paths.prices_file().read_text(encoding="utf-8")
MISSING = ("usd_per_hour = 0.1785\n", "", "key 'instance.1.usd_per_hour' is missing.")
ZERO = (
    "usd_per_hour = 0.1785",
    "usd_per_hour = 0",
    "key 'instance.1.usd_per_hour': Input should be greater than 0.",
)
COMMANDS = {
    "report": ["report", "mine"],
    "run": ["run", "_fake", "--campaign", "new"],
    "dry run": ["run", "_fake", "--campaign", "new", "--dry-run"],
}


@pytest.fixture
def stored(sandbox: Sandbox) -> Path:
    variants = (fakes.Fake("in-process", reference=True), fakes.Fake("good"))
    return fakes.stored_campaign(sandbox.results / "mine", variants, rounds=1)


@pytest.mark.usefixtures("stored")
@pytest.mark.parametrize("by", ["option", "environment"])
@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("wrong", [MISSING, ZERO], ids=["missing", "zero"])
def test_a_wrong_table_is_named_before_anything_is_done(
    cli: Command,
    sandbox: Sandbox,
    monkeypatch: pytest.MonkeyPatch,
    by: str,
    command: str,
    wrong: tuple[str, str, str],
) -> None:
    old, new, said = wrong
    file = sandbox.root / "mine.toml"
    file.write_text(OURS.replace(old, new))
    if by == "environment":
        monkeypatch.setenv("HARNESS_PRICES", str(file))
    done = cli(*COMMANDS[command], *(["--prices", str(file)] if by == "option" else []))
    assert done.returncode == 2
    row = "row 2 of [[instance]] (AWS, c7i.xlarge, us-east-1): "
    assert done.stderr == f"error: {file}: {row}{said}\n"
    assert done.stdout == ""
    assert not (sandbox.results / "new").exists()
    assert not sandbox.reports.exists()


@pytest.mark.usefixtures("stored")
def test_a_table_that_is_not_there(cli: Command, sandbox: Sandbox) -> None:
    file = sandbox.root / "none.toml"
    done = cli("report", "mine", "--prices", str(file))
    assert done.returncode == 2
    assert done.stderr == f"error: {file} is missing.\n"


@pytest.mark.usefixtures("stored")
def test_a_table_of_ones_own_is_in_the_report(cli: Command, sandbox: Sandbox) -> None:
    page = sandbox.reports / "mine" / "index.html"
    file = sandbox.root / "mine.toml"
    file.write_text(OURS.replace("Lambda (x86)", "Our own cellar"))
    assert cli("report", "mine", "--prices", str(file)).returncode == 0
    assert "AWS Our own cellar" in page.read_text()
    assert cli("report", "mine").returncode == 0
    assert "AWS Lambda (x86)" in page.read_text()
    assert "Our own cellar" not in page.read_text()
