"""The engine itself fails: it is stopped in the middle of a campaign, or its disk is full.

Such an engine is one of the test's own, beside the one that the other tests share.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from docker import DockerClient

from harness.measure.launch.containers import images
from tests.cells import cell_of
from tests.system.sandbox import LONG_S, SERVER, Sandbox, until, variant

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        os.geteuid() != 0 or shutil.which("dockerd") is None,
        reason="only root can start an engine that the test may stop",
    ),
]
BRIDGE = "harness-test0"
HUGE = "ARG BASE\nFROM ${BASE}\nRUN head -c 2G /dev/zero > /tmp/huge\n"

Start = Callable[[int], subprocess.Popen[bytes]]


@pytest.fixture
def start(engine: DockerClient, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts an engine with a disk of so many MiB, which has the base image; commands use it."""
    with ExitStack() as stack:

        def started(mib: int) -> subprocess.Popen[bytes]:
            # Not below pytest's folder: a socket's path can't be that long.
            folder = Path(tempfile.mkdtemp(prefix="engine-", dir="/tmp"))
            stack.callback(shutil.rmtree, folder, ignore_errors=True)
            stack.enter_context(_disk(folder / "data", mib))
            stack.enter_context(_bridge())
            process = stack.enter_context(_dockerd(folder))
            client = DockerClient(f"unix://{folder}/socket")
            stack.callback(client.close)
            base = os.environ.get("HARNESS_BASE_IMAGE", images.BASE)
            client.images.load(b"".join(engine.images.get(base).save(named=True)))
            monkeypatch.setenv("DOCKER_HOST", f"unix://{folder}/socket")
            return process

        yield started


@contextmanager
def _disk(folder: Path, mib: int) -> Iterator[None]:
    folder.mkdir()
    options = f"size={mib}m"
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "--recursive", "--lazy", str(folder)], check=True)


def ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def _bridges() -> set[str]:
    return {path.name for path in Path("/sys/class/net").glob("br-*")}


@contextmanager
def _bridge() -> Iterator[None]:
    """For the engine; those that it makes for networks are removed too.

    It would leave them, and a route of one may take the answers to another engine's containers.
    """
    before = _bridges()
    ip("link", "add", BRIDGE, "type", "bridge")
    try:
        ip("address", "add", "10.231.17.1/24", "dev", BRIDGE)
        ip("link", "set", BRIDGE, "up")
        yield
    finally:
        for name in (BRIDGE, *(_bridges() - before)):
            ip("link", "delete", name)


@contextmanager
def _dockerd(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """With a bridge of its own, and without rules: those are the other engine's."""
    options = ["--data-root", folder / "data", "--exec-root", folder / "exec"]
    options += ["--pidfile", folder / "pid", "--host", f"unix://{folder}/socket"]
    command = ["dockerd", *map(str, options), "--bridge", BRIDGE, "--iptables=false"]
    with (folder / "log").open("wb") as log, subprocess.Popen(command, stderr=log) as process:
        try:
            until((folder / "socket").exists)
            yield process
        finally:
            process.terminate()
            process.wait(LONG_S)
            subprocess.run(
                ["umount", "--recursive", str(folder / "exec")], capture_output=True, check=False
            )


def test_an_engine_that_is_stopped_fails_what_is_left_and_nothing_else(
    sandbox: Sandbox, start: Start
) -> None:
    process = start(2048)
    campaign = sandbox.start("run", "_fake@docker", "--campaign", "c", "--rounds", "3")
    first = cell_of("_fake", "noop", 1, launcher="docker")
    until(lambda: list(sandbox.results.glob("c/noop/_fake@docker/round-1/run.json")))
    process.terminate()
    _, stderr = campaign.communicate(timeout=LONG_S)
    assert campaign.returncode == 1, stderr
    assert "Traceback" not in stderr
    runs = sandbox.runs("c")
    assert runs[first].facts.failure is None
    failure = runs[cell_of("_fake", "noop", 3, launcher="docker")].facts.failure
    assert failure is not None
    assert "Docker engine does not answer" in failure.message
    references = [run for cell, run in runs.items() if cell.subject.launcher is None]
    assert all(run.facts.failure is None for run in references)


def test_a_full_disk_is_said(sandbox: Sandbox, start: Start) -> None:
    start(900)
    sandbox.add_server("_huge", SERVER + variant("_huge"), Dockerfile=HUGE)
    done = sandbox.harness("run", "_huge@docker", "--campaign", "c")
    assert done.returncode == 1, done.stderr
    failure = sandbox.runs("c")[cell_of("_huge", "noop", 1, launcher="docker")].facts.failure
    assert failure is not None
    assert failure.phase == "provision"
    assert "keeps its images is full" in failure.message
    assert "python -m harness clean" in failure.message
