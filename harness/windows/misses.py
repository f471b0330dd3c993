"""Requests whose answers had not been stored. Pure functions."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.windows.marks import Marks
from harness.windows.samples import ERRORS, Requests

Rows = NDArray[np.bool_]
_STATUS, _NOT_FOUND = ERRORS.index("status"), 404


def refused(requests: Requests) -> Rows:
    """Which requests a server refused since it has no stored answer to them."""
    rows: Rows = (requests.error == _STATUS) & (requests.status == _NOT_FOUND)
    return rows


def hits(requests: Requests, marks: Marks) -> Rows:
    """Which requests were answered rightly with what had been stored."""
    rows: Rows = requests.ok & (marks.each("stored", len(requests)) == 1)
    return rows


def computed(requests: Requests, marks: Marks) -> Rows:
    """Which requests were answered rightly with what was computed on request."""
    rows: Rows = requests.ok & (marks.each("stored", len(requests)) == 0)
    return rows
