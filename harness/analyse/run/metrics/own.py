"""Metrics of what a server's own metrics say."""

from __future__ import annotations

from harness.analyse.run import own_latency
from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import metric, steady


@metric(title="p50 by its own metrics", unit="ms", better="lower", effect=None)
def own_p50(context: RunContext) -> float | None:
    """Median time of a request at the steady rate, by the server's own histogram: interpolated
    within a bucket, whose width is its error."""
    return _of_requests(context, 0.50)


@metric(title="p99 by its own metrics", unit="ms", better="lower", effect=None)
def own_p99(context: RunContext) -> float | None:
    """99th percentile of the time of a request at the steady rate, by the server's own histogram:
    interpolated within a bucket, whose width is its error."""
    return _of_requests(context, 0.99)


def _of_requests(context: RunContext, share: float) -> float | None:
    """Not of a histogram that times the model alone."""
    window = steady(context.run)
    own = window.facts.own if window is not None else None
    if own is None or own.latency is None or own.latency.spans != own_latency.REQUEST:
        return None
    found = own_latency.quantile(own.latency, share)
    return None if found is None else found.ms
