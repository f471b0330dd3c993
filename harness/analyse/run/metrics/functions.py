"""What starting instances as requests come costs: cold starts, a burst, and the bill."""

from __future__ import annotations

from typing import Any

import numpy as np

from harness.analyse.run import cold_starts, invoked_rows
from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import metric, steady
from harness.analyse.statistics import stats
from harness.stored.records import Run, Window
from harness.stored.starts import FILES, IDLE, IMAGE, PROCESS, Temperature
from harness.windows.kinds import WindowKind

_MIB = 1 << 20


@metric(title="cold, image", unit="s", better="lower", digits=3)
def cold_image(context: RunContext) -> float | None:
    """Median time from a request to its answer where the image of its instance was absent."""
    return _whole(context, IMAGE)


@metric(title="cold, files", unit="s", better="lower", digits=3)
def cold_files(context: RunContext) -> float | None:
    """Median time from a request to its answer where the files of its new instance had been
    dropped from the page cache."""
    return _whole(context, FILES)


@metric(title="cold", unit="s", better="lower", digits=3)
def cold_process(context: RunContext) -> float | None:
    """Median time from a request to its answer where its instance was a new process whose files
    were in the page cache."""
    return _whole(context, PROCESS)


@metric(title="warm", unit="s", better="lower", digits=4)
def warm_idle(context: RunContext) -> float | None:
    """Median time from a lone request to its answer where an idle instance waited for it."""
    return _whole(context, IDLE)


@metric(title="cold: create", unit="s", better="lower", digits=3, effect=None)
def cold_create(context: RunContext) -> float | None:
    """Of the new processes: median time from the request until the instance's program was begun."""
    return _part(context, "create_s")


@metric(title="cold: runtime", unit="s", better="lower", digits=3, effect=None)
def cold_runtime(context: RunContext) -> float | None:
    """Of the new processes: median time from then until the runtime turned to the handler's
    module."""
    return _part(context, "runtime_s")


@metric(title="cold: import", unit="s", better="lower", digits=3, effect=None)
def cold_import(context: RunContext) -> float | None:
    """Of the new processes: median time of the handler's imports."""
    return _part(context, "import_s")


@metric(title="cold: load", unit="s", better="lower", digits=3, effect=None)
def cold_load(context: RunContext) -> float | None:
    """Of the new processes: median time in which the model was loaded."""
    return _part(context, "load_s")


@metric(title="cold: answer", unit="s", better="lower", digits=3, effect=None)
def cold_answer(context: RunContext) -> float | None:
    """Of the new processes: median time from the loaded model to the answer at the client."""
    return _part(context, "answer_s")


@metric(title="burst cold", unit="%", better="lower", digits=1, effect=None)
def burst_cold(context: RunContext) -> float | None:
    """Share of the burst's requests that an instance was started for."""
    window = _burst(context.run)
    return None if window is None else 100 * float((window.invocations.cold == 1).mean())


@metric(title="burst throttled", unit="%", better="lower", digits=1, effect=None)
def burst_throttled(context: RunContext) -> float | None:
    """Share of the burst's requests that were refused with HTTP 429, since as many instances as
    may be were busy or starting."""
    window = _burst(context.run)
    return None if window is None else 100 * float(invoked_rows.throttled(window).mean())


@metric(title="burst p50", unit="ms", better="lower", digits=1, effect=0.25)
def burst_p50(context: RunContext) -> float | None:
    """Median response time of the burst's answered requests."""
    return _response(context.run, 0.50)


@metric(title="burst p95", unit="ms", better="lower", digits=1, effect=0.25)
def burst_p95(context: RunContext) -> float | None:
    """95th percentile of the response time of the burst's answered requests."""
    return _response(context.run, 0.95)


@metric(title="burst p99", unit="ms", better="lower", digits=1, effect=0.25)
def burst_p99(context: RunContext) -> float | None:
    """99th percentile of the response time of the burst's answered requests."""
    return _response(context.run, 0.99)


@metric(title="burst instances", unit="at once", better="lower", digits=0, effect=None)
def burst_instances(context: RunContext) -> float | None:
    """Instances that the burst's requests were given to; none is ended in so short a time."""
    window = _burst(context.run)
    if window is None:
        return None
    given = window.invocations.instance[window.invocations.instance > 0]
    return float(len(np.unique(given)))


@metric(title="cold share", unit="%", better="lower", digits=1, effect=None)
def cold_share(context: RunContext) -> float | None:
    """Share of the requests at the steady rate that an instance was started for."""
    window = _invoked(steady(context.run))
    return None if window is None else 100 * float((window.invocations.cold == 1).mean())


@metric(title="billed per 1000", unit="GB-s", better="lower", digits=3, effect=0.05)
def billed_per_1000(context: RunContext) -> float | None:
    """Memory size of an instance, in GB of 1024 MB, times the billed duration of 1000 requests
    answered at the steady rate, as Lambda rounds it."""
    window, told = _invoked(steady(context.run)), context.facts.server.function
    if window is None or told is None:
        return None
    each_ms = invoked_rows.billed_ms(window)
    return None if not len(each_ms) else told.memory_mib / 1024 * float(each_ms.mean())


@metric(title="instance peak", unit="MiB", better="lower", digits=0, effect=0.05)
def instance_peak(context: RunContext) -> float | None:
    """The most memory that an instance was seen to hold in any window."""
    known = [w.invocations.peak_bytes for w in context.run.windows]
    held: Any = np.concatenate([np.empty(0, np.int64), *known])
    held = held[held > 0]
    return float(held.max()) / _MIB if len(held) else None


def _whole(context: RunContext, temperature: Temperature) -> float | None:
    return cold_starts.median_s(cold_starts.samples(context.facts, temperature))


def _part(context: RunContext, part: str) -> float | None:
    return cold_starts.median_s(cold_starts.samples(context.facts, PROCESS), part)


def _burst(run: Run) -> Window | None:
    return _invoked(next(iter(run.of(WindowKind.BURST)), None))


def _invoked(window: Window | None) -> Window | None:
    return window if window is not None and len(window.invocations) else None


def _response(run: Run, share: float) -> float | None:
    window = _burst(run)
    if window is None:
        return None
    return stats.percentile(window.requests.response_ns() / 1e6, share)
