"""What the nightly workflow does beside measuring, on a git repository and a `gh` of its own."""

from __future__ import annotations

import contextlib
import io
import json
import os
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import keep_history
import lock
import touched
import upgrade
from harness.base import paths
from harness.base.errors import UsageError

SCRIPTS = paths.PROJECT / "scripts"
GH = """\
#!{python}
import json, pathlib, sys
place = pathlib.Path({place!r})
issues = json.loads(place.read_text()) if place.exists() else []
kind, verb, *rest = sys.argv[1:]
with open({log!r}, "a") as log:
    print(kind, verb, *rest[:1], file=log)
def after(name):
    return rest[rest.index(name) + 1]
if (kind, verb) == ("issue", "list"):
    assert after("--state") == "all"
    print(json.dumps(issues))
elif (kind, verb) == ("issue", "create"):
    issues.append({{"number": len(issues) + 1, "title": after("--title"), "state": "OPEN",
                    "body": sys.stdin.read(), "label": after("--label")}})
elif (kind, verb) == ("issue", "edit"):
    issues[int(rest[0]) - 1]["body"] = sys.stdin.read()
elif (kind, verb) == ("issue", "close"):
    issues[int(rest[0]) - 1]["state"] = "CLOSED"
elif (kind, verb) != ("label", "create"):
    sys.exit("unknown")
place.write_text(json.dumps(issues))
"""

Told = Callable[..., list[dict[str, Any]]]


def change(**more: Any) -> dict[str, Any]:
    """A change point as `history --json` prints it."""
    return {
        **{"variant": "some", "benchmark": "iris", "metric": "latency_p50", "machine": "m"},
        **{"preset": "nightly", "campaign": "c", "started_at": "2026-03-10T02:17:00+00:00"},
        **{"nights_ago": 2, "ratio": 1.08, "interval": [1.05, 1.11], "verdict": "worse"},
        **{"cause": "version", "what": ["Some 1.0 → 1.1"], "recent": True},
        **more,
    }


@pytest.fixture
def settled(tmp_path: Path) -> Told:
    """Runs change_issues.py on a history; the issues that are there then."""
    stand_in, place, log = tmp_path / "bin" / "gh", tmp_path / "issues.json", tmp_path / "log"
    stand_in.parent.mkdir()
    stand_in.write_text(GH.format(python=sys.executable, place=str(place), log=str(log)))
    stand_in.chmod(0o755)

    def run(*changes: dict[str, Any], options: tuple[str, ...] = ()) -> list[dict[str, Any]]:
        history = tmp_path / "history.json"
        history.write_text(json.dumps({"changes": changes}))
        subprocess.run(
            [sys.executable, SCRIPTS / "change_issues.py", history, *options],
            env={**os.environ, "PATH": f"{stand_in.parent}:{os.environ['PATH']}"},
            check=True,
        )
        found: list[dict[str, Any]] = json.loads(place.read_text()) if place.exists() else []
        return found

    return run


def states(issues: list[dict[str, Any]]) -> list[str]:
    return [issue["state"] for issue in issues]


def test_an_issue_is_opened_once_and_closed_when_the_change_goes(settled: Told) -> None:
    [issue] = settled(change())
    assert (issue["title"], issue["state"]) == ("some on iris changed", "OPEN")
    assert issue["label"] == "change-point"
    assert "+8.0% (worse)" in issue["body"]
    assert "Some 1.0 → 1.1" in issue["body"]
    assert states(settled(change(nights_ago=3))) == ["OPEN"]
    assert states(settled(change(nights_ago=40, recent=False))) == ["OPEN"]
    assert states(settled()) == ["CLOSED"]


def test_a_number_that_came_back_is_gone(settled: Told) -> None:
    settled(change())
    back = change(started_at="2026-03-30T02:17:00+00:00", ratio=0.93, verdict="better")
    assert states(settled(change(recent=False), back)) == ["CLOSED"]


def test_half_way_back_is_not_back(settled: Told) -> None:
    settled(change())
    half = change(started_at="2026-03-30T02:17:00+00:00", ratio=0.97, verdict="better")
    [issue] = settled(change(recent=False), half)
    assert issue["state"] == "OPEN"
    assert "2026-03-30" in issue["body"]


def test_numbers_of_one_variant_share_an_issue(settled: Told) -> None:
    issues = settled(change(), change(metric="throughput", ratio=0.9))
    assert len(issues) == 1
    assert "throughput" in issues[0]["body"]


def test_a_change_may_move_by_some_nights(settled: Told) -> None:
    settled(change())
    assert states(settled(change(started_at="2026-03-12T02:17:00+00:00"))) == ["OPEN"]


