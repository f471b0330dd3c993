"""Results as Prometheus would have kept them, for its `promtool tsdb create-blocks-from`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.registry import Collector

from harness.analyse.run.for_prometheus import result_metrics
from harness.monitoring import results
from harness.report.formats import report_format
from harness.report.page.view import Report


@report_format("openmetrics", "report.openmetrics")
def openmetrics(report: Report) -> str:
    registry = CollectorRegistry()
    registry.register(_Stored(report))
    made: bytes = generate_latest(registry)  # type: ignore[no-untyped-call]
    return made.decode()


class _Stored(Collector):
    """Each run's results, at the moment when it began."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def collect(self) -> Iterator[Metric]:
        campaign = self._report.campaign.id
        for told in result_metrics():
            family = GaugeMetricFamily(told.name, told.help, labels=results.LABELS)
            for digest in self._report.digested.digests:
                value = digest.values[told.metric]
                if value is None:
                    continue
                cell, server = digest.cell, digest.facts.server
                at = datetime.fromisoformat(digest.facts.started_at).timestamp()
                names = (campaign, cell.variant_name, cell.benchmark_name, str(cell.round))
                labels = (*names, server.framework, server.track)
                family.add_metric(labels, told.value(value), timestamp=at)
            if family.samples:
                yield family
