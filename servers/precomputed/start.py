"""Starts what there is: Redis where the store is one, the batch job, then the web process."""

from __future__ import annotations

import os
import sys
import time

import components
import settings
from batch import BEGAN


def main() -> None:
    supervisor = components.Supervisor()
    try:
        environment = {}
        if os.environ.get("PRECOMPUTED_STORE") == "redis":
            environment[settings.URL] = components.redis(supervisor)
        began = {BEGAN: str(time.monotonic_ns())}
        job = [sys.executable, "batch.py"]
        if code := supervisor.once(job, **environment, **began):
            sys.exit(code)
        web = [sys.executable, "-m", "uvicorn", "app:app", "--workers", "1", "--no-access-log"]
        place = ["--host", os.environ["HARNESS_HOST"], "--port", os.environ["HARNESS_PORT"]]
        supervisor.add("the web process", [*web, *place], **environment)
        supervisor.run()
    finally:
        supervisor.end()


if __name__ == "__main__":
    main()
