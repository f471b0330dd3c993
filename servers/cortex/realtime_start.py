"""Cortex's Realtime API: the app of servers/fastapi, and in front of it the proxy of a pod."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

from components import Supervisor, short

UVICORN = [sys.executable, "-m", "uvicorn"]
# No access log: as servers/fastapi.
QUIET = ["--workers", "1", "--no-access-log"]


def listens(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as sock:
        return sock.connect_ex(path) == 0


def main() -> None:
    supervisor = Supervisor()
    path = short(Path(os.environ["TMPDIR"], "app.sock"))
    # The proxy keeps its connections: the app is not to close one that is about to be used.
    app = [*UVICORN, "realtime_app:app", "--uds", path, "--timeout-keep-alive", "86400", *QUIET]
    supervisor.add("app", app, ready=lambda: listens(path), ready_s=120.0)
    place = ["--host", os.environ["HARNESS_HOST"], "--port", os.environ["HARNESS_PORT"]]
    # The app's own headers are passed on.
    bare = ["--no-server-header", "--no-date-header", "--lifespan", "off"]
    proxy = [*UVICORN, "realtime_proxy:app", *place, *bare, *QUIET]
    supervisor.add("proxy", proxy, CORTEX_APP=path)
    supervisor.run()


main()
