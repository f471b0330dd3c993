"""The launcher serverless-offline: the Serverless Framework and its plug-in as they are."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import psutil
import pytest

from harness.base import paths
from harness.measure.launch.launchers import LaunchOrder
from harness.measure.launch.launchers.serverless_offline import ServerlessOfflineLauncher
from harness.measure.prepare import artefacts, environments
from harness.setup import catalog
from tests.system.sandbox import LONG_S, until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

HARNESS = """
import sys, time
from pathlib import Path
from tests.system.test_serverless_offline import started
print(started(Path(sys.argv[1])).port, flush=True)
time.sleep(600)
"""


def started(scratch: Path) -> Any:
    """The variant, with an instance for each of two CPUs, whether there are so many or not."""
    variant, noop = catalog.variants()["serverless-offline"], catalog.benchmarks()["noop"]
    reference = environments.for_variant(catalog.variants()["in-process"], noop)
    artefact = artefacts.ensure(noop, reference).folder
    launcher = ServerlessOfflineLauncher()
    cpus = sorted(os.sched_getaffinity(0))
    return launcher.launch(
        LaunchOrder(
            variant=variant,
            provided=launcher.provide(variant, noop, artefact, "cpu"),
            benchmark=noop,
            artefact=artefact,
            threads=1,
            device="cpu",
            cpus=(cpus[0], cpus[-1]),
            signature={},
            scratch=scratch,
        )
    )


def status(port: int, path: str, body: bytes | None = None) -> int | None:
    """Of an answer; None where there is none."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=LONG_S)) as connection:
        try:
            kind = {"content-type": "application/json"}
            connection.request("GET" if body is None else "POST", path, body, kind)
            return connection.getresponse().status
        except OSError:
            return None


def handlers(scratch: Path) -> list[psutil.Process]:
    """The processes in which the plug-in runs handlers."""
    found = []
    for process in psutil.process_iter():
        try:
            own = process.environ().get("HOME", "").startswith(str(scratch))
            if own and any("invoke.py" in part for part in process.cmdline()):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return [process for process in found if process.name().startswith("python")]


def test_it_answers_in_as_many_processes_as_it_may_have(short_folder: Path) -> None:
    scratch = short_folder / "serving"
    scratch.mkdir()
    launched = started(scratch)
    try:
        until(lambda: status(launched.port, "/health") == 200 or launched.exited())
        assert launched.exited() is None, launched.log.read_text()
        body = json.dumps({"instances": ["a"]}).encode()
        with ThreadPoolExecutor(12) as pool:
            found = list(pool.map(lambda _: status(launched.port, "/predict", body), range(60)))
        assert found == [200] * 60
        assert 1 <= len(handlers(scratch)) <= 2
        assert launched.exposed() == ()
        assert launched.sample(pss=False) is not None
    finally:
        stop = launched.stop()
    assert stop.killed == 0
    assert handlers(scratch) == []


def test_nothing_outlives_a_harness_that_is_killed(short_folder: Path) -> None:
    scratch = short_folder / "killed"
    scratch.mkdir()
    harness = subprocess.Popen(
        [sys.executable, "-c", HARNESS, str(scratch)],
        cwd=paths.PROJECT,
        env={**os.environ, "PYTHONPATH": str(paths.PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert harness.stdout is not None
    port = int(harness.stdout.readline())
    until(lambda: status(port, "/health") == 200)
    (instance,) = handlers(scratch)
    harness.send_signal(signal.SIGKILL)
    harness.wait()
    harness.stdout.close()
    until(lambda: not instance.is_running())
    until(lambda: status(port, "/health") is None)
