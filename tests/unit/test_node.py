"""Packages of Node.js: installed once from their lock, by an npm that the test writes."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from harness.base.errors import ProvisionError
from harness.measure.prepare import node
from harness.setup import components

INSTALLS = """\
#!/bin/sh
echo "$@" >> "$SEEN"
test "$1" = ci || exit 0
mkdir -p node_modules/plug-in node_modules/.bin
echo '{"name": "plug-in", "version": "1.2.3"}' > node_modules/plug-in/package.json
"""
FAILS = """\
#!/bin/sh
cat >&2 <<'END'
npm error code ECONNREFUSED
npm error syscall connect
npm error errno ECONNREFUSED
npm error FetchError: request to http://127.0.0.1:9/plug-in failed, reason: connect refused
npm error     at ClientRequest.<anonymous> (/usr/lib/node_modules/npm/index.js:130:14)
npm error A complete log of this run can be found in: /home/someone/.npm/_logs/1.log
END
exit 1
"""


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A server's folder, with a cache of its own beside it."""
    folder = tmp_path / "server"
    folder.mkdir()
    told = {"name": "server", "dependencies": {"plug-in": "1.2.3"}}
    for name in ("package.json", "package-lock.json"):
        (folder / name).write_text(json.dumps(told))
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("SEEN", str(tmp_path / "seen"))
    return folder


def npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    """Put an npm of the test's own before any other."""
    folder = tmp_path / "bin"
    folder.mkdir(exist_ok=True)
    (folder / "npm").write_text(script)
    (folder / "npm").chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")


def test_packages_are_installed_once(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm(tmp_path, monkeypatch, INSTALLS)
    first, again = node.ensure("server", server), node.ensure("server", server)
    assert first == again
    assert first.bin.is_dir()
    assert first.version_of("plug-in") == "1.2.3"
    assert first.version_of("other") is None
    assert first.installed is not None
    assert first.installed.size_bytes > 0
    looked, asked = (tmp_path / "seen").read_text().splitlines()
    assert looked.split()[:2] == ["view", "plug-in@1.2.3"]
    assert asked.split()[0] == "ci"
    assert "--ignore-scripts" in asked


def test_another_lock_is_another_folder(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm(tmp_path, monkeypatch, INSTALLS)
    first = node.ensure("server", server)
    (server / "package-lock.json").write_text(json.dumps({"name": "server", "version": "2"}))
    assert node.ensure("server", server).folder != first.folder


def test_a_registry_out_of_reach_is_a_sentence_with_npms_reason(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    npm(tmp_path, monkeypatch, FAILS)
    with pytest.raises(ProvisionError) as raised:
        node.ensure("server", server)
    assert str(raised.value) == (
        "The packages of server can't be installed with npm: FetchError: request to "
        "http://127.0.0.1:9/plug-in failed, reason: connect refused. Is npm's registry reachable, "
        "and is the disk not full?"
    )
    npm(tmp_path, monkeypatch, INSTALLS)  # what failed is no reason to give up for ever
    assert node.ensure("server", server).version_of("plug-in") == "1.2.3"


def test_without_a_lock_nothing_is_installed(server: Path) -> None:
    (server / "package-lock.json").unlink()
    with pytest.raises(ProvisionError, match=r"server has no package-lock\.json"):
        node.ensure("server", server)


@pytest.mark.parametrize(
    ("said", "why"),
    [
        (None, "it needs node 20.19 or later, which is not installed; on Debian: apt-get install"),
        ("v16.20.2", "it needs node 20.19 or later; .*node is 16.20.2; on Debian"),
        ("v20.20.2", "it needs npm, which is not installed; on Debian: apt-get install npm"),
    ],
)
def test_what_is_missing_is_asked_for(
    said: str | None, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    components.why_not.cache_clear()
    monkeypatch.setattr(components, "_BESIDE_PATH", str(tmp_path))
    monkeypatch.setenv("PATH", str(tmp_path))
    if said is not None:
        (tmp_path / "node").write_text(f"#!/bin/sh\necho {said}\n")
        (tmp_path / "node").chmod(0o755)
    found = node.why_not()
    components.why_not.cache_clear()
    assert found is not None
    assert re.match(why, found), found
