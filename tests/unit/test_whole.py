"""Files that are written whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.base import paths, whole


def test_a_file_is_replaced_by_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "file"
    whole.write(path, b"one")
    whole.write(path, b"two", lasting=True)
    assert path.read_bytes() == b"two"
    assert list(path.parent.iterdir()) == [path]


def test_an_error_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"before")
    with pytest.raises(TypeError), whole.replacing(path) as part:
        part.write_bytes("no bytes")  # type: ignore[arg-type]
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_do_not_share_a_place(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with whole.replacing(path) as one, whole.replacing(path) as other:
        one.write_bytes(b"one")
        other.write_bytes(b"other")
    assert path.read_bytes() == b"one"


def test_it_may_be_read_by_others(tmp_path: Path) -> None:
    whole.write(tmp_path / "file", b"")
    (tmp_path / "plain").write_bytes(b"")
    modes = {(tmp_path / name).stat().st_mode for name in ("file", "plain")}
    assert len(modes) == 1


def test_each_of_these_is_written_once() -> None:
    """Files are replaced, objects piped and the parent's death heard in one module each; folders
    are renamed where they are made."""
    once = {
        ".replace(path)": ["base/whole.py"],
        "pickle.load(": ["measure/load/pipe.py"],
        "pickle.dump(": ["measure/load/pipe.py"],
        "PR_SET_PDEATHSIG = ": ["measure/launch/launchers/keeper.py"],
        "ok.sum()) / ": ["windows/samples.py"],
    }
    root = paths.PROJECT / "harness"
    texts = {str(path.relative_to(root)): path.read_text() for path in sorted(root.rglob("*.py"))}
    found = {what: [name for name, text in texts.items() if what in text] for what in once}
    assert found == once
