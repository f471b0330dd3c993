"""The client's process: it has the small model, fires windows, and is asked one by one to verify.

Its small HTTP server is the control plane only: health, single predictions, which are made as those
of a window are, and `POST /load`, which fires a whole window and writes its columns to a file.
"""

from __future__ import annotations

import ctypes
import json
import os
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import deciding
from asking import Server
from firing import fire

PR_SET_TIMERSLACK = 29
PATIENCE_S = 60.0
PORT = int(os.environ.get("HARNESS_SERVER_PORT", "0"))
own = threading.local()  # a connection to the server for each thread


def server() -> Server:
    if not hasattr(own, "server"):
        own.server = Server(PORT, PATIENCE_S)
    return own.server


def instances_of(body: bytes) -> Any:
    """The instances, if the body can be read; otherwise the server says what is wrong with it."""
    try:
        asked = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return asked.get("instances") if isinstance(asked, dict) else None


class Handler(BaseHTTPRequestHandler):
    """The control plane."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = PATIENCE_S

    def do_GET(self) -> None:
        self.answer(200, b'{"status": "ok"}')

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        if self.path == "/load":
            fire(json.loads(body), DECIDER, PORT)
            self.answer(200, b"{}")
            return
        predictions = DECIDER.predict(instances_of(body))
        if predictions is not None:
            self.answer(200, json.dumps({"predictions": predictions, "local": True}).encode())
            return
        found = server().ask(body)
        if found.status:
            self.answer(found.status, found.body, found.kind)
        else:
            said = f"The server gave no answer: {found.error}."
            self.answer(503, json.dumps({"error": said}).encode())

    def answer(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """No access log."""


class Control(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024


if __name__ == "__main__":
    # Sleeps end up to 50 microseconds late otherwise, which is more than a small model takes.
    ctypes.CDLL(None).prctl(PR_SET_TIMERSLACK, 1)
    DECIDER = deciding.from_environment()
    Control((os.environ["HARNESS_HOST"], int(os.environ["HARNESS_PORT"])), Handler).serve_forever()
