"""`scripts/upgrade.py`: the newest release beside the locked one, from an index of our own."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from harness.base import paths
from tests.system.sandbox import SERVER, Sandbox, variant
from tests.system.test_against import git

pytestmark = pytest.mark.slow


def wheel(folder: Path, version: str) -> None:
    """A release of a framework that does nothing."""
    info = f"tinyframe-{version}.dist-info"
    files = {
        "tinyframe.py": f"VERSION = {version!r}\n",
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: tinyframe\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = ""
    for name, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        record += f"{name},sha256={digest.decode()},{len(text.encode())}\n"
    files[f"{info}/RECORD"] = f"{record}{info}/RECORD,,\n"
    with zipfile.ZipFile(folder / f"tinyframe-{version}-py3-none-any.whl", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)


@pytest.fixture
def index(sandbox: Sandbox) -> dict[str, str]:
    """An index with two releases; a server that is locked at the older one, committed."""
    folder = sandbox.root / "index"
    folder.mkdir()
    for version in ("1.0", "2.0"):
        wheel(folder, version)
    table = SERVER.replace("licence", 'package = "tinyframe"\nlicence', 1) + variant("tiny")
    locked = hashlib.sha256((folder / "tinyframe-1.0-py3-none-any.whl").read_bytes()).hexdigest()
    place = sandbox.add_server("tiny", table, requirements_in="tinyframe==1.0  # why\n")
    (place / "requirements.txt").write_text(f"tinyframe==1.0 \\\n    --hash=sha256:{locked}\n")
    git(sandbox.root, "init", "--quiet")
    git(sandbox.root, "add", "servers", "benchmarks")
    git(sandbox.root, "commit", "--quiet", "--message", "first")
    # Environments are installed from where pip is told to look; whoever runs this may have told it.
    return {"PIP_FIND_LINKS": str(folder), "UV_FIND_LINKS": str(folder), "UV_NO_INDEX": "1"}


def upgrade(sandbox: Sandbox, index: dict[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, paths.PROJECT / "scripts" / "upgrade.py", *arguments],
        cwd=paths.PROJECT,
        env={**sandbox.environment, **index, "PYTHONPATH": str(paths.PROJECT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_what_is_newer_is_said_and_nothing_here_is_changed(
    sandbox: Sandbox, index: dict[str, str]
) -> None:
    said = upgrade(sandbox, index, "--lock-only")
    assert said.strip().splitlines()[-1] == "tiny: tinyframe 1.0 -> 2.0"
    assert "null" not in said
    assert git(sandbox.root, "status", "--porcelain", "servers", "benchmarks") == ""
    assert len(git(sandbox.root, "worktree", "list").splitlines()) == 1
    assert not sandbox.results.exists()


def test_what_is_newest_already_is_left_alone(sandbox: Sandbox, index: dict[str, str]) -> None:
    (sandbox.root / "index" / "tinyframe-2.0-py3-none-any.whl").unlink()
    assert "tiny: the newest tinyframe is locked" in upgrade(sandbox, index)
    assert not sandbox.results.exists()


def test_both_are_measured_in_one_campaign(sandbox: Sandbox, index: dict[str, str]) -> None:
    said = upgrade(sandbox, index, "tiny", "--rounds", "2", "--campaign", "c")
    assert "tiny@HEAD" in said
    runs = {(cell.variant_name, cell.round): run for cell, run in sandbox.runs("c").items()}
    assert {number for _, number in runs} == {1, 2}
    assert runs["tiny", 1].facts.failure is None
    assert runs["tiny", 1].facts.server.version == "2.0"
    assert runs["tiny@HEAD", 1].facts.server.version == "1.0"
    plan = json.loads((sandbox.results / "c" / "campaign.json").read_text())["campaign"]
    assert plan["against"]["name"] == "HEAD"
    assert len(git(sandbox.root, "worktree", "list").splitlines()) == 1
