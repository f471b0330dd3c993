"""A sandbox for each test, and proof that nothing of it is left running."""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from harness.cli import main
from tests.system import sandbox as places
from tests.system.sandbox import Sandbox

Command = Callable[..., "subprocess.CompletedProcess[str]"]
# That the command line handles; a test that left one ignored would have all later ones ignore it.
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGALRM)


def kept(root: Path) -> Iterator[Sandbox]:
    """A sandbox; where it ends, nothing that was started in it may be running."""
    made = places.make(root)
    try:
        yield made
    finally:
        left = made.end_everything()
    assert not left, "processes are left running:\n" + "\n".join(left)


@pytest.fixture
def sandbox(tmp_path: Path) -> Iterator[Sandbox]:
    yield from kept(tmp_path)


@pytest.fixture
def cli(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Command]:
    """The command line without an interpreter of its own, which takes longer than most commands."""
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)  # found anew, in the sandbox
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)  # put back at the end

    def command(*arguments: str) -> subprocess.CompletedProcess[str]:
        monkeypatch.setattr(sys, "argv", ["harness", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as end:
            main()
        code = end.value.code
        assert isinstance(code, int)
        return subprocess.CompletedProcess(list(arguments), code, *capfd.readouterr())

    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    yield command
    for number, handler in handlers.items():
        signal.signal(number, handler)
