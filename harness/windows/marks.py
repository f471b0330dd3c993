"""Marks of the last answer to a request, beside the judged part: one row per mark."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from harness.windows.samples import MISSING, Ints

# Codes of Marks.mark are positions in this tuple. Append only: files store the names. Moments end
# with `_ns`; in the server's answer they are by its CLOCK_MONOTONIC.
MARKS = (
    "polls",  # how often a job was asked after, the last time included
    "runs",  # how often the job was begun
    "submitted_ns",  # the server took the job
    "started_ns",  # its last run began
    "finished_ns",  # its result was there
    "stored",  # 1: the answer had been stored; 0: it was computed on request
    "version",  # of the artefact that predicted
    "local",  # 1: answered where the caller is; 0: the server was asked
)
Told = Sequence[tuple[str, int]]  # names of MARKS, with their values


def is_moment(mark: str) -> bool:
    """Whether a mark's value is a moment, rather than a number."""
    return mark.endswith("_ns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """By request, then in the order of MARKS; moments are nanoseconds since the window's start."""

    request: Ints  # row of Requests
    mark: Ints  # position in MARKS
    value: Ints

    def __len__(self) -> int:
        return len(self.request)

    def of(self, rows: Ints) -> Marks:
        """The same where each request is in that row instead, or in none where it is MISSING."""
        request = rows[self.request]
        order = np.lexsort((self.mark, request))
        kept = order[request[order] != MISSING]
        return Marks(request=request[kept], mark=self.mark[kept], value=self.value[kept])

    def each(self, mark: str, requests: int) -> Ints:
        """The mark's value for each of so many requests; MISSING where nothing was told."""
        found = np.full(requests, MISSING, np.int64)
        here = self.mark == MARKS.index(mark)
        found[self.request[here]] = self.value[here]
        return found


def joined(parts: Sequence[Marks]) -> Marks:
    """One table of several whose requests are rows of one table, too."""
    none = np.empty(0, np.int64)
    columns = {
        each.name: np.concatenate([none, *(getattr(part, each.name) for part in parts)])
        for each in fields(Marks)
    }
    order = np.lexsort((columns["mark"], columns["request"]))
    return Marks(**{name: column[order] for name, column in columns.items()})
