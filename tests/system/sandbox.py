"""A place of its own for the command line: its servers, benchmarks, results, caches, all temporary.

Every process that a command starts has the place's path in its environment, by which it is found.
"""

from __future__ import annotations

import contextlib
import os
import pty
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from harness.base import paths
from harness.stored import store
from harness.stored.identity import Cell
from harness.stored.records import Campaign, Run

LONG_S = 480.0  # what waits so long will not come, however busy the machine is
BENCHMARK = """\
version = 1
description = "A constant answer without a model, for a moment."
tolerance = 1e-9
timeout_s = 30.0

[[profile]]
name = "steady"
shape = "poisson"
rate_per_s = 200.0
duration_s = 0.5

[[profile]]
name = "saturated"
shape = "closed"
concurrency = 4
duration_s = 0.3
"""
PRESETS = """\
[preset.quick]
benchmarks = ["noop"]
profiles = []
rounds = 1
duration_scale = 1.0
warm_up_s = 0.1
proof_s = 0.5

[preset.standard]
benchmarks = ["noop"]
profiles = []
rounds = 2
duration_scale = 1.0
warm_up_s = 0.1
proof_s = 0.5

[preset.capacity]
benchmarks = ["noop"]
profiles = ["saturated"]
rounds = 1
duration_scale = 1.0
warm_up_s = 0.1
proof_s = 0.5
capacity_s = 60.0
"""
SERVER = """\
framework = "fake"
licence = "Apache-2.0"
maintained = true
"""

Value = TypeVar("Value")


def children_of(pid: int) -> list[int]:
    """In the order of their birth, which their numbers do not tell: they begin anew."""
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def until(found: Callable[[], Value], seconds: float = LONG_S) -> Value:
    """What `found()` returns as soon as it is something. Raises TimeoutError."""
    end = time.monotonic() + seconds
    while not (value := found()):
        if time.monotonic() > end:
            raise TimeoutError(f"{found} found nothing within {seconds:g} s")
        time.sleep(0.02)
    return value


def until_while(process: subprocess.Popen[str], found: Callable[[], Value]) -> Value:
    """The same, as long as a command runs: what it ended without will not come."""

    def here() -> Value:
        ended = process.poll() is not None
        if not (value := found()) and ended:
            raise AssertionError(f"it ended with {process.returncode}: {process.communicate()}")
        return value

    return until(here)


