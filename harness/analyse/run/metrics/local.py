"""Answers that a client's own model gives, and how often answers are right at all."""

from __future__ import annotations

from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import metric, steady
from harness.windows.samples import MISSING


@metric(title="answered locally", unit="%", better="higher", digits=1, effect=None)
def local_share(context: RunContext) -> float | None:
    """Share of the answers at the steady rate that the client's own model gave, without asking a
    server."""
    window = steady(context.run)
    if window is None:
        return None
    local = window.marks.each("local", len(window.requests))
    known = window.requests.ok & (local != MISSING)
    return 100 * float(local[known].mean()) if known.any() else None


@metric(title="accuracy", unit="%", better="higher", digits=1, effect=None)
def accuracy(context: RunContext) -> float | None:
    """Share of the payloads that no model was trained on which were answered with their label; of
    variants whose answers may be those of a smaller model."""
    found = context.facts.accuracy
    return None if found is None or not found.asked else 100 * found.right / found.asked
