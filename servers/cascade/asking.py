"""One connection to the server, kept open, for one thread."""

from __future__ import annotations

import time
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException

clock = time.monotonic_ns


@dataclass(frozen=True)
class Answer:
    """The outcome of a request; moments are CLOCK_MONOTONIC."""

    done_ns: int
    first_byte_ns: int = -1
    status: int = 0  # 0 where none came
    error: str = ""  # of harness.windows.samples.ERRORS
    resent: int = 0
    body: bytes = b""
    kind: str = "application/json"


class Server:
    """Asks a server, and connects again where it has to."""

    def __init__(self, port: int, timeout_s: float, path: str = "/predict") -> None:
        self._port = port
        self._timeout_s = timeout_s
        self._path = path
        self._connection: HTTPConnection | None = None

    def ask(self, body: bytes) -> Answer:
        """Send a body and wait; once more on a new connection where a used one has been closed."""
        used = self._connection is not None
        answer = self._once(body, 0)
        if used and answer.error == "disconnected":
            answer = self._once(body, 1)
        return answer

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _once(self, body: bytes, resent: int) -> Answer:
        connection = self._connection
        try:
            if connection is None:
                connection = HTTPConnection("127.0.0.1", self._port, timeout=self._timeout_s)
                connection.connect()
                self._connection = connection
        except OSError:
            return Answer(clock(), error="connect", resent=resent)
        try:
            connection.request("POST", self._path, body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            first = clock()
            content = response.read()
            done = clock()
        except TimeoutError:
            self.close()
            return Answer(clock(), error="timeout", resent=resent)
        except (OSError, HTTPException):
            self.close()
            return Answer(clock(), error="disconnected", resent=resent)
        if response.will_close:
            self.close()
        return Answer(
            done,
            first,
            response.status,
            "" if 200 <= response.status < 300 else "status",
            resent,
            content,
            response.headers.get("Content-Type", "application/json"),
        )
