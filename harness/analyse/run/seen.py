"""Further facts for a variant's own page, as recorded, without a formula."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from harness.analyse.run import strain_outcomes
from harness.stored.records import Run, Window
from harness.windows.profiles import Profile

_LOG_LINES, _LOG_WIDTH = 12, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """One window's requests."""

    profile: Profile
    elapsed_s: float
    requests: int
    errors: dict[str, int]  # by kind
    lag_p99_us: float | None  # of the generator; None in a closed loop, which has no plan
    steal_share: float | None  # of the host's CPU time, taken by the hypervisor meanwhile


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A server as it ran."""

    windows: tuple[Counts, ...]
    probes: int  # of the search for its capacity
    processes: int | None  # the most at once; None: not known
    threads: int | None  # of all of them, the most at once
    predicting: int  # processes that called the predictor
    largest_batch: int  # instances in a call to it; 0: no call was seen
    log_end: str
    addresses: tuple[str, ...] = ()  # that an endpoint was loaded at; a name may have several


def of_run(run: Run) -> Seen:
    """The further facts of a run."""
    calls = [window.calls for window in run.profiles]
    processes = {int(each) for found in calls for each in np.unique(found.process)}
    return Seen(
        windows=tuple(_counts(window) for window in run.profiles),
        probes=len(run.probes),
        processes=_most(run, "processes"),
        threads=_most(run, "threads"),
        predicting=len(processes),
        largest_batch=max(
            (int(found.batch.max()) for found in calls if len(found.batch)), default=0
        ),
        log_end=_end(run.log),
        addresses=() if run.facts.server.way.starts else _addresses(run),
    )


def _addresses(run: Run) -> tuple[str, ...]:
    facts = [window.facts for window in run.windows]
    return tuple(dict.fromkeys(address for each in facts for address in each.addresses))


def _counts(window: Window) -> Counts:
    facts, lag_us = window.facts, window.requests.lag_ns() / 1e3
    return Counts(
        profile=facts.profile,
        elapsed_s=facts.elapsed_s,
        requests=len(window.requests),
        errors=strain_outcomes.kinds(window.requests),
        lag_p99_us=float(np.percentile(lag_us, 99)) if len(lag_us) else None,
        steal_share=facts.steal_share,
    )


def _most(run: Run, column: str) -> int | None:
    most = max((int(getattr(w.usage, column).max(initial=0)) for w in run.profiles), default=0)
    return most or None


def _end(log: str) -> str:
    """The last lines of a log, long ones cut."""
    lines = [line for line in log.splitlines() if line.strip()][-_LOG_LINES:]
    cut = (line if len(line) <= _LOG_WIDTH else line[: _LOG_WIDTH - 1] + "…" for line in lines)
    return "\n".join(cut)
