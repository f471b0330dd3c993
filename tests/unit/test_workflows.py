"""Workflows fit their schema, and their matrix comes from what `list --json` says."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from harness import catalog, paths
from harness.cli.list_ import listing

WORKFLOWS = sorted((paths.PROJECT / ".github" / "workflows").glob("*.yml"))
DOCKERFILES = sorted((paths.PROJECT / "servers").rglob("Dockerfile"))
BIN = Path(sys.executable).parent


def _run(*command: str | Path, text: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(map(str, command)),
        input=text,
        capture_output=True,
        text=True,
        cwd=paths.PROJECT,
        check=False,
    )


def test_workflows_fit_their_schema() -> None:
    schema = ("--builtin-schema", "vendor.github-workflows")
    done = _run(BIN / "check-jsonschema", *schema, *WORKFLOWS)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("file", DOCKERFILES, ids=lambda path: path.parent.name)
def test_hadolint_has_nothing_to_say(file: Path) -> None:
    done = _run(BIN / "hadolint", file)
    assert done.returncode == 0, done.stdout
    assert done.stdout == ""


def test_the_matrix_has_every_server_that_has_an_image() -> None:
    script = paths.PROJECT / "scripts" / "image_matrix.py"
    done = _run(sys.executable, script, text=json.dumps(listing()))
    assert done.returncode == 0, done.stderr
    matrix = json.loads(done.stdout.removeprefix("matrix="))["include"]
    wanted: dict[str, set[str]] = {}
    for variant in catalog.variants().values():
        table = variant.table
        if table.in_all and not table.name.startswith("_") and not table.reference:
            wanted.setdefault(variant.server.name, set()).add(table.name)
    wanted.pop("in-process")
    assert {row["server"]: set(row["variants"].split()) for row in matrix} == wanted
