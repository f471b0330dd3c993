"""Starts the server, and the client that has the small model; keeps both alive."""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException
from pathlib import Path

import deciding
from components import Supervisor

READY_S = 110.0


def healthy(port: int) -> bool:
    connection = HTTPConnection("127.0.0.1", port, timeout=2.0)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


def main() -> None:
    try:
        deciding.from_environment()  # what is wrong with it is said before anything starts
    except ValueError as error:
        sys.exit(str(error))
    port = int(os.environ["HARNESS_SERVER_PORT"])
    uvicorn = Path(sys.executable).with_name("uvicorn")
    # One worker and no access log, as fastapi.
    options = ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--no-access-log"]
    supervisor = Supervisor()
    supervisor.add(
        "uvicorn",
        [str(uvicorn), "app:app", *options],
        ready=lambda: healthy(port),
        ready_s=READY_S,
    )
    supervisor.add("client", [sys.executable, "client.py"])
    supervisor.run()


if __name__ == "__main__":
    main()
