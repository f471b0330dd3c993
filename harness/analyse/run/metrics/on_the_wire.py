"""The bytes of a request and its answers on the network."""

from __future__ import annotations

from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import metric, steady


@metric(title="wire", unit="bytes per request", better="lower", digits=0, effect=None)
def wire_bytes(context: RunContext) -> float | None:
    """Bytes of a request and all its answers at the steady rate, the header blocks of HTTP
    included; of a job, its polls too."""
    window = steady(context.run)
    if window is None or window.facts.wire is None or not len(window.requests):
        return None
    return (window.facts.wire.sent + window.facts.wire.received) / len(window.requests)
