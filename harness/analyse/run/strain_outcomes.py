"""The fate of a strained server's requests: pure functions of its windows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from harness.analyse.run import refusals
from harness.setup import slo
from harness.stored.lifecycle import OVERLOAD, SHUTDOWN
from harness.stored.records import Run
from harness.windows.samples import ERRORS, MISSING, Requests

_CONNECT = ERRORS.index("connect")


@dataclass(frozen=True, slots=True, kw_only=True)
class Borne:
    """How the requests at twice the capacity fared."""

    requests: int
    in_time: int  # answered within the SLO's limit
    errors: dict[str, int]  # by kind
    refused: int  # of them, because it had enough to do already
    p99_ms: float | None  # response time of those that were answered rightly


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How requests fared round the stop signal."""

    in_flight: int  # sent before it, and not answered by then
    lost: int  # of them, never rightly answered
    refused: int  # afterwards: no connection could be opened
    dropped: int  # afterwards: a connection was open, and no right answer came


def borne(run: Run) -> Borne | None:
    """The outcome of a run's overload; None if there was none."""
    window, known = run.strain(OVERLOAD), run.facts.lifecycle
    if window is None or known is None or known.overload is None or not len(window.requests):
        return None
    requests = window.requests
    limit_ns = slo.parse(known.overload.slo).limit_ns
    in_time = requests.ok & (requests.done_ns - requests.due_ns <= limit_ns)
    response = requests.response_ns()
    return Borne(
        requests=len(requests),
        in_time=int(in_time.sum()),
        errors=kinds(requests),
        refused=int(refusals.refused(requests).sum()),
        p99_ms=float(np.percentile(response, 99)) / 1e6 if len(response) else None,
    )


def ended(run: Run) -> Ended | None:
    """The outcome of a run's stop under load; None if there was none."""
    window, known = run.strain(SHUTDOWN), run.facts.lifecycle
    if window is None or known is None or known.shutdown is None:
        return None
    requests, stop_ns = window.requests, known.shutdown.stop_ns
    # One whose connection could not be opened was never sent.
    connected = (requests.error != _CONNECT) | (requests.resent == 1)
    reached = (requests.sent_ns != MISSING) & connected
    before = reached & (requests.sent_ns < stop_ns) & _open_at(requests, stop_ns)
    after = ~requests.ok & (requests.sent_ns >= stop_ns)
    return Ended(
        in_flight=int(before.sum()),
        lost=int((before & ~requests.ok).sum()),
        refused=int((after & (requests.error == _CONNECT)).sum()),
        dropped=int((after & (requests.error != _CONNECT)).sum()),
    )


def gap_s(run: Run) -> float | None:
    """The longest time without a right answer after the stop signal; None where the server was not
    started again, or none came from then on."""
    window, known = run.strain(SHUTDOWN), run.facts.lifecycle
    if window is None or known is None or known.shutdown is None or known.restart is None:
        return None
    requests, stop_ns = window.requests, known.shutdown.stop_ns
    done = np.sort(requests.done_ns[requests.ok & (requests.done_ns >= stop_ns)])
    if known.restart.failure or not (done > known.restart.launched_ns).any():
        return None
    return float(np.diff(np.concatenate(([stop_ns], done))).max()) / 1e9


def kinds(requests: Requests) -> dict[str, int]:
    """How many requests failed, by kind."""
    codes, counts = np.unique(requests.error[~requests.ok], return_counts=True)
    return {ERRORS[code]: int(count) for code, count in zip(codes, counts, strict=True)}


def _open_at(requests: Requests, moment_ns: int) -> NDArray[np.bool_]:
    still: NDArray[np.bool_] = (requests.done_ns == MISSING) | (requests.done_ns >= moment_ns)
    return still
