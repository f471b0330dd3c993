"""A run's metrics under names that Prometheus's conventions ask for: base units, and those named.

https://prometheus.io/docs/practices/naming/
"""

from __future__ import annotations

from dataclasses import dataclass

from harness.monitoring.exported import PREFIX

LABELS = ("campaign", "variant", "benchmark", "round", "framework", "track")
# By a metric's unit: the end of the name, and how many of the base unit it has.
_BASE: dict[str, tuple[str, float]] = {
    "s": ("seconds", 1.0),
    "ms": ("seconds", 1e-3),
    "%": ("ratio", 1e-2),
    "% of a CPU": ("cpus", 1e-2),
    "MiB": ("bytes", 1 << 20),
    "1/s": ("per_second", 1.0),
    "J": ("joules", 1.0),
    "W": ("watts", 1.0),
    "GB-s": ("gigabyte_seconds", 1.0),
    "bytes per request": ("bytes_per_request", 1.0),
    "kB per round": ("bytes_per_round", 1e3),
    "s per round": ("seconds_per_round", 1.0),
    "per job": ("per_job", 1.0),
    "answers": ("answers", 1.0),
    "at once": ("at_once", 1.0),
    "instances": ("instances", 1.0),
    "requests": ("requests", 1.0),
    "index": ("", 1.0),
    "x before": ("ratio", 1.0),
    "x ideal": ("ratio", 1.0),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultMetric:
    """One of the harness's metrics of a run, as Prometheus gets it."""

    metric: str  # its name in the harness
    title: str
    help: str
    unit: str  # the base unit; empty: a plain number
    factor: float

    @property
    def name(self) -> str:
        """Its name in Prometheus."""
        ends = not self.unit or self.metric.endswith(self.unit)
        return f"{PREFIX}result_{self.metric}{'' if ends else f'_{self.unit}'}"

    def value(self, measured: float) -> float:
        """A measured value, in the base unit."""
        return measured * self.factor


def result_metric(name: str, title: str, unit: str, definition: str) -> ResultMetric:
    """A metric of the harness, by its own description."""
    base, factor = _BASE.get(unit, ("", 1.0))
    return ResultMetric(metric=name, title=title, help=definition, unit=base, factor=factor)


def known_units() -> frozenset[str]:
    """The units that have a base unit here."""
    return frozenset(_BASE)