@dataclass(frozen=True)
class Sandbox:
    """The folders, and the command line in them."""

    root: Path
    started: list[subprocess.Popen[str]] = field(default_factory=list)

    @property
    def servers(self) -> Path:
        return self.root / "servers"

    @property
    def benchmarks(self) -> Path:
        return self.root / "benchmarks"

    @property
    def results(self) -> Path:
        return self.root / "results"

    @property
    def reports(self) -> Path:
        return self.root / "reports"

    @property
    def cache(self) -> Path:
        return self.root / "cache"

    @property
    def scratch(self) -> Path:
        return self.root / "tmp"

    @property
    def settings(self) -> dict[str, str]:
        """What the sandbox tells the harness."""
        return {
            "HARNESS_SERVERS": str(self.servers),
            "HARNESS_BENCHMARKS": str(self.benchmarks),
            "HARNESS_RESULTS": str(self.results),
            "HARNESS_REPORTS": str(self.reports),
            "HARNESS_CACHE": str(self.cache),
            "TMPDIR": str(self.scratch),
        }

    @property
    def environment(self) -> dict[str, str]:
        """The whole environment of a command."""
        return {**os.environ, **self.settings}

    def harness(self, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end; `more` are environment variables."""
        return subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=paths.PROJECT,
            env={**self.environment, **more},
            capture_output=True,
            text=True,
            timeout=LONG_S,
            check=False,
        )

    def on_a_terminal(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run a command whose standard error is a terminal, to its end."""
        terminal, its_end = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments],
            cwd=paths.PROJECT,
            env={**self.environment, "TERM": "xterm", "COLUMNS": "200"},
            stdout=subprocess.PIPE,
            stderr=its_end,
            text=True,
        )
        self.started.append(process)
        os.close(its_end)
        shown = b""
        with contextlib.suppress(OSError):  # the terminal has hung up: the command has ended
            while data := os.read(terminal, 65536):
                shown += data
        os.close(terminal)
        out, _ = process.communicate(timeout=LONG_S)
        return subprocess.CompletedProcess(
            arguments, process.returncode, out, shown.decode(errors="replace")
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a command; it is ended with the test, if need be."""
        process = subprocess.Popen(
            [sys.executable, "-m", "harness", *arguments],
            cwd=paths.PROJECT,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.started.append(process)
        return process

    def add_server(self, name: str, table: str, **files: str) -> Path:
        """One more server folder: the fake's code, a server.toml of one's own, more files."""
        folder = self.servers / name
        folder.mkdir()
        for file in (paths.PROJECT / "servers" / "_fake").glob("*.py"):
            shutil.copy(file, folder)
        (folder / "server.toml").write_text(table)
        for stem, text in files.items():
            (folder / stem.replace("_", ".")).write_text(text)
        return folder

    def campaign(self, name: str) -> Campaign:
        """The stored plan of that campaign."""
        return store.read_campaign(self.results / name)

    def places(self, name: str) -> dict[Cell, Path]:
        """Folders of a campaign's stored runs."""
        return dict(store.stored(self.results / name, self.campaign(name).cells))

    def runs(self, name: str) -> dict[Cell, Run]:
        """The stored runs of a campaign; every one must be readable."""
        return {cell: store.read_run(place, cell) for cell, place in self.places(name).items()}

    def processes(self) -> list[str]:
        """Living processes that were started in this sandbox."""
        mark = os.fsencode(f"{self.root}/")
        return sorted(
            f"{pid}: {command.replace(bytes(1), b' ').decode(errors='replace')}"
            for pid, environment, command in _everybody()
            if mark in environment or mark in command
        )

    def end_everything(self) -> list[str]:
        """End what is left; what that was, but for commands that the test itself started."""
        for process in self.started:
            if process.poll() is None:
                process.kill()
            process.communicate()
        left = self.processes()
        for line in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(line.partition(":")[0]), signal.SIGKILL)
        return left


def make(root: Path) -> Sandbox:
    """The real reference points and the fake contender, on a benchmark of less than a second."""
    sandbox = Sandbox(root)
    sandbox.scratch.mkdir()
    for name in ("in-process", "null", "_fake"):
        (sandbox.servers / name).mkdir(parents=True)
        # Without requirements.in: they run on the interpreter of the harness.
        own = paths.PROJECT / "servers" / name
        for file in (*own.glob("*.py"), own / "server.toml"):
            shutil.copy(file, sandbox.servers / name)
    # Without its build, which makes nothing of the first version: most tests need no model.
    noop, no_build = sandbox.benchmarks / "noop", shutil.ignore_patterns("build.py")
    shutil.copytree(paths.PROJECT / "benchmarks" / "noop", noop, ignore=no_build)
    (sandbox.benchmarks / "noop" / "benchmark.toml").write_text(BENCHMARK)
    (sandbox.benchmarks / "presets.toml").write_text(PRESETS)
    return sandbox


def variant(name: str, *lines: str) -> str:
    """A `[[variant]]` that runs the fake's app, with more keys."""
    keys = [f'name = "{name}"', 'track = "matched"', 'description = "-"', 'protocol = "json"']
    if not any(line.startswith("command") for line in lines):
        keys.append('command = ["{bin}/python", "app.py"]')
    return "\n".join(["[[variant]]", *keys, *lines, ""])


def _everybody() -> Iterator[tuple[int, bytes, bytes]]:
    """(process id, environment, command line) of every process but this one."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                environment = (entry / "environ").read_bytes()
                command = (entry / "cmdline").read_bytes()
            except OSError:
                continue
            yield int(entry.name), environment, command
