"""docs/add-a-server.md, followed to the letter."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest

from harness.base import paths
from harness.setup.tables import ServerTable, VariantTable
from tests.docs.following import follow
from tests.docs.pages import coded, text

PAGE = text("docs/add-a-server.md")
FILES = re.findall(r"^`(servers/[^`]+)`\n\n```\w+\n(.*?)^```$", PAGE, flags=re.M | re.S)
COMMANDS = re.findall(r"^python (.*)$", PAGE, flags=re.M)
LINES = 40


def test_it_is_a_framework_that_is_not_here() -> None:
    (name,) = {Path(path).parts[1] for path, _ in FILES}
    assert not (paths.PROJECT / "servers" / name).exists()
    assert len(COMMANDS) == 3


def test_no_more_lines_than_the_page_says() -> None:
    lines = [line for _, content in FILES for line in content.splitlines() if line.strip()]
    assert 0 < len(lines) <= LINES


def test_every_key_is_described() -> None:
    assert {*ServerTable.model_fields, *VariantTable.model_fields} - coded(PAGE) == set()


@pytest.mark.slow
def test_its_commands_end_well(tmp_path: Path) -> None:
    shutil.copytree(paths.servers_dir(), tmp_path / "servers")
    for path, content in FILES:
        place = tmp_path / path
        place.parent.mkdir(exist_ok=True)
        place.write_text(content, encoding="utf-8")
    said = [follow(c, tmp_path, HARNESS_SERVERS=tmp_path / "servers") for c in COMMANDS]
    assert "aiohttp on iris: 150 answers right" in said[1]
    assert "bad-input" not in said[1]
    assert "listens-beyond-loopback" not in said[1]
    (run,) = (tmp_path / "results").glob("*/sentiment/aiohttp/round-1/run.json")
    facts = json.loads(run.read_bytes())["run"]
    assert facts["failure"] is None
    assert facts["server"]["version"] in (tmp_path / "servers/aiohttp/requirements.txt").read_text()
