"""Answers that were predicted before they were asked for: how often, how fast, and how old."""

from __future__ import annotations

import numpy as np

from harness.analyse.run import replaced
from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import metric
from harness.stored.lifecycle import BatchJob
from harness.stored.records import Run, Window
from harness.windows import misses
from harness.windows.misses import Rows

_MIB = 1 << 20


@metric(title="hits", unit="%", better="higher", digits=1, effect=0.05)
def hit_rate(context: RunContext) -> float | None:
    """Share of the requests that were answered with what had been stored, in the window whose
    requests repeat (else in the first open-loop one); misses are answers that were computed, or
    refused."""
    window = _window(context.run)
    if window is None:
        return None
    hits, missed = _hits(window), _missed(window)
    return 100 * float(hits.sum() / max((hits | missed).sum(), 1))


@metric(title="hit p50", unit="ms", better="lower", effect=0.05)
def hit_p50(context: RunContext) -> float | None:
    """Median response time of the answers that had been stored, in the same window."""
    return _response(context.run, 50, stored=True)


@metric(title="hit p99", unit="ms", better="lower")
def hit_p99(context: RunContext) -> float | None:
    """99th percentile of the response time of the answers that had been stored, in the same
    window."""
    return _response(context.run, 99, stored=True)


@metric(title="miss p50", unit="ms", better="lower", effect=0.05)
def miss_p50(context: RunContext) -> float | None:
    """Median response time of the answers that were computed on request, in the same window."""
    return _response(context.run, 50, stored=False)


@metric(title="miss p99", unit="ms", better="lower")
def miss_p99(context: RunContext) -> float | None:
    """99th percentile of the response time of the answers that were computed on request, in the
    same window."""
    return _response(context.run, 99, stored=False)


@metric(title="batch job", unit="s", better="lower", effect=0.10)
def batch_time(context: RunContext) -> float | None:
    """Time from the start to the end of the job that predicts all known inputs before the server
    is ready."""
    job = _first_job(context.run)
    return None if job is None else job.seconds


@metric(title="batch CPU", unit="s", better="lower", effect=0.05)
def batch_cpu(context: RunContext) -> float | None:
    """CPU time of that job, with loading the model."""
    job = _first_job(context.run)
    return None if job is None else job.cpu_s


@metric(title="store", unit="MiB", better="lower", digits=3, effect=0.05)
def store_size(context: RunContext) -> float | None:
    """Size of the answers that the job stored: a file, or memory of a database."""
    job = _first_job(context.run)
    return None if job is None else job.store_bytes / _MIB


@metric(title="stored", unit="answers", better="higher", digits=0, effect=None)
def stored_answers(context: RunContext) -> float | None:
    """Known inputs whose answers that job stored."""
    job = _first_job(context.run)
    return None if job is None else float(job.inputs)


@metric(title="staleness", unit="s", better="lower", effect=0.25)
def staleness(context: RunContext) -> float | None:
    """From the moment when a server under load was told of a new version of its model until the
    last answer of the old one came."""
    found = replaced.of_run(context.run)
    return None if found is None else found.last_old_s


def _window(run: Run) -> Window | None:
    """The one whose requests repeat, where answers tell whether they were stored."""
    told = [w for w in run.profiles if w.facts.profile.is_open and (_hits(w) | _missed(w)).any()]
    repeating = (window for window in told if window.facts.profile.popularity is not None)
    return next(repeating, next(iter(told), None))


def _hits(window: Window) -> Rows:
    return misses.hits(window.requests, window.marks)


def _missed(window: Window) -> Rows:
    """Computed, or refused."""
    told: Rows = window.marks.each("stored", len(window.requests)) == 0
    return told


def _response(run: Run, percent: float, *, stored: bool) -> float | None:
    window = _window(run)
    if window is None:
        return None
    requests = window.requests
    rows = _hits(window) if stored else misses.computed(requests, window.marks)
    if not rows.any():
        return None
    return float(np.percentile(requests.done_ns[rows] - requests.due_ns[rows], percent)) / 1e6


def _first_job(run: Run) -> BatchJob | None:
    jobs = run.facts.lifecycle.jobs if run.facts.lifecycle is not None else ()
    return jobs[0] if jobs and not jobs[0].failure else None
