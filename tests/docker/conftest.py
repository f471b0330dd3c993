"""A Docker engine: `make test` brings one up on Debian where none answers (scripts/with-engine).

Tests that need it fail where they could have it, and are skipped only where nobody could start one.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from docker import DockerClient
from docker.models.containers import Container
from filelock import FileLock

from harness.measure.launch.containers import engine as engines
from tests.system.conftest import cli, kept
from tests.system.sandbox import Sandbox

__all__ = ["cli"]
LOCK = Path(tempfile.gettempdir()) / "serving-harness-engine-tests.lock"
BASE = os.environ.get("HARNESS_BASE_IMAGE")


def engine_lock() -> FileLock:
    """Held by who uses the engine: tests run two at a time."""
    return FileLock(LOCK)


def everything(engine: DockerClient) -> list[Container]:
    """The containers of this project; one may go while they are looked at."""
    return engine.containers.list(all=True, filters={"label": engines.LABEL}, ignore_removed=True)


@pytest.fixture(scope="session")
def engine() -> DockerClient:
    """The engine that answers."""
    try:
        return engines.connect()
    except engines.NoEngine as error:
        if os.geteuid() == 0 and shutil.which("apt-get"):
            pytest.fail(f"{error}. Run the tests by `make test`, or by scripts/with-engine.")
        pytest.skip(f"{error}; nobody but root could start one here.")


@pytest.fixture(autouse=True)
def alone(engine: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One test at a time uses the engine; it leaves no container there."""
    if BASE:
        monkeypatch.setenv("HARNESS_BASE_IMAGE", BASE)
    with engine_lock():
        engines.sweep(engine)
        yield
        left = everything(engine)
        names = [container.name for container in left]
        for container in left:
            container.remove(force=True)
        assert names == []


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    yield from kept(tmp_path)
