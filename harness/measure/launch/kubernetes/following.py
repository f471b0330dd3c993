"""What an API server tells of objects as they change: in a thread, as JSON, until it is ended."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from threading import Event, Thread
from typing import Any

from harness.base.errors import LaunchError

_LASTS_S = 300  # of one request
_AGAIN_S = 0.5
_JOIN_S = 5.0
_REASON_BYTES = 1 << 20

Change = Callable[[str, dict[str, Any], int], None]  # (what happened, the object, seen at ns)


class Follower:
    """Calls back for each change of the objects that a method of the client lists."""

    def __init__(self, listing: Callable[..., Any], change: Change, name: str) -> None:
        """`listing` takes the options of a watch; `change` is called in a thread of its own."""
        self._listing = listing
        self._change = change
        self._ended = Event()
        self._answer: Any = None
        self.failure = ""  # why the last request ended, where it failed
        self._thread = Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """No more calls."""
        self._ended.set()
        with suppress(Exception):  # whatever state the connection is in
            self._answer.connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(_JOIN_S)

    def _run(self) -> None:
        while not self._ended.is_set():
            try:
                self._follow()
                self.failure = ""
            except Exception as error:  # the client's, urllib3's, JSON's: the next request may work
                self.failure = str(getattr(error, "reason", "") or error)
            self._ended.wait(_AGAIN_S)

    def _follow(self) -> None:
        """One request: first all that there is, then what changes."""
        self._answer = self._listing(
            watch=True,
            timeout_seconds=_LASTS_S,
            _preload_content=False,
            _request_timeout=(10, _LASTS_S + 30),
        )
        try:
            if self._answer.status != 200:
                raise LaunchError(_why(self._answer))
            for line in _lines(self._answer):
                seen_ns = time.monotonic_ns()
                told = json.loads(line)
                if self._ended.is_set():
                    return
                self._change(told["type"], told["object"], seen_ns)
        finally:
            self._answer.close()


def _why(answer: Any) -> str:
    """Why the API server does not tell, in its words."""
    with suppress(ValueError, TypeError, LookupError):
        return str(json.loads(answer.read(_REASON_BYTES))["message"])
    return f"it answered {answer.status}"


def _lines(answer: Any) -> Iterator[bytes]:
    rest = b""
    for chunk in answer.stream(None):
        *whole, rest = (rest + chunk).split(b"\n")
        yield from (line for line in whole if line.strip())
