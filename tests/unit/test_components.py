"""Programs that a server starts beside itself: whether they are there, and that they stay alive."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import ValidationError

from harness.base import paths
from harness.setup import components
from harness.setup.catalog import variants
from harness.setup.tables import VariantTable
from harness.stored import plan

SHARED = paths.PROJECT / "servers" / "shared"
WAIT_S = 60.0


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Makes the only redis-server there is, which says that on `--version`."""
    components.why_not.cache_clear()
    monkeypatch.setenv("PATH", str(tmp_path))

    def make(said: str) -> Path:
        path = tmp_path / "redis-server"
        path.write_text(f"#!/bin/sh\necho '{said}'\n")
        path.chmod(0o755)
        return path

    return make


@pytest.fixture(autouse=True)
def _asked_anew() -> None:
    components.why_not.cache_clear()


@pytest.mark.usefixtures("program")
def test_one_that_is_missing_says_how_to_get_it() -> None:
    assert components.place("redis") is None
    assert components.why_not("redis") == (
        "it needs redis-server 7 or later, which is not installed; on Debian: apt-get install "
        "redis-server"
    )


@pytest.mark.parametrize(
    ("said", "wrong"),
    [
        ("Redis server v=7.0.15 sha=0:0 bits=64", None),
        ("Redis server v=10.2 sha=0:0", None),
        ("Redis server v=6.2.14 sha=0:0", "is 6.2.14"),
        ("no idea", "does not say which release it is"),
    ],
)
def test_its_release_is_read(program: Callable[[str], Path], said: str, wrong: str | None) -> None:
    path = program(said)
    assert components.place("redis") == path
    found = components.why_not("redis")
    assert (found is None) if wrong is None else (found is not None and wrong in found)


@pytest.mark.usefixtures("program")
def test_a_variant_can_not_run_without_it() -> None:
    variant = variants()["fastapi"]
    needing = replace(variant, table=variant.table.model_copy(update={"components": ("redis",)}))
    assert "not installed" in (plan.missing_component(needing) or "")
    assert plan.missing_component(replace(needing, launcher="docker")) is None
    assert plan.missing_component(variant) is None


def test_an_unknown_component_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"There is no component 'radis'\. Did you mean"):
        VariantTable(
            name="a",
            track="pattern",
            description="",
            protocol="json",
            command=("a",),
            components=("radis",),
        )


SUPERVISED = """
import sys
from components import Supervisor

supervisor = Supervisor()
supervisor.add("sleeper", [sys.executable, "-c", "import time; time.sleep(1000)"])
supervisor.add("other", [sys.executable, "-c", "import time; time.sleep(1000)"])
print("all", flush=True)
supervisor.run()
"""


def children(pid: int) -> list[int]:
    path = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(word) for word in path.read_text().split()]


def until(what: Callable[[], bool]) -> None:
    end = time.monotonic() + WAIT_S
    while not what():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.02)


@contextmanager
def supervised(code: str) -> Iterator[subprocess.Popen[bytes]]:
    command, environment = [sys.executable, "-c", code], {**os.environ, "PYTHONPATH": str(SHARED)}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.terminate()


def test_what_dies_is_started_again_and_all_of_it_ends_together() -> None:
    with supervised(SUPERVISED) as process:
        assert process.stdout is not None
        while process.stdout.readline() != b"all\n":
            pass
        before = children(process.pid)
        assert len(before) == 2
        os.kill(before[0], signal.SIGKILL)
        until(lambda: len(children(process.pid)) == 2 and before[0] not in children(process.pid))
        assert b"sleeper ended with -9: it is started again\n" in iter(process.stdout.readline, b"")
        left = children(process.pid)
        process.terminate()
        assert process.wait(WAIT_S) == 0
        assert not any(Path(f"/proc/{pid}").exists() for pid in left)


def test_one_that_never_runs_ends_the_server_with_a_reason() -> None:
    code = SUPERVISED.replace("import time; time.sleep(1000)", "raise SystemExit(3)")
    with supervised(code) as process:
        assert process.stdout is not None
        told = process.stdout.read()
        assert process.wait(WAIT_S) == 1
        assert told.count(b"other ended with 3: it is started again") == 4
