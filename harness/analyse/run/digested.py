"""The digests of runs and campaigns as records; `digest` makes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.analyse.field import growth
from harness.analyse.run.breakdown import Batches, Breakdown
from harness.analyse.run.capacity import Found
from harness.analyse.run.changed import Changed
from harness.analyse.run.findings import Finding, Verdict
from harness.analyse.run.function_time import FunctionTime
from harness.analyse.run.held import Held
from harness.analyse.run.invoked import Invoked
from harness.analyse.run.own_latency import OwnWindow
from harness.analyse.run.pod_time import PodBalance
from harness.analyse.run.seen import Seen
from harness.queues.queueing import Queue
from harness.search.candidates import Outcome
from harness.stored.identity import Cell
from harness.stored.records import Campaign, RunFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """Response time (service time in a closed loop) of one window, in ms."""

    profile: str
    is_open: bool
    answers: int  # behind it
    shares: Any  # cumulative shares, ascending, 0 to 1
    quantiles_ms: Any  # the time that each share of requests stayed below; infinite: unanswered
    at_s: Any  # middles of time bins
    median_ms: Any  # per bin; NaN where a bin has no answer
    p95_ms: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Digest:
    """One run, digested."""

    cell: Cell
    facts: RunFacts
    values: dict[str, float | None]  # by metric name
    findings: tuple[Finding, ...]
    curves: tuple[Curve, ...]
    found: Found | None = None  # by the search for its capacity
    replicates: dict[str, Any] = field(default_factory=dict)  # of values, by metric name
    response_ms: Any = None  # of each request of the steady window; NaN where it was not answered
    breakdown: Breakdown | None = None  # of the steady window
    function_time: FunctionTime | None = None  # of the steady window
    batches: tuple[Batches, ...] = ()  # of the steady and the saturated window
    overload_errors: dict[str, int] = field(default_factory=dict)  # at twice the capacity, by kind
    held: dict[str, Held] = field(default_factory=dict)  # by the text of the SLO
    queue: Queue | None = None
    seen: Seen | None = None
    swept: growth.PointCost | None = None  # what it came to as a point of a sweep
    tried: Outcome | None = None  # what it came to as a setting of a tune
    beyond: dict[str, str] = field(default_factory=dict)  # by metric name, see analyse.beyond
    invoked: Invoked | None = None  # of a function
    own: tuple[OwnWindow, ...] = ()  # by its own metrics: the steady and the saturated window
    changed: tuple[Changed, ...] = ()  # what was done to a Deployment under load
    balance: PodBalance | None = None  # of a Deployment of several pods

    @property
    def invalid(self) -> bool:
        """Whether its numbers must not be quoted."""
        return any(finding.verdict is Verdict.INVALID for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Damaged:
    """A cell whose stored run can't be trusted, with the sentence why."""

    cell: Cell
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Digested:
    """A whole campaign, digested."""

    folder: Path
    campaign: Campaign
    digests: tuple[Digest, ...]
    damaged: tuple[Damaged, ...]
    missing: tuple[Cell, ...] = field(default=())  # planned, but not run yet
