"""What a generator process is told, and what it tells back."""

from __future__ import annotations

from dataclasses import dataclass

from harness.hosts import WorkerFacts
from harness.samples import Ints


@dataclass(frozen=True, slots=True)
class Target:
    """Where requests go, and one message for each payload: over HTTP whole, over gRPC its body."""

    host: str
    port: int
    tls: bool
    messages: tuple[bytes, ...]
    method: str = ""  # of gRPC; empty: HTTP
    metadata: tuple[tuple[str, str], ...] = ()  # of gRPC


@dataclass(frozen=True, slots=True)
class Job:
    """One generator process's share of a window."""

    target: Target
    start_ns: int  # CLOCK_MONOTONIC; every process of the window starts then
    duration_ns: int
    payload: Ints  # payload of each request, in order; a closed loop wraps around
    due_ns: Ints | None  # planned send times since start; None in a closed loop
    concurrency: int  # callers of a closed loop; connections opened beforehand in an open one
    limit: int | None  # at most so many requests, in a closed loop
    timeout_ns: int
    keep_every: int  # the body of every so-manyth answer is kept for checking; 0 keeps none
    max_connections: int = 1024
    think_ns: int | None = None  # mean think time of users; None where nobody thinks
    source: str = ""  # the address of this host to send from over HTTP; empty: the system chooses


@dataclass(frozen=True, slots=True)
class Fired:
    """What came of a job: a column each, and the kept bodies by row."""

    columns: dict[str, Ints]
    bodies: dict[int, bytes]
    cpu_s: float
    elapsed_s: float
    workers: tuple[WorkerFacts, ...] = ()  # of the driver `locust`
