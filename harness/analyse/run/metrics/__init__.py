"""Metrics: a run -> number or None, each with unit, direction and definition in one place.

"Steady" means the first open-loop window of a run, "saturated" the first closed-loop one; users
who think saturate nothing.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from harness.analyse.run import beyond, used
from harness.analyse.run import capacity as searching
from harness.analyse.run.context import RunContext
from harness.analyse.statistics import stats
from harness.stored.records import Run, Window
from harness.windows.samples import MISSING

Formula = Callable[[RunContext], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """A number that a run has."""

    name: str
    title: str
    unit: str
    better: Literal["lower", "higher"]
    definition: str
    formula: Formula
    digits: int
    effect: float | None = 0.10  # a change that is worth telling; None: `compare` does not judge it

    @property
    def heading(self) -> tuple[str, str]:
        """(name, unit) at the head of a column, where CPU per 1000 in s is CPU s per 1000."""
        name, per, count = self.title.partition(" per ")
        return name, f"{self.unit}{per}{count}"


METRICS: dict[str, Metric] = {}
SHARES = {"latency_p50": 0.50, "latency_p95": 0.95, "latency_p99": 0.99}


def metric(
    *,
    title: str,
    unit: str,
    better: Literal["lower", "higher"],
    digits: int = 2,
    effect: float | None = 0.10,
) -> Callable[[Formula], Formula]:
    """Register a metric under the function's name; its docstring is the definition."""

    def register(formula: Formula) -> Formula:
        name = getattr(formula, "__name__", "")
        definition = " ".join((formula.__doc__ or "").split())
        METRICS[name] = Metric(
            name=name,
            title=title,
            unit=unit,
            better=better,
            definition=definition,
            formula=formula,
            digits=digits,
            effect=effect,
        )
        return formula

    return register


def steady(run: Run) -> Window | None:
    """The first open-loop window."""
    return next((w for w in run.profiles if w.facts.profile.is_open), None)


def saturated(run: Run) -> Window | None:
    """The first closed-loop window."""
    return next((w for w in run.profiles if w.facts.profile.saturates), None)


@metric(title="p50", unit="ms", better="lower", effect=0.05)
def latency_p50(context: RunContext) -> float | None:
    """Median response time at the steady rate, from the planned send time to the last byte; a
    failed request counts as slower than every answered one."""
    return _response(context.run, 0.50)


@metric(title="p95", unit="ms", better="lower")
def latency_p95(context: RunContext) -> float | None:
    """95th percentile of the response time at the steady rate, from the planned send time; a
    failed request counts as slower than every answered one."""
    return _response(context.run, 0.95)


@metric(title="p99", unit="ms", better="lower")
def latency_p99(context: RunContext) -> float | None:
    """99th percentile of the response time at the steady rate, from the planned send time; a
    failed request counts as slower than every answered one."""
    return _response(context.run, 0.99)


@metric(title="capacity", unit="1/s", better="higher", digits=1, effect=0.05)
def capacity(context: RunContext) -> float | None:
    """The highest rate that meets the SLO, in requests per second arriving at random; the highest
    tried rate if that meets it too, and 0 if no tried rate does."""
    found = searching.of_run(context.run)
    return None if found is None else searching.number(found.estimate)


@metric(title="throughput", unit="1/s", better="higher", digits=1, effect=0.05)
def throughput(context: RunContext) -> float | None:
    """Predictions answered per second in the saturated window (closed loop)."""
    window = saturated(context.run)
    if window is None or not window.requests.ok.any():
        return None
    return window.requests.throughput(window.facts.elapsed_s)


@metric(title="ready", unit="s", better="lower")
def ready(context: RunContext) -> float | None:
    """From the start of the process to the first probe that says it is ready."""
    return context.facts.startup.ready_s if context.facts.startup else None


@metric(title="first answer", unit="s", better="lower")
def first_answer(context: RunContext) -> float | None:
    """From the start of the process to the first right answer."""
    return context.facts.startup.first_answer_s if context.facts.startup else None


@metric(title="steady after", unit="s", better="lower", effect=0.25)
def steady_after(context: RunContext) -> float | None:
    """From the start of the process to steady state: the time to the first answer, plus the seconds
    of load before three slices of it agreed; the verification between the two is left out."""
    startup, warm_up = context.facts.startup, context.facts.warm_up
    if startup is None or warm_up is None or warm_up.steady_s is None:
        return None
    return startup.first_answer_s + warm_up.steady_s


@metric(title="memory", unit="MiB", better="lower", digits=0, effect=0.05)
def memory(context: RunContext) -> float | None:
    """Proportional set size (PSS) of its processes, the most seen at the ends of windows."""
    seen = [w.usage.pss_bytes[w.usage.pss_bytes != MISSING] for w in context.run.profiles]
    values = np.concatenate(seen) if seen else np.empty(0)
    return float(values.max()) / (1 << 20) if len(values) else None


