"""Workflows fit their schema, and their matrix comes from what `list --json` says."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from harness.base import paths
from harness.cli.list_ import listing
from harness.setup import catalog

WORKFLOWS = sorted((paths.PROJECT / ".github" / "workflows").glob("*.yml"))
DOCKERFILES = sorted(
    path
    for folder in ("servers", "benchmarks")
    for path in (paths.PROJECT / folder).rglob("Dockerfile")
)
BIN = Path(sys.executable).parent
MAKEFILE = (paths.PROJECT / "Makefile").read_text()


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


def test_actionlint_has_nothing_to_say() -> None:
    done = _run(BIN / "actionlint", "-color=false", *WORKFLOWS)
    assert done.returncode == 0, done.stdout


def steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step of every workflow, and where it is."""
    for path in WORKFLOWS:
        for name, job in yaml.safe_load(path.read_text())["jobs"].items():
            yield from ((f"{path.name}: {name}", step) for step in job["steps"])


def test_no_text_from_elsewhere_reaches_a_shell() -> None:
    assert [where for where, step in steps() if "${{" in step.get("run", "")] == []


def test_permissions_are_the_least() -> None:
    granted = {}
    for path in WORKFLOWS:
        workflow = yaml.safe_load(path.read_text())
        assert workflow["permissions"] == {"contents": "read"}, path.name
        for name, job in workflow["jobs"].items():
            granted[path.name, name] = set(job.get("permissions", {"contents": "read"}).items())
    more = {place: rights for place, rights in granted.items() if rights != {("contents", "read")}}
    assert more == {
        ("images.yml", "image"): {("contents", "read"), ("packages", "write")},
        ("nightly.yml", "history"): {
            *(("contents", "write"), ("issues", "write")),
            *(("pages", "write"), ("id-token", "write")),
        },
        ("pull-request.yml", "comment"): {("pull-requests", "write")},
    }


def test_what_may_write_runs_nothing_of_a_pull_request() -> None:
    job = yaml.safe_load((WORKFLOWS[0].parent / "pull-request.yml").read_text())["jobs"]["comment"]
    assert not any("checkout" in step.get("uses", "") for step in job["steps"])
    assert all(
        word in ("head", "gh")
        for step in job["steps"]
        for line in step.get("run", "").splitlines()
        for word in line.split()[:1]
    )


def test_every_step_is_a_command_that_is_here() -> None:
    targets = set(re.findall(r"^([a-z-]+|\.venv/[a-z.]+):", MAKEFILE, flags=re.M))
    for where, step in steps():
        for line in step.get("run", "").splitlines():
            for target in re.findall(r"make ([a-z./-]+)", line):
                assert target in targets, where
            for script in re.findall(r"scripts/[a-z_]+\.py", line):
                assert (paths.PROJECT / script).is_file(), where


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
        alone = table.reference or table.fires or table.launchers  # such have no image by name
        if table.in_all and not table.name.startswith("_") and not alone:
            wanted.setdefault(variant.server.name, set()).add(table.name)
    assert {row["server"]: set(row["variants"].split()) for row in matrix} == wanted
