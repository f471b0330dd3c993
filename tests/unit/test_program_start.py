"""When a program began, by the kernel."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from harness.measure.launch.functions.program_start import program_start_ns

TICK_NS = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
INIT = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'])"


def test_it_is_that_of_the_first_child() -> None:
    before = time.monotonic_ns()
    with subprocess.Popen([sys.executable, "-c", INIT], stdin=subprocess.PIPE) as init:
        while (found := program_start_ns(init.pid)) is None:
            time.sleep(0.001)
        seen = time.monotonic_ns()
        assert before <= found <= seen + TICK_NS
        assert program_start_ns(init.pid) is not None
        init.communicate(b"\n")


def test_one_that_has_none_or_is_gone_is_not_known(tmp_path: Path) -> None:
    assert program_start_ns(1, tmp_path) is None
    folder = tmp_path / "1" / "task" / "1"
    folder.mkdir(parents=True)
    (folder / "children").write_text("")
    assert program_start_ns(1, tmp_path) is None
