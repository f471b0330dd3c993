"""Doubts about where the time went, from what the server itself counted."""

from __future__ import annotations

from harness.analyse.run import breakdown, metrics
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule

# Its counters include what its own code does around the model (some 0.5 ms in Triton's Python
# backend): so far the two may lie apart.
APART_SHARE = 0.15  # of the mean response time
APART_MS = 1.0


@run_rule
def own_figures(context: RunContext) -> Said:
    window = metrics.steady(context.run)
    own = window.facts.own if window is not None else None
    if window is None or own is None or own.queue_s is None or own.model_s is None:
        return
    found = breakdown.of_window(window, 0.0)
    if found is None:
        return
    answered = int(window.requests.ok.sum())
    if own.requests != answered:
        yield (
            Verdict.WARNING,
            f"the server counted {own.requests:.0f} requests in the steady window, {answered} "
            "were answered: its own figures include other requests",
        )
        return
    queue_ms, model_ms = (1e3 * total / answered for total in (own.queue_s, own.model_s))
    room_ms = max(APART_MS, APART_SHARE * found.response_ms)
    # A delay that no request escapes is in `before`, and the server counts it as waiting.
    waits = found.waiting_ms - room_ms <= queue_ms <= found.waiting_ms + found.before_ms + room_ms
    agrees = waits and abs(model_ms - found.model_ms) <= room_ms
    yield (
        Verdict.NOTE if agrees else Verdict.WARNING,
        f"the server itself counted {queue_ms:.2f} ms of waiting and {model_ms:.2f} ms in the "
        f"model for a request; seen from outside: {found.waiting_ms:.2f} ms (and "
        f"{found.before_ms:.2f} ms before) and {found.model_ms:.2f} ms",
    )