def test_what_a_person_closed_stays_closed_until_something_new(settled: Told) -> None:
    settled(change())
    settled()
    assert states(settled(change())) == ["CLOSED"]
    again = change(started_at="2026-05-01T02:17:00+00:00")
    assert states(settled(change(recent=False), again)) == ["CLOSED", "OPEN"]


def test_a_second_change_is_added_to_the_open_issue(settled: Told) -> None:
    settled(change())
    again = change(started_at="2026-05-01T02:17:00+00:00", ratio=1.2)
    [issue] = settled(change(recent=False), again)
    assert "2026-05-01" in issue["body"]


def test_the_hosts_doing_and_old_changes_open_nothing(settled: Told) -> None:
    assert settled(change(cause="host"), change(recent=False)) == []


def test_dry_run_changes_nothing(settled: Told) -> None:
    assert settled(change(), options=("--dry-run",)) == []


def test_hostile_names_stay_text(settled: Told) -> None:
    [issue] = settled(change(what=["@everybody <img src=x> [a](b) | `c` -->"]))
    table = issue["body"].partition("<!--")[0]
    assert not set("@<>[`") & set(table)


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.org")
    done = subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone of an empty bare repository, with one commit; the working directory."""
    git(tmp_path, "init", "--quiet", "--bare", "far")
    git(tmp_path, "clone", "--quiet", "far", "near")
    near = tmp_path / "near"
    (near / "file").write_text("content")
    git(near, "add", "file")
    git(near, "commit", "--quiet", "--message", "first")
    monkeypatch.chdir(near)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    return near


def kept(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / f"{name}.night.json").write_text(name)
    return folder


def test_summaries_go_to_a_branch_of_their_own_and_come_back(
    checkout: Path, tmp_path: Path
) -> None:
    assert keep_history.fetch(tmp_path / "none", "origin", "history") == 0
    first = kept(tmp_path / "a", "one", "two")
    assert keep_history.push(first, "origin", "history") == 2
    assert keep_history.push(kept(tmp_path / "b", "three"), "origin", "history") == 1
    assert keep_history.fetch(tmp_path / "all", "origin", "history") == 3
    assert (tmp_path / "all" / "two.night.json").read_text() == "two"
    assert git(checkout, "status", "--porcelain") == ""
    far = tmp_path / "far"
    assert git(far, "ls-tree", "-r", "--name-only", "history").splitlines() == [
        f"nights/{name}.night.json" for name in ("one", "three", "two")
    ]


def _tar(*members: tuple[str, bytes, bytes]) -> bytes:
    """An archive of (name, kind, content)."""
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, kind, data in members:
            entry = tarfile.TarInfo(name)
            entry.type, entry.size, entry.linkname = kind, len(data), "/etc/passwd"
            archive.addfile(entry, io.BytesIO(data))
    return file.getvalue()


def test_what_is_no_summary_on_the_branch_is_left_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    packed = _tar(
        ("nights/", tarfile.DIRTYPE, b""),
        ("nights/a.night.json", tarfile.REGTYPE, b"a"),
        ("../../b.night.json", tarfile.REGTYPE, b"b"),
        ("/c.night.json", tarfile.REGTYPE, b"c"),
        ("nights/d.night.json", tarfile.SYMTYPE, b""),
        ("nights/e.night.json", tarfile.FIFOTYPE, b""),
        ("nights/f\n.night.json", tarfile.DIRTYPE, b""),
        ("nights/g.night.json", tarfile.REGTYPE, bytes(keep_history._MOST_BYTES + 1)),
        ("nights/h.txt", tarfile.REGTYPE, b"h"),
    )
    assert keep_history.unpack(io.BytesIO(packed), folder) == 3
    assert sorted(path.name[0] for path in folder.iterdir()) == ["a", "b", "c"]
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]
    said = capsys.readouterr().err.splitlines()
    assert [line.split("'")[1][0] for line in said] == ["d", "e", "f", "g"]


@given(place=st.integers(0, 511), byte=st.integers(0, 255), cut=st.integers(0, 10240))
@settings(max_examples=200)
def test_a_damaged_archive_is_a_sentence(
    tmp_path_factory: pytest.TempPathFactory, place: int, byte: int, cut: int
) -> None:
    folder = tmp_path_factory.mktemp("folder")
    data = bytearray(_tar(("nights/a.night.json", tarfile.REGTYPE, b"a" * 3000)))
    data[place] = byte
    with contextlib.suppress(SystemExit):
        keep_history.unpack(io.BytesIO(bytes(data[:cut])), folder)
    assert all(len(path.read_bytes()) <= 3000 for path in folder.iterdir())


def test_nothing_new_makes_no_commit(checkout: Path, tmp_path: Path) -> None:
    folder = kept(tmp_path / "a", "one")
    keep_history.push(folder, "origin", "history")
    keep_history.push(folder, "origin", "history")
    assert git(tmp_path / "far", "rev-list", "--count", "history") == "1"


def test_somebody_who_pushed_meanwhile_loses_nothing(
    checkout: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep_history.push(kept(tmp_path / "a", "one"), "origin", "history")
    plain = keep_history._newest
    other = kept(tmp_path / "b", "two")

    def late(remote: str, branch: str) -> str | None:
        found = plain(remote, branch)
        if other.exists():  # once: another job is faster
            other.rename(tmp_path / "done")
            monkeypatch.setattr(keep_history, "_newest", plain)
            keep_history.push(tmp_path / "done", remote, branch)
        return found

    monkeypatch.setattr(keep_history, "_newest", late)
    keep_history.push(kept(tmp_path / "c", "three"), "origin", "history")
    assert keep_history.fetch(tmp_path / "all", "origin", "history") == 3


def test_a_remote_that_is_not_there_is_said(checkout: Path, tmp_path: Path) -> None:
    folder = kept(tmp_path / "a", "one")
    done = subprocess.run(
        [sys.executable, SCRIPTS / "keep_history.py", "push", folder, "--remote", "nowhere"],
        cwd=checkout,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "git ls-remote failed" in done.stderr


VARIANTS = {"fastapi": ["fastapi", "fastapi-workers"], "flask": ["flask"], "new": ["new"]}


@pytest.mark.parametrize(
    ("files", "wanted"),
    [
        ([], []),
        (["docs/cli.md"], []),
        (["servers/flask/app.py"], ["flask"]),
        (["servers/fastapi/app.py", "servers/fastapi/server.toml"], VARIANTS["fastapi"]),
        (["servers/new/app.py"], []),
        (["servers/shared/serving.py"], ["--all"]),
        (["servers/Dockerfile"], ["--all"]),
        (["servers/flask/app.py", "benchmarks/iris/predictor.py"], ["--all"]),
    ],
)
def test_what_a_change_touches(files: list[str], wanted: list[str]) -> None:
    assert touched.touched(files, VARIANTS, ["fastapi", "flask"]) == wanted


@pytest.mark.parametrize(
    ("line", "package", "wanted"),
    [
        ("fastapi==0.165.0", "fastapi", "fastapi"),
        ("ray[serve]==2.60.0", "ray", "ray[serve]"),
        ("Seldon_Core==1.17.1  # why", "seldon-core", "Seldon_Core  # why"),
        ("uvicorn[standard]==0.54.0", "fastapi", "uvicorn[standard]==0.54.0"),
        ("fastapi-extra==1.0", "fastapi", "fastapi-extra==1.0"),
        ("# fastapi==1", "fastapi", "# fastapi==1"),
    ],
)
def test_only_the_frameworks_own_pin_is_let_go(line: str, package: str, wanted: str) -> None:
    assert upgrade.unpinned(f"{line}\n", package) == f"{wanted}\n"


def test_locks_of_canaries_are_renewed_by_name_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    renewed: list[str] = []

    def note(_: list[Path], output: Path, *options: str, **more: object) -> None:
        renewed.append(output.parent.name)

    monkeypatch.setattr(lock, "compile_lock", note)
    lock.main([])
    assert "fastapi" in renewed
    assert not {"null", "in-process"} & set(renewed)
    renewed.clear()
    lock.main(["null"])
    assert renewed == ["null"]


def test_a_name_without_a_lock_is_an_error_before_any_is_renewed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lock, "compile_lock", lambda *_, **__: pytest.fail("one was renewed"))
    with pytest.raises(UsageError, match=r"no lock 'fastapy'\. Did you mean 'fastapi'"):
        lock.main(["fastapy"])
    with pytest.raises(UsageError, match=r"There is no lock '_fake'\."):
        lock.main(["fastapi", "_fake"])  # it has no environment of its own


def test_a_benchmark_is_locked_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    monkeypatch.setattr(lock, "compile_lock", lambda _, output, *__, **___: made.append(output))
    lock.main(["sentiment"])
    assert [path.parts[-2:] for path in made] == [("sentiment", "requirements-build.txt")]


def test_the_canaries_are_never_upgraded() -> None:
    from harness.setup import catalog

    names = {server.name for server in upgrade.upgradable(list(catalog.servers().values()))}
    assert "fastapi" in names
    assert not {"null", "in-process", "_fake"} & names
