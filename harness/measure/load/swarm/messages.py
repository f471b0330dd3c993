"""Messages between master and workers beyond Locust's own.

Each is a message of Locust with a dictionary of plain values; `window` says what it belongs to, so
that what comes late from a window that was cut short is told from the next one's.
"""

from __future__ import annotations

import importlib.metadata

HELLO = "harness-hello"  # worker: it can take a job. name, version
PING = "harness-ping"  # master: what does your clock say? asked_ns
PONG = "harness-pong"  # worker: asked_ns, taken_ns, answered_ns
JOB = "harness-job"  # master: a piece of its share. piece, of, bytes
LOADED = "harness-loaded"  # worker: it has all of it
GO = "harness-go"  # master: fire it. start_ns, by the worker's clock
FIRED = "harness-fired"  # worker: it is over. pieces
COLLECT = "harness-collect"  # master: give me a piece. piece
PIECE = "harness-piece"  # worker: piece, bytes
FAILED = "harness-failed"  # worker: it could not. why
CUT = "harness-cut"  # master: send no more, and tell what was fired
STOP = "harness-stop"  # master: the window is cut short

FROM_WORKER = (HELLO, PONG, LOADED, FIRED, PIECE, FAILED)


def version() -> str:
    """The version that both sides must share to understand each other."""
    return importlib.metadata.version("serving-harness")
