"""How a server comes to be here, what it keeps, how it bears too much, and how it goes."""

from __future__ import annotations

from harness.analyse.run import strain_outcomes
from harness.analyse.run.context import RunContext
from harness.analyse.run.metrics import metric
from harness.stored.lifecycle import Lifecycle
from harness.stored.records import Run

_MIB = 1 << 20


@metric(title="install", unit="s", better="lower", digits=1, effect=None)
def install_time(context: RunContext) -> float | None:
    """Time to install its environment, without downloading cached packages again; of a container,
    to build its image."""
    installed = _life(context.run).installed
    if context.facts.image is not None:
        return context.facts.image.build_s
    return installed.seconds if installed is not None else None


@metric(title="installed", unit="MiB", better="lower", digits=0, effect=0.05)
def install_size(context: RunContext) -> float | None:
    """Its environment on disk, without the interpreter's own library; of a container, its image
    with all layers."""
    installed = _life(context.run).installed
    if context.facts.image is not None:
        return context.facts.image.size_bytes / _MIB
    return installed.size_bytes / _MIB if installed is not None else None


@metric(title="memory idle", unit="MiB", better="lower", digits=0, effect=0.05)
def memory_idle(context: RunContext) -> float | None:
    """Proportional set size (PSS) of its processes after the first right answer, before load."""
    return _mib(_life(context.run).memory_idle_bytes)


@metric(title="memory after", unit="MiB", better="lower", digits=0, effect=0.05)
def memory_after(context: RunContext) -> float | None:
    """Proportional set size (PSS) of its processes half a second after the last window and the
    search."""
    return _mib(_life(context.run).memory_after_bytes)


@metric(title="idle CPU", unit="% of a CPU", better="lower", digits=1, effect=None)
def idle_cpu(context: RunContext) -> float | None:
    """CPU time of its processes in the half second after the last window and the search, in which
    nothing is asked of it."""
    share = _life(context.run).idle_cpu_share
    return None if share is None else 100 * share


@metric(title="in time at 2x", unit="%", better="higher", digits=1)
def overload_in_time(context: RunContext) -> float | None:
    """Share of the requests at twice the capacity that were answered within the SLO's limit."""
    found = strain_outcomes.borne(context.run)
    return None if found is None else 100 * found.in_time / found.requests


@metric(title="errors at 2x", unit="%", better="lower", digits=1, effect=0.05)
def overload_errors(context: RunContext) -> float | None:
    """Share of the requests at twice the capacity that failed."""
    found = strain_outcomes.borne(context.run)
    return None if found is None else 100 * sum(found.errors.values()) / found.requests


@metric(title="refused at 2x", unit="%", better="lower", digits=1, effect=None)
def overload_refused(context: RunContext) -> float | None:
    """Share of the requests at twice the capacity that were refused, with HTTP 503 or 429; they are
    among those that failed."""
    found = strain_outcomes.borne(context.run)
    return None if found is None else 100 * found.refused / found.requests


@metric(title="p99 at 2x", unit="ms", better="lower", digits=0, effect=0.25)
def overload_p99(context: RunContext) -> float | None:
    """99th percentile of the response time of the requests at twice the capacity that were answered
    rightly; without a limit of what it accepts it grows with the load's length."""
    found = strain_outcomes.borne(context.run)
    return None if found is None else found.p99_ms


@metric(title="recovery", unit="s", better="lower", effect=0.25)
def recovery(context: RunContext) -> float | None:
    """From the end of the load at twice the capacity until a single request, sent at that time, was
    answered within the SLO's limit."""
    overload = _life(context.run).overload
    return None if overload is None else overload.recovery_s


@metric(title="lost at stop", unit="requests", better="lower", digits=1, effect=None)
def lost_at_stop(context: RunContext) -> float | None:
    """Requests in flight at the stop signal that never got a right answer; requests refused
    afterwards are not lost, and there is no value if none was in flight."""
    found = strain_outcomes.ended(context.run)
    return None if found is None or not found.in_flight else float(found.lost)


@metric(title="gap at restart", unit="s", better="lower", effect=0.25)
def restart_gap(context: RunContext) -> float | None:
    """The longest time without a right answer during a restart under load, from the stop signal
    on."""
    return strain_outcomes.gap_s(context.run)


def _life(run: Run) -> Lifecycle:
    return run.facts.lifecycle or Lifecycle()


def _mib(size_bytes: int | None) -> float | None:
    return None if size_bytes is None else size_bytes / _MIB
