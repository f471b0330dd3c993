"""Doubts about where the time went, from what the server itself counted."""

from __future__ import annotations

from harness.analyse.run import breakdown, metrics, own_latency
from harness.analyse.run.context import RunContext
from harness.analyse.run.findings import Said, Verdict, run_rule
from harness.analyse.run.own_latency import OwnEstimate, OwnWindow
from harness.stored.records import Window
from harness.windows.own_figures import OwnFigures

# Its counters include what its own code does around the model (some 0.5 ms in Triton's Python
# backend): so far the two may lie apart.
APART_SHARE = 0.15  # of the mean response time
APART_MS = 1.0


@run_rule
def own_metrics(context: RunContext) -> Said:
    """Its metrics must be there, and count what was answered."""
    found = _seen(context)
    if found is None:
        return
    if found.scrapes is not None and found.scrapes.failed:
        asked = found.scrapes.answered + found.scrapes.failed
        yield (
            Verdict.WARNING,
            f"{found.scrapes.failed} of {asked} requests for its metrics in the steady window had "
            "no answer",
        )
    if found.problem:
        yield Verdict.WARNING, f"no figures of its own: {found.problem}"
    if found.figures is None or found.agrees:
        return
    counted = (
        f"the server counted {found.figures.requests:.0f} requests in the steady window, "
        f"{found.answered} were answered"
    )
    if found.figures.lag_s:
        yield Verdict.NOTE, f"{counted}: its metrics are up to {found.figures.lag_s:g} s behind"
    else:
        yield Verdict.WARNING, f"{counted}: its own figures include other requests"


@run_rule
def own_latency_hides(context: RunContext) -> Said:
    """How much of what clients wait its own p99 shows, and whether it can be true."""
    found = _seen(context)
    latency = found.figures.latency if found is not None and found.figures is not None else None
    if found is None or latency is None or latency.spans != own_latency.REQUEST:
        return
    server, client = found.server.p99, found.client.p99
    if server is not None and client is not None and not server.holds(client.ms):
        yield (
            Verdict.NOTE,
            f"by its own metrics p99 is {server.ms:.1f} ms ({_ends(server)}), its client's is "
            f"{client.ms:.1f} ms",
        )
    of_server, of_client = found.server.mean_ms, found.client.mean_ms
    if of_server is not None and of_client is not None and found.agrees:
        room_ms = max(APART_MS, APART_SHARE * of_client)
        if of_server > of_client + room_ms:
            yield (
                Verdict.WARNING,
                f"by its own metrics a request takes {of_server:.2f} ms on average, more than the "
                f"{of_client:.2f} ms that its client waited",
            )


@run_rule
def own_figures(context: RunContext) -> Said:
    window = metrics.steady(context.run)
    own = window.facts.own if window is not None else None
    if window is None or own is None or own.queue_s is None or own.model_s is None:
        return
    if own.requests == int(window.requests.ok.sum()):
        yield from _parts(window, own, own.queue_s, own.model_s)


def _parts(window: Window, own: OwnFigures, queue_s: float, model_s: float) -> Said:
    found = breakdown.of_window(window, 0.0)
    if found is None:
        return
    queue_ms, model_ms = (1e3 * total / own.requests for total in (queue_s, model_s))
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


def _seen(context: RunContext) -> OwnWindow | None:
    window = metrics.steady(context.run)
    return None if window is None else own_latency.of_window(window)


def _ends(found: OwnEstimate) -> str:
    if found.high_ms == float("inf"):
        return f"its last bucket begins at {found.low_ms:g} ms"
    return f"a bucket from {found.low_ms:g} to {found.high_ms:g} ms"
