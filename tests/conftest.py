"""For every test: no settings of the user's own, the same examples on every run, no deadlines."""

from __future__ import annotations

import os
import signal
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from xdist.scheduler import LoadFileScheduling

from harness.base import secrecy

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


@pytest.fixture(autouse=True)
def _no_secrets_of_other_tests(monkeypatch: pytest.MonkeyPatch) -> None:
    """A password of one test, 'secret' say, would be concealed in the next one's messages."""
    monkeypatch.setattr(secrecy, "_KNOWN", {})


class _ByFile(LoadFileScheduling):  # type: ignore[misc]
    """One worker has all tests of a file, and all that use the engine, which takes one at a time:
    two workers with a file each would wait for one another."""

    def _split_scope(self, nodeid: str) -> str:
        file: str = super()._split_scope(nodeid)
        return "tests/docker" if file.startswith("tests/docker/") else file


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadFileScheduling | None:
    """For `--dist loadfile`; xdist's own where another way is asked for."""
    return _ByFile(config, log) if config.getvalue("dist") == "loadfile" else None


class _Watch:
    """Says of a failure at once that it happened, and of a run that is ended what it was doing:
    a whole run takes half an hour, and its own report comes last."""

    def __init__(self, reporter: Any) -> None:
        self.say = reporter.write_line
        self.running: dict[str, float] = {}

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self.running[nodeid] = time.monotonic()

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self.running.pop(nodeid, None)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed:
            lines = report.longreprtext.strip().splitlines()[-25:]
            self.say("\n".join(("", f"{report.when} of {report.nodeid} failed:", *lines)))

    def pytest_terminal_summary(self) -> None:
        for nodeid, began in self.running.items():
            self.say(f"not ended after {time.monotonic() - began:.0f} s: {nodeid}")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """SIGTERM ends the run as Ctrl-C does: with a summary of what failed and what was running.

    Under `nohup` commands would ignore SIGHUP, and the tests of what it does would wait for good.
    """
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    if reporter is None or hasattr(config, "workerinput"):
        return
    config.pluginmanager.register(_Watch(reporter))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
