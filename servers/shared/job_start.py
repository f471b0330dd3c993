"""On the PYTHONPATH of every server process: a queue, its workers and its web process."""

from __future__ import annotations

import os
import sys

from components import Supervisor, redis

# Far below the machine's memory: what does not fit is refused, and nothing is dropped.
MEMORY = os.environ.get("QUEUE_MEMORY", "256mb")


def start(*, broker: bool = True, web: str = "app:app", worker: str = "worker.py") -> None:
    """Until the server is told to stop. Raises RuntimeError."""
    supervisor = Supervisor()
    known = {"QUEUE_URL": redis(supervisor, "--maxmemory", MEMORY)} if broker else {}
    for number in range(int(os.environ["HARNESS_WORKERS"])):
        command = [sys.executable, worker]
        supervisor.add(f"worker {number}", command, QUEUE_WORKER=str(number), **known)
    host, port = os.environ["HARNESS_HOST"], os.environ["HARNESS_PORT"]
    # One process, no access log: as servers/fastapi.
    where = ["--host", host, "--port", port, "--workers", "1", "--no-access-log"]
    supervisor.add("web", [sys.executable, "-m", "uvicorn", web, *where], **known)
    supervisor.run()
