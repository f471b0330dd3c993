"""The checks of the real Prometheus of Debian."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

import prometheus_here


def promtool(*arguments: str, folder: Path, text: str = "") -> str:
    """What it says; an error of its is a failure."""
    try:
        program = prometheus_here.tool("promtool")
    except OSError as error:
        pytest.fail(str(error))
    done = subprocess.run(
        [program, *arguments],
        cwd=folder,
        input=text,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
