"""The parts of a request's response time: its own stamps, combined with those of the call that
served it.

A call of the predictor serves as many requests as it has instances. It lies within each of them:
it begins after the request was sent, and ends before the answer is there. Which call served which
request is not written down, but the mean of a sum does not depend on it: wherever every answered
request has a call, the means below are exact, however the two are paired.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from harness.stored.records import Window
from harness.windows.matching import MATCHED, matched

IDLE_SHARE = 0.10  # what the fastest tenth needed before the model is what an idle server needs


@dataclass(frozen=True, slots=True, kw_only=True)
class Breakdown:
    """Mean times of a window's requests; they add up to their mean response time."""

    generator_ms: float  # from due to sent, where the generator was late
    transport_ms: float  # what the null server takes, half of it on either side
    before_ms: float  # in the framework before the model, on an idle server
    waiting_ms: float  # beyond that: for a connection, in a queue, for a batch to fill
    model_ms: float
    after_ms: float  # in the framework after the model
    matched: float  # share of the answered requests that a call was found for

    @property
    def response_ms(self) -> float:
        """Mean response time."""
        return sum(self.parts().values())

    def parts(self) -> dict[str, float]:
        """The times by name, in the order in which they pass."""
        return {name: getattr(self, name) for name in PARTS}


PARTS = tuple(field.name for field in fields(Breakdown) if field.name.endswith("_ms"))


@dataclass(frozen=True, slots=True)
class Batches:
    """How many instances the predictor's calls of a window had."""

    profile: str
    calls: tuple[tuple[int, int], ...]  # (instances, calls with so many), ascending

    @property
    def mean(self) -> float:
        """Instances in a call."""
        return sum(size * count for size, count in self.calls) / sum(n for _, n in self.calls)


def of_window(window: Window, transport_ns: float) -> Breakdown | None:
    """The mean parts of the response time in an open-loop window; None if too few requests have a
    call.

    `transport_ns` is what the null server takes for a request; 0 where nothing is transported.
    """
    requests, calls = window.requests, window.calls
    rows, served_by = matched(requests, calls)
    answered = int(requests.ok.sum())
    if not len(rows) or len(rows) < MATCHED * answered:
        return None
    sent, queued = requests.sent_ns[rows], requests.queued[rows] == 1
    late = sent - requests.due_ns[rows]
    start, model = calls.start_ns[served_by], calls.duration_ns[served_by]
    before, after = start - sent, float((requests.done_ns[rows] - start - model).mean())
    idle = min(float(np.quantile(before, IDLE_SHARE)), float(before.mean()))
    way_in, way_out = min(transport_ns / 2, idle), min(transport_ns / 2, after)
    waited = float(np.where(queued, late, 0).mean()) + float(before.mean()) - idle
    return Breakdown(
        generator_ms=float(np.where(queued, 0, late).mean()) / 1e6,
        transport_ms=(way_in + way_out) / 1e6,
        before_ms=(idle - way_in) / 1e6,
        waiting_ms=waited / 1e6,
        model_ms=float(model.mean()) / 1e6,
        after_ms=(after - way_out) / 1e6,
        matched=len(rows) / answered,
    )


def transport_ns(null: Window | None) -> float:
    """The median service time of the null server in its own window."""
    service = null.requests.service_ns() if null is not None else np.empty(0)
    return float(np.median(service)) if len(service) else 0.0


def batches(window: Window) -> Batches | None:
    """The batches that were formed in a window; None where no call was seen."""
    if not len(window.calls.batch):
        return None
    sizes, counts = np.unique(window.calls.batch, return_counts=True)
    pairs = zip(sizes.tolist(), counts.tolist(), strict=True)
    return Batches(window.facts.profile.name, tuple(pairs))


def mean(found: Iterable[Breakdown]) -> Breakdown | None:
    """Over rounds: each part's mean, so that they still add up; None of nothing."""
    known = list(found)
    if not known:
        return None
    names = [field.name for field in fields(Breakdown)]
    return Breakdown(**{name: sum(getattr(f, name) for f in known) / len(known) for name in names})


def pooled(found: Iterable[Batches]) -> Batches | None:
    """Over rounds: all calls together; None of nothing."""
    known = list(found)
    if not known:
        return None
    counts: dict[int, int] = {}
    for batch in known:
        for size, calls in batch.calls:
            counts[size] = counts.get(size, 0) + calls
    return Batches(known[0].profile, tuple(sorted(counts.items())))
