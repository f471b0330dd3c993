"""The parts of a request's response time at a function, by the stamps of its front and of its
instances."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from harness.stored.records import Window
from harness.windows.invocations import Invocations
from harness.windows.matching import MATCHED, matched
from harness.windows.samples import MISSING, Calls, Ints, calls_of


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionTime:
    """Mean times of a window's answered requests; they add up to their mean response time."""

    generator_ms: float  # from due to sent
    way_ms: float  # from the client to the front, and back
    init_ms: float  # of those that an instance was started for: until it was there
    front_ms: float  # of the others: until an instance was free; and from its answer to ours
    runtime_ms: float  # between the front and the handler, both ways
    handler_ms: float  # without the model; in `runtime_ms` where handlers leave no stamps: 0
    model_ms: float
    cold: float  # share of the requests that an instance was started for
    matched: float  # share of the answered requests whose invocation was found

    @property
    def response_ms(self) -> float:
        """Mean response time."""
        return sum(self.parts().values())

    def parts(self) -> dict[str, float]:
        """The times by name, in the order in which they pass."""
        return {name: getattr(self, name) for name in PARTS}


PARTS = tuple(field.name for field in fields(FunctionTime) if field.name.endswith("_ms"))
_STAMPS = ("arrived_ns", "dispatched_ns", "answered_ns", "sent_ns")
_HANDLER = ("handled_ns", "returned_ns")


def of_window(window: Window) -> FunctionTime | None:
    """The mean parts in an open-loop window; None where too few requests have all stamps."""
    requests, invocations = window.requests, _whole(window.invocations)
    # The kernel may stamp an answer's arrival before the front has seen that it is written.
    rows, by = matched(requests, _as_calls(invocations.arrived_ns, invocations.answered_ns))
    answered = int(requests.ok.sum())
    if not len(rows) or len(rows) < MATCHED * answered:
        return None
    seen = _at(invocations, by)
    model_ns = _model_ns(window.calls, seen)
    if model_ns is None:
        return None
    cold = seen.cold == 1
    until_given = seen.dispatched_ns - seen.arrived_ns
    after_ns = seen.sent_ns - seen.answered_ns
    way_ns = seen.arrived_ns - requests.sent_ns[rows] + requests.done_ns[rows] - seen.sent_ns
    handler_ns = np.maximum(seen.returned_ns - seen.handled_ns, 0)
    handled = bool(handler_ns.any())
    took_ns = seen.answered_ns - seen.dispatched_ns
    inside_ms = _mean_ms(handler_ns) if handled else model_ns / 1e6
    return FunctionTime(
        generator_ms=_mean_ms(requests.sent_ns[rows] - requests.due_ns[rows]),
        way_ms=_mean_ms(way_ns),
        init_ms=_mean_ms(np.where(cold, until_given, 0)),
        front_ms=_mean_ms(np.where(cold, 0, until_given) + after_ns),
        runtime_ms=_mean_ms(took_ns) - inside_ms,
        handler_ms=inside_ms - model_ns / 1e6,
        model_ms=model_ns / 1e6,
        cold=float(cold.mean()),
        matched=len(rows) / answered,
    )


def mean(found: Iterable[FunctionTime]) -> FunctionTime | None:
    """Over rounds: each part's mean, so that they still add up; None of nothing."""
    known = list(found)
    if not known:
        return None
    names = [field.name for field in fields(FunctionTime)]
    means = {name: sum(getattr(f, name) for f in known) / len(known) for name in names}
    return FunctionTime(**means)


def _whole(rows: Invocations) -> Invocations:
    """Those that have all stamps."""
    known = np.ones(len(rows), np.bool_)
    stamped = (rows.handled_ns != MISSING).any()
    for name in (*_STAMPS, *_HANDLER) if stamped else _STAMPS:
        known &= getattr(rows, name) != MISSING
    return _at(rows, np.flatnonzero(known))


def _at(rows: Invocations, places: Ints) -> Invocations:
    return Invocations(**{each.name: getattr(rows, each.name)[places] for each in fields(rows)})


def _as_calls(start_ns: Ints, end_ns: Ints) -> Calls:
    """Stretches of time that lie within requests, as the predictor's calls do."""
    ones = np.ones(len(start_ns), np.int64)
    return calls_of(start_ns, end_ns - start_ns, ones, ones)


def _model_ns(calls: Calls, seen: Invocations) -> float | None:
    """The mean time in the model of these invocations; None where too few have a call."""
    # One that began just before the window's end may have its call beyond it.
    began, ended = seen.dispatched_ns.min(), seen.answered_ns.max()
    within = (calls.start_ns >= began) & (calls.start_ns <= ended)
    durations = calls.duration_ns[within]
    if len(durations) < MATCHED * len(seen):
        return None
    return float(durations.mean())


def _mean_ms(values: Ints) -> float:
    return float(np.mean(values)) / 1e6
