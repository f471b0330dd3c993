"""Requests whose answers had not been stored. Pure functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.windows.marks import Marks
from harness.windows.samples import ERRORS, Requests

Rows = NDArray[np.bool_]
_STATUS, _NOT_FOUND = ERRORS.index("status"), 404


def refused(requests: Requests) -> Rows:
    """The requests that a server refused because it has no stored answer to them."""
    rows: Rows = (requests.error == _STATUS) & (requests.status == _NOT_FOUND)
    return rows


def hits(requests: Requests, marks: Marks) -> Rows:
    """The requests that were answered rightly from the store."""
    rows: Rows = requests.ok & (marks.each("stored", len(requests)) == 1)
    return rows


def computed(requests: Requests, marks: Marks) -> Rows:
    """The requests that were answered rightly with an answer computed on request."""
    rows: Rows = requests.ok & (marks.each("stored", len(requests)) == 0)
    return rows
