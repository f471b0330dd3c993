"""One campaign at a time on one machine, whoever made the lock."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Any

import pytest

from harness.base.errors import UsageError
from harness.measure.campaign import session


@pytest.fixture
def lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path / "serving-harness.lock"


def test_it_names_who_measures_and_forgets_it(lock: Path) -> None:
    with session.exclusive():
        assert lock.read_text() == str(os.getpid())
        with pytest.raises(UsageError, match=rf"process {os.getpid()}\)"), session.exclusive():
            pass
    assert lock.read_text() == ""
    assert lock.stat().st_mode & 0o777 == 0o644


def test_the_lock_of_another_user_is_held_too(lock: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock.write_text("stale\x1b[2J")
    real = os.open

    def as_another_user(path: Any, flags: int, *mode: int) -> int:
        if flags & os.O_RDWR:
            raise PermissionError(13, "Permission denied")
        return real(path, flags, *mode)

    monkeypatch.setattr(os, "open", as_another_user)
    with (
        session.exclusive(),
        pytest.raises(UsageError, match=r"process \?\)"),
        session.exclusive(),
    ):
        pass
    assert lock.read_text() == "stale\x1b[2J", "it is not ours to write"
    with session.exclusive():
        pass


def test_no_folder_for_temporary_files(monkeypatch: pytest.MonkeyPatch) -> None:
    def none() -> str:
        raise FileNotFoundError(2, "No usable temporary directory found")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    said = "There is no folder for temporary files"
    with pytest.raises(UsageError, match=said), session.exclusive():
        pass
