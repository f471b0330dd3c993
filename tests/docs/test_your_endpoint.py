"""docs/your-endpoint.md, followed to the letter."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from harness.base import paths
from harness.stored import store
from tests.docs.following import follow
from tests.system.sandbox import until_while

PAGE = (paths.PROJECT / "docs" / "your-endpoint.md").read_text(encoding="utf-8")
FILES = re.findall(r"^`(mine/[^`]+)`\n\n```\w+\n(.*?)^```$", PAGE, flags=re.M | re.S)
COMMANDS = re.findall(r"^python (-m harness .*)$", PAGE.replace(" \\\n    ", " "), flags=re.M)
NAMES = ("classify", "score", "oip")


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """The page's folder with its app running; the folder, and the app's port."""
    for path, text in FILES:
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
    texts = (paths.PROJECT / "benchmarks" / "sentiment" / "payloads.jsonl").read_bytes()
    lines = texts.splitlines(keepends=True)[:100]
    (tmp_path / "mine" / "benchmarks" / "reviews" / "payloads.jsonl").write_bytes(b"".join(lines))
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    app = subprocess.Popen([sys.executable, tmp_path / "mine" / "app.py", str(port)], text=True)
    try:
        until_while(app, lambda: _listens(port))
        yield tmp_path, port
    finally:
        app.kill()
        app.wait()


def test_the_page_has_its_files_and_says_how_to_make_the_others() -> None:
    assert [path for path, _ in FILES] == [
        "mine/benchmarks/reviews/benchmark.toml",
        "mine/benchmarks/reviews/predictor.py",
        "mine/app.py",
        "mine/score.toml",
    ]
    assert "head -n 100 benchmarks/sentiment/payloads.jsonl > mine/" in PAGE
    named = [shlex.split(c)[shlex.split(c).index("--name") + 1] for c in COMMANDS if "--name" in c]
    assert named == list(NAMES)


@pytest.mark.slow
def test_its_commands_end_well(place: tuple[Path, int]) -> None:
    folder, port = place
    for command in COMMANDS:
        said = follow(_here(command, folder, port), folder)
        name = next((name for name in NAMES if f"--name {name} " in command), None)
        if name is not None:
            # Whether its figures count is for the machine to say.
            assert re.search(f"{name} (beside|can't be compared with) fastapi: ", said), said
    campaigns = [store.read_campaign(path) for path in store.campaigns(folder / "results")]
    assert {c.endpoint.name for c in campaigns if c.endpoint} == {*NAMES, "deployed"}
    for campaign in campaigns:
        for cell, path in store.stored(folder / "results" / campaign.id, campaign.cells):
            run = store.read_run(path)
            assert run.facts.failure is None
            if campaign.endpoint and cell.variant_name == campaign.endpoint.name:
                assert run.facts.verified > 0
                assert all(window.requests.ok.all() for window in run.profiles)


def _here(command: str, folder: Path, port: int) -> str:
    """The command in that folder; what a page says of a port is its reader's to choose."""
    return command.replace("mine/", f"{folder}/mine/").replace(":8000", f":{port}")


def _listens(port: int) -> bool:
    with socket.socket() as sock:
        return sock.connect_ex(("127.0.0.1", port)) == 0
