"""The time that a server adds to the predictor alone."""

from __future__ import annotations

import numpy as np

from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import metric, steady


@metric(title="over in-process", unit="ms", better="lower")
def overhead(context: RunContext) -> float | None:
    """Median over the steady window's requests of (response time here - response time in process)
    of the same request in the same round; requests that failed in either are left out."""
    here, there = steady(context.run), steady(context.floor) if context.floor else None
    if here is None or there is None or len(here.requests) != len(there.requests):
        return None
    both = here.requests.ok & there.requests.ok
    if not both.any():
        return None
    response = [w.requests.done_ns[both] - w.requests.due_ns[both] for w in (here, there)]
    return float(np.median(response[0] - response[1])) / 1e6