@metric(title="container peak", unit="MiB", better="lower", digits=0, effect=0.05)
def container_peak(context: RunContext) -> float | None:
    """The most memory that the container held, file cache, shared memory and /tmp included."""
    container = context.facts.container
    if container is None or container.memory_peak_bytes is None:
        return None
    return container.memory_peak_bytes / (1 << 20)


@metric(title="GPU", unit="%", better="higher", digits=0, effect=None)
def gpu_busy(context: RunContext) -> float | None:
    """Mean share of time in which the GPU computed in the saturated window."""
    return _seen(saturated(context.run), "gpu_percent", 1)


@metric(title="GPU memory", unit="MiB", better="lower", digits=0, effect=0.05)
def gpu_memory(context: RunContext) -> float | None:
    """Mean memory of the GPU in use in the saturated window."""
    return _seen(saturated(context.run), "gpu_bytes", 1 << 20)


@metric(title="GPU power", unit="W", better="lower", digits=0, effect=None)
def gpu_power(context: RunContext) -> float | None:
    """Mean power that the GPU drew in the saturated window."""
    return _seen(saturated(context.run), "gpu_milliwatts", 1000)


def _seen(window: Window | None, column: str, unit: float) -> float | None:
    values = getattr(window.usage, column) if window is not None else np.empty(0)
    seen = values[values != MISSING]
    return float(seen.mean()) / unit if len(seen) else None


@metric(title="CPU per 1000", unit="s", better="lower", effect=0.05)
def cpu_per_1000(context: RunContext) -> float | None:
    """CPU seconds of its processes per 1000 predictions answered at the steady rate."""
    window = steady(context.run)
    if window is None or not window.requests.ok.any():
        return None
    used_s = used.cpu_s(context.facts, window)
    return None if used_s is None else 1000 * used_s / float(window.requests.ok.sum())


@metric(title="GPU per 1000", unit="s", better="lower", effect=0.05)
def gpu_per_1000(context: RunContext) -> float | None:
    """Seconds in which the GPU computed per 1000 predictions answered at the steady rate: its mean
    busy share times the window's length."""
    busy_s = _each(steady(context.run), _seen(steady(context.run), "gpu_percent", 100))
    return None if busy_s is None else 1000 * busy_s


@metric(title="CPU energy", unit="J", better="lower", digits=3)
def cpu_energy(context: RunContext) -> float | None:
    """Joules that the machine's CPU packages used per prediction answered at the steady rate, by
    their RAPL counters; the generator and the idle machine are included."""
    window = steady(context.run)
    if window is None or window.facts.cpu_energy_j is None or not window.facts.cpu_energy_s:
        return None
    return _each(window, window.facts.cpu_energy_j / window.facts.cpu_energy_s)


@metric(title="GPU energy", unit="J", better="lower", digits=3)
def gpu_energy(context: RunContext) -> float | None:
    """Joules that the GPU used per prediction answered at the steady rate: its mean power times
    the window's length; idle power is included."""
    return _each(steady(context.run), _seen(steady(context.run), "gpu_milliwatts", 1000))


def _each(window: Window | None, per_s: float | None) -> float | None:
    """The usage per prediction of a resource that the window used at that rate throughout."""
    if window is None or per_s is None or not window.requests.ok.any():
        return None
    return per_s * window.facts.elapsed_s / float(window.requests.ok.sum())


@metric(title="errors", unit="%", better="lower", effect=0.01)
def error_rate(context: RunContext) -> float | None:
    """Share of the requests of all windows that failed."""
    total = sum(len(w.requests) for w in context.run.profiles)
    failed = sum(int((~w.requests.ok).sum()) for w in context.run.profiles)
    return 100 * failed / total if total else None


@metric(title="in the model", unit="ms", better="lower", effect=0.05)
def model_time(context: RunContext) -> float | None:
    """Median duration of a predictor call at the steady rate, seen from the inside."""
    window = steady(context.run)
    if window is None or not len(window.calls.duration_ns):
        return None
    return float(np.median(window.calls.duration_ns)) / 1e6


@metric(title="batch", unit="instances", better="higher", effect=None)
def batch_size(context: RunContext) -> float | None:
    """Mean number of instances in a predictor call in the saturated window."""
    window = saturated(context.run)
    if window is None or not len(window.calls.batch):
        return None
    return float(window.calls.batch.mean())


def beyond_of(run: Run) -> dict[str, str]:
    """The bounds of percentiles that fall among failed requests, by metric."""
    window = steady(run)
    return {} if window is None else beyond.of_window(window, SHARES)


def _response(run: Run, share: float) -> float | None:
    window = steady(run)
    return None if window is None else stats.percentile(window.requests.waits_ns() / 1e6, share)


for _module in pkgutil.iter_modules(__path__, f"{__name__}."):
    importlib.import_module(_module.name)
