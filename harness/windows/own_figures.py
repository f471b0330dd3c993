"""What a server's own metrics say of a window."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnLatency:
    """How long requests took, by the server's own histogram, summary or sum."""

    spans: str  # what was timed: "request" or "model"
    count: float  # observations
    sum_s: float | None
    bounds_s: tuple[float, ...] = ()  # the upper bounds of a histogram's buckets, but for infinity
    counts: tuple[float, ...] = ()  # observations in each of them, and at last those beyond


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFigures:
    """The server's own counts in a window, summed over its requests."""

    requests: float
    queue_s: float | None = None  # that they waited before the model
    model_s: float | None = None  # that they were in it
    latency: OwnLatency | None = None
    lag_s: float = 0.0  # by which its metrics may be behind, as its server.toml says


@dataclass(frozen=True, slots=True, kw_only=True)
class Scrapes:
    """How its metrics were asked for while the window ran, as a monitoring system does."""

    every_s: float
    answered: int
    failed: int
    longest_s: float  # that an answer took
    bytes: int  # of the last answer
