"""Standard streams that the caller closed."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from harness.base import paths
from tests.system.endpoints import Endpoint, echo
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("closed", "code"), [("0<&-", 0), (">&-", 1), ("2>&-", 0), ("0<&- >&- 2>&-", 1)]
)
def test_a_closed_standard_stream_is_none_of_the_harness_own(
    sandbox: Sandbox, closed: str, code: int
) -> None:
    # A window of load opens sockets and pipes: none may get the number of standard output.
    with Endpoint(echo) as endpoint:
        load = ("load", endpoint.url, "--rate", "40", "--duration", "0.2", "--json")
        command = ["sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "harness", *load]
        done = subprocess.run(
            command,
            env={**os.environ, **sandbox.settings},
            cwd=paths.PROJECT,
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    if closed == ">&-":
        text, _, said = done.stderr.rpartition("error: ")
        assert said.startswith("Standard output can't be written: it is closed.")
        assert json.loads(text)["ok"] > 0, "what was measured is not lost"
    elif ">&- 2" not in closed:
        assert json.loads(done.stdout)["ok"] > 0
