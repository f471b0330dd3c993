"""Becomes MLServer, with the harness's settings under the names that MLServer reads."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def settings() -> dict[str, str]:
    given = os.environ
    wait_ms = float(given.get("HARNESS_BATCH_WAIT_MS", "0"))
    return {
        "MLSERVER_HOST": given["HARNESS_HOST"],
        # One of the two is the port that the load goes to.
        "MLSERVER_HTTP_PORT": given.get("HARNESS_HTTP_PORT", given["HARNESS_PORT"]),
        "MLSERVER_GRPC_PORT": given.get("HARNESS_GRPC_PORT", given["HARNESS_PORT"]),
        "MLSERVER_METRICS_PORT": given["HARNESS_METRICS_PORT"],
        "MLSERVER_DEBUG": "false",  # by default it is on, and every request is logged
        # By default one more process holds the model, for servers of several models, or of several
        # processes for one: here it would add a hop, and nothing to do beside it.
        "MLSERVER_PARALLEL_WORKERS": "0",
        "MLSERVER_MODEL_NAME": "model",
        "MLSERVER_MODEL_IMPLEMENTATION": "app.Model",
        "MLSERVER_MODEL_MAX_BATCH_SIZE": given.get("HARNESS_BATCH_SIZE", "0"),
        "MLSERVER_MODEL_MAX_BATCH_TIME": str(wait_ms / 1000),
    }


if __name__ == "__main__":
    server = Path(sys.executable).with_name("mlserver")
    os.execve(server, [str(server), "start", "."], {**os.environ, **settings()})
