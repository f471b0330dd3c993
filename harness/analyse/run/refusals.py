"""Requests that a server refused because it had enough to do already."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from harness.windows.samples import ERRORS, MISSING, Requests

STATUSES = (503, 429)  # service unavailable, too many requests
_STATUS = ERRORS.index("status")


def refused(requests: Requests) -> NDArray[np.bool_]:
    """The mask of those that were answered so."""
    mask: NDArray[np.bool_] = (requests.error == _STATUS) & np.isin(requests.status, STATUSES)
    return mask


def by_contract(requests: Requests, beyond: int | None) -> NDArray[np.bool_]:
    """The mask of those that a server refused as it declares: while that many others were with it.

    When it looked is not known, so those count that were with it at any moment between the send of
    the refused one and its answer.
    """
    mask = refused(requests)
    if beyond is None or not mask.any():
        return mask & False
    held = ~mask & (requests.sent_ns != MISSING)
    done = np.where(requests.done_ns == MISSING, np.iinfo(np.int64).max, requests.done_ns)
    begun = np.searchsorted(np.sort(requests.sent_ns[held]), done, side="right")
    ended = np.searchsorted(np.sort(done[held]), requests.sent_ns, side="left")
    found: NDArray[np.bool_] = mask & (begun - ended >= beyond)
    return found
