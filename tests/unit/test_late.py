"""An answer after the time-out is a time-out, whenever somebody looked."""

from __future__ import annotations

import numpy as np

from harness.measure.load.generator.job import without_late
from harness.windows.samples import ERRORS, MISSING

TIMEOUT, STATUS, CONNECT, UNSENT = map(ERRORS.index, ("timeout", "status", "connect", "unsent"))


def test_what_came_late_has_timed_out_exactly() -> None:
    rows = [  # sent, first byte, done, status, error -> the same, exact
        ((0, 50, 100, 200, 0), (0, 50, 100, 200, 0)),
        ((0, 50, 101, 200, 0), (0, 50, 100, 0, TIMEOUT)),
        ((0, 101, 102, 200, 0), (0, MISSING, 100, 0, TIMEOUT)),
        ((7, 50, 500, 503, STATUS), (7, 50, 107, 0, TIMEOUT)),
        ((7, MISSING, 150, 0, TIMEOUT), (7, MISSING, 107, 0, TIMEOUT)),
        ((7, MISSING, 500, 0, CONNECT), (7, MISSING, 500, 0, CONNECT)),
        ((MISSING, MISSING, 500, 0, UNSENT), (MISSING, MISSING, 500, 0, UNSENT)),
    ]
    names = ("sent_ns", "first_byte_ns", "done_ns", "status", "error")
    before, after = (
        {name: np.array([row[side][place] for row in rows]) for place, name in enumerate(names)}
        for side in (0, 1)
    )
    found = without_late({**before, "payload": np.arange(7)}, 100)
    for name in names:
        np.testing.assert_array_equal(found[name], after[name], name)
