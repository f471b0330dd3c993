"""Following a page's commands to the letter."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path

from harness.base import paths


def follow(command: str, folder: Path, **settings: Path) -> str:
    """Run a page's `python ...` on the folder's own results and reports; what it printed.

    `settings` are environment variables. An exit code other than 0 fails the test.
    """
    done = subprocess.run(
        [sys.executable, *shlex.split(command)],
        cwd=paths.PROJECT,
        env={
            **os.environ,
            **{name: str(place) for name, place in settings.items()},
            "HARNESS_RESULTS": str(folder / "results"),
            "HARNESS_REPORTS": str(folder / "reports"),
            "TMPDIR": str(folder),  # where the lock is that lets one campaign run at a time
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout
