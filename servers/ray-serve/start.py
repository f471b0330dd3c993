"""Starts Ray on loopback and serves the deployment that the command names, until SIGTERM."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from pathlib import Path

import ray
from ray import serve
from ray.serve.schema import LoggingConfig

HOST = os.environ["HARNESS_HOST"]
NO_ACCESS_LOG = LoggingConfig(enable_access_log=False)


def main(deployment: str) -> None:
    module, _, name = deployment.partition(":")
    try:
        start_cluster()
    except BaseException:
        tell_why(Path(os.environ["TMPDIR"]))
        raise
    # Ray's own handler takes SIGTERM for a crash.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    serve.start(
        http_options={"host": HOST, "port": int(os.environ["HARNESS_PORT"])},
        logging_config=NO_ACCESS_LOG,
    )
    application = getattr(importlib.import_module(module), name).bind()
    serve.run(application, logging_config=NO_ACCESS_LOG, blocking=True)


def start_cluster() -> None:
    ray.init(
        num_cpus=len(os.sched_getaffinity(0)),  # Ray would count the machine's
        include_dashboard=False,
        object_store_memory=10**8,  # nothing is kept there: not a third of the machine's memory
        _temp_dir=short_path(os.environ["TMPDIR"]),
        _metrics_export_port=int(os.environ["HARNESS_METRICS_PORT"]),
    )


def tell_why(folder: Path) -> None:
    """What Ray's own processes logged last: its exception names none of their reasons."""
    for process in ("gcs_server", "raylet"):
        for log in sorted(folder.glob(f"session_2*/logs/{process}*.*")):
            for line in log.read_text(errors="replace").splitlines()[-8:]:
                print(f"{log.name}: {line}", flush=True)


def short_path(folder: str) -> str:
    """The same folder in few characters: Ray puts sockets into it, whose paths may have 107."""
    return f"/proc/{os.getpid()}/fd/{os.open(folder, os.O_RDONLY | os.O_DIRECTORY)}"


if __name__ == "__main__":
    main(sys.argv[1])
