"""The records of a window, as columns: requests, usage, calls, chunks.

Columns are NumPy arrays of equal length; times are integer nanoseconds since the window's start;
MISSING marks a moment that never came.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


MISSING = -1


# Codes of Requests.error are positions in this tuple. Append only: files store the names.
ERRORS = (
    "",  # answered, and right as far as it was checked
    "connect",  # no connection could be opened
    "disconnected",  # the connection ended before the answer did
    "timeout",  # no whole answer in time
    "status",  # answered with a status other than 2xx
    "garbage",  # the answer is not what the protocol says an answer is
    "wrong_answer",  # well-formed, but not what the reference answers
    "unsent",  # due, but the window ended before it could be sent
    "lost",  # outcome unknown: the generator process that was to send it was lost
    "failed",  # taken, and then the server said that it could not be done
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Requests:
    """The requests of one window, one row each; a failed one is a row whose `error` is not 0."""

    payload: Ints  # which payload was sent
    due_ns: Ints  # planned send time; MISSING in a closed loop, which has no plan
    sent_ns: Ints
    first_byte_ns: Ints
    done_ns: Ints
    status: Ints  # HTTP status, 0 where none came
    error: Ints  # position in ERRORS
    queued: Ints  # 1 where it had to wait for a free connection, so that lag is not the generator's
    resent: Ints  # 1 where it was sent twice: a used connection was closed before it was answered

    def __len__(self) -> int:
        return len(self.sent_ns)

    @property
    def ok(self) -> NDArray[np.bool_]:
        """The mask of requests that were answered without an error."""
        rows: NDArray[np.bool_] = self.error == 0
        return rows

    def throughput(self, elapsed_s: float) -> float:
        """How many were answered in each of so many seconds."""
        return float(self.ok.sum()) / max(elapsed_s, 1e-9)

    def kinds(self) -> dict[str, int]:
        """How many failed, by their error."""
        codes, counts = np.unique(self.error[~self.ok], return_counts=True)
        return {ERRORS[code]: int(count) for code, count in zip(codes, counts, strict=True)}

    def response_ns(self) -> Ints:
        """Response time of the answered requests: from the planned send time to the last byte.

        From the plan, not the send: else a stalled server would hide its own queue.
        Empty in a closed loop.
        """
        rows = self.ok & (self.due_ns != MISSING)
        taken: Ints = self.done_ns[rows] - self.due_ns[rows]
        return taken

    def service_ns(self) -> Ints:
        """Service time of the answered requests: from the send to the last byte."""
        return self.done_ns[self.ok] - self.sent_ns[self.ok]

    def waits_ns(self) -> NDArray[np.float64]:
        """Response time of all requests that were planned; infinite where none was answered."""
        planned = self.due_ns != MISSING
        taken = np.where(self.ok, self.done_ns - self.due_ns, np.inf)
        waits: NDArray[np.float64] = taken[planned]
        return waits

    def services_ns(self) -> NDArray[np.float64]:
        """Service time of all requests; infinite where none was answered."""
        return np.where(self.ok, self.done_ns - self.sent_ns, np.inf)

    def lag_ns(self) -> Ints:
        """How late the generator sent, where it was free to send."""
        rows = (self.due_ns != MISSING) & (self.sent_ns != MISSING) & (self.queued == 0)
        lag: Ints = self.sent_ns[rows] - self.due_ns[rows]
        return lag


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """The sampled usage of the server's processes, one row per sample; MISSING if not seen."""

    at_ns: Ints
    cpu_ns: Ints  # CPU time of all of them since the start
    rss_bytes: Ints
    pss_bytes: Ints  # MISSING between the window's ends: reading it disturbs the server
    processes: Ints
    threads: Ints
    memory_bytes: Ints  # of the container, without file cache that the kernel can drop
    throttled_ns: Ints  # how long the container was kept from its CPUs since the start
    gpu_percent: Ints  # share of time in which the device computed
    gpu_bytes: Ints
    gpu_milliwatts: Ints


@dataclass(frozen=True, slots=True, kw_only=True)
class Calls:
    """The predictor seen from the inside; one row a call."""

    start_ns: Ints
    duration_ns: Ints
    batch: Ints  # instances in the call
    process: Ints  # which of the server's processes it was in, from 0
    thread_cpu_ns: (
        Ints  # CPU time of the thread that called; MISSING where the server did not write it
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunks:
    """The pieces of content that answers came in, where the protocol asks for them; one row each,
    by request, then by time."""

    request: Ints  # row of Requests
    at_ns: Ints
    size_bytes: Ints
    count: Ints  # of what the protocol counts, such as tokens; MISSING where it does not

    def __len__(self) -> int:
        return len(self.request)

    def of(self, rows: Ints) -> Chunks:
        """The same where each request is in that row instead, or in none where it is MISSING."""
        moved = replace(self, request=rows[self.request])
        order = np.lexsort((moved.at_ns, moved.request))
        return moved.at(order[moved.request[order] != MISSING])

    def by(self, done_ns: Ints) -> Chunks:
        """Those that had come when their request ended."""
        return self.at(np.flatnonzero(self.at_ns <= done_ns[self.request]))

    def at(self, places: NDArray[np.intp]) -> Chunks:
        """The rows at those places."""
        return Chunks(**{each.name: getattr(self, each.name)[places] for each in fields(self)})


def joined(parts: Sequence[Chunks]) -> Chunks:
    """One table of several whose requests are rows of one table, too."""
    none = np.empty(0, np.int64)
    columns = {
        each.name: np.concatenate([none, *(getattr(part, each.name) for part in parts)])
        for each in fields(Chunks)
    }
    whole = Chunks(**columns)
    return whole.at(np.lexsort((whole.at_ns, whole.request)))


def calls_of(start_ns: Ints, duration_ns: Ints, batch: Ints, process: Ints) -> Calls:
    """Calls whose CPU time is not known."""
    return Calls(
        start_ns=start_ns,
        duration_ns=duration_ns,
        batch=batch,
        process=process,
        thread_cpu_ns=np.full(len(start_ns), MISSING, np.int64),
    )


def usage(at_ns: Ints, **columns: Ints) -> Usage:
    """Samples of the columns that could be seen; the others are MISSING."""
    unseen = {f.name: np.full(len(at_ns), MISSING, np.int64) for f in fields(Usage)}
    return Usage(**{**unseen, "at_ns": at_ns, **columns})


def empty(columns: type[Any]) -> Any:
    """A table of that type without rows."""
    return columns(**{field.name: np.empty(0, np.int64) for field in fields(columns)})
