"""The metrics of a run under the names that Prometheus gets them by."""

from __future__ import annotations

from harness.analyse.run.metrics import METRICS
from harness.monitoring.results import ResultMetric, result_metric


def result_metrics() -> list[ResultMetric]:
    """All of them, in their order."""
    return [result_metric(m.name, m.title, m.unit, m.definition) for m in METRICS.values()]
