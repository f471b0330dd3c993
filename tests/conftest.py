"""For every test: no settings of the user's own, the same examples on every run, no deadlines."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("harness", deadline=None, derandomize=True, database=None)
settings.load_profile("harness")


@pytest.fixture(scope="module")
def short_folder() -> Iterator[Path]:
    """For what real servers make sockets in: pytest's own folders have paths too long for that."""
    with tempfile.TemporaryDirectory(prefix="h-") as folder:
        yield Path(folder)


@pytest.fixture(autouse=True)
def _no_settings_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith("HARNESS_"):
            monkeypatch.delenv(name)


@pytest.hookimpl(tryfirst=True)  # xdist reads the marks in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One worker has all tests of a file, and all that use the engine, which takes one at a time:
    two workers with a file each would wait for one another."""
    for item in items:
        file = item.nodeid.partition("::")[0]
        shared = file.startswith("tests/docker/")
        item.add_marker(pytest.mark.xdist_group("tests/docker" if shared else file))
