"""A signal interrupts a command also where CPython drops what is raised."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import os, signal, time
from harness.cli import _interrupts

class Late:
    def __del__(self):
        time.sleep({held_s})  # the signal, or its second try, comes meanwhile

class Last:
    def __del__(self):
        os.kill(os.getpid(), signal.{name})
        time.sleep(0)

_interrupts.watch()
try:
    Last()
    Late()
    time.sleep(60)
except KeyboardInterrupt:
    print("interrupted", [signal.getsignal(n).name for n in (signal.SIGINT, signal.SIGTERM)])
"""


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM"])
@pytest.mark.parametrize("held_s", [0, 0.2], ids=["once", "twice"])
def test_a_signal_is_not_lost_while_an_object_is_let_go(name: str, held_s: float) -> None:
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(name=name, held_s=held_s)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "interrupted ['SIG_IGN', 'SIG_IGN']\n"


def test_what_else_is_dropped_is_told_as_before() -> None:
    program = (
        "from harness.cli import _interrupts; _interrupts.watch()\n"
        "class Bad:\n    def __del__(self): raise ValueError('of its own')\n"
        "Bad()"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0
    assert "ValueError: of its own" in done.stderr
