"""The call of the predictor that served each request."""

from __future__ import annotations

from bisect import bisect_left, insort

import numpy as np

from harness.windows.samples import MISSING, Calls, Ints, Requests

MATCHED = 0.90  # of the answered requests; with fewer, the others may be another kind of request


def matched(requests: Requests, calls: Calls) -> tuple[Ints, Ints]:
    """(rows of answered requests, the call of each): as many pairs as there can be.

    Calls are taken by their start. Of the requests that were sent by then and are answered after
    the call's end, each takes the one that is answered first: any later call could have had the
    others as well.
    """
    rows = np.flatnonzero(requests.ok & (requests.sent_ns != MISSING))
    rows = rows[np.argsort(requests.sent_ns[rows], kind="stable")]
    sent, done = requests.sent_ns[rows].tolist(), requests.done_ns[rows].tolist()
    slots = np.repeat(np.arange(len(calls.batch)), calls.batch)
    slots = slots[np.argsort(calls.start_ns[slots], kind="stable")]
    start = calls.start_ns[slots].tolist()
    end = (calls.start_ns[slots] + calls.duration_ns[slots]).tolist()
    open_, pairs, place = list[tuple[int, int]](), list[tuple[int, int]](), 0
    for slot, began, ended in zip(slots.tolist(), start, end, strict=True):
        while place < len(sent) and sent[place] <= began:
            insort(open_, (done[place], place))
            place += 1
        first = bisect_left(open_, (ended, -1))
        if first < len(open_):
            pairs.append((open_.pop(first)[1], slot))
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return rows[found[:, 0]], found[:, 1]
