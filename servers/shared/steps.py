"""On the PYTHONPATH of every server process: marks of a function's instance, of its start and of
each invocation.

A handler's module imports this first: then the runtime has turned to that module. Nothing is
written but in an instance, which its service tells its number by HARNESS_INSTANCE.
"""

from __future__ import annotations

import json
import os
import resource
import struct
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

SPAN = struct.Struct("<qq")  # CLOCK_MONOTONIC in ns: the handler began, and returned
INSTANCES = 1_000_000  # plus its number: what stands for an instance's process id

Handler = Callable[[Any, Any], Any]  # of an event and its context


def mark(step: str, **more: int) -> None:
    """Write down that a step of the start is reached."""
    if (path := _path("steps", "jsonl")) is None:
        return
    faults = resource.getrusage(resource.RUSAGE_SELF).ru_majflt
    told = {"step": step, "at_ns": time.monotonic_ns(), "major_faults": faults, **more}
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(told) + "\n")


def handled(handler: Handler) -> Handler:
    """The handler, the moments of its invocations recorded: one write of a whole record for each,
    so that a reader finds no half of one."""
    if (path := _path("handler", "bin")) is None:
        return handler
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def recorded(event: Any, context: Any) -> Any:
        began = time.monotonic_ns()
        try:
            return handler(event, context)
        finally:
            os.write(file, SPAN.pack(began, time.monotonic_ns()))

    return recorded


def process_number() -> int:
    """The number that names the records of this process: its id, or what stands for it in an
    instance, since the ids of processes are the same from container to container."""
    instance = os.environ.get("HARNESS_INSTANCE")
    return INSTANCES + int(instance) if instance else os.getpid()


def _path(kind: str, suffix: str) -> Path | None:
    trace, instance = os.environ.get("HARNESS_TRACE"), os.environ.get("HARNESS_INSTANCE")
    return Path(trace, f"{kind}-{instance}.{suffix}") if trace and instance else None


# This file comes with the code: in a container its change time is when its layer was unpacked.
mark("runtime", image_ns=Path(__file__).stat().st_ctime_ns)
