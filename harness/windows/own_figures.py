"""A server's own counters while a window runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnFigures:
    """The server's own counts in a window, summed over its requests."""

    requests: float
    queue_s: float | None  # that they waited before the model
    model_s: float | None  # that they were in it
