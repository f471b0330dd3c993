"""Whose folders are whose: empty variables, relative caches, and the mark of the harness."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from harness.base import caches, marks, paths
from harness.base.errors import StoreError, UsageError
from harness.measure.talk import headers
from tests.unit.conftest import Project


@pytest.mark.parametrize("value", ["", " "])
@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("HARNESS_SERVERS", paths.servers_dir),
        ("HARNESS_BENCHMARKS", paths.benchmarks_dir),
        ("HARNESS_RESULTS", paths.results_dir),
        ("HARNESS_REPORTS", paths.reports_dir),
        ("HARNESS_PRICES", paths.prices_file),
        ("HARNESS_CACHE", paths.cache_dir),
        ("XDG_CACHE_HOME", paths.cache_dir),
    ],
)
def test_an_empty_variable_counts_as_unset(
    monkeypatch: pytest.MonkeyPatch, name: str, path: Callable[[], Path], value: str
) -> None:
    monkeypatch.delenv(name, raising=False)
    usual = path()
    assert usual.is_absolute()
    monkeypatch.setenv(name, value)
    assert path() == usual


def test_an_empty_variable_of_a_header_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "")
    with pytest.raises(UsageError, match="needs the variable 'TOKEN', which is not set, or empty"):
        headers.filled((("Authorization", "Bearer $TOKEN"),))


def test_without_a_home_the_cache_must_be_named(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", home)
    with pytest.raises(UsageError, match="set HARNESS_CACHE to a folder"):
        paths.cache_dir()
    monkeypatch.setenv("HARNESS_CACHE", str(tmp_path))
    assert paths.cache_dir() == tmp_path


def test_a_folder_that_was_there_gets_no_mark(project: Project) -> None:
    mine = project.cache / "weights"
    mine.mkdir(parents=True)
    assert not marks.is_on(caches.folder("weights"))
    with pytest.raises(StoreError, match="is in the way, and is not removed"):
        marks.remove(mine)
    assert mine.exists()
    own = caches.folder("artefacts")
    assert marks.is_on(own)
    marks.remove(own)
    assert not own.exists()


def test_a_link_carries_no_mark(tmp_path: Path) -> None:
    marks.make(tmp_path / "own")
    (tmp_path / "link").symlink_to(tmp_path / "own")
    assert not marks.is_on(tmp_path / "link")


def test_a_cache_that_cannot_be_written_is_a_sentence(project: Project) -> None:
    project.cache.write_text("a file where the folder should be")
    for attempt in (caches.require_writable, lambda: caches.folder("weights")):
        with pytest.raises(StoreError, match=r"The cache .* can't be written: .* HARNESS_CACHE"):
            attempt()
