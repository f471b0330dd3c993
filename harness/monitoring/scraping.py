"""What tells Prometheus whom to ask: its own configuration, and the operator's objects."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from harness.manifests.pod_template import SERVING, port_name
from harness.manifests.workload import PART_OF

CAMPAIGNS = "serving-harness"  # jobs
CAMPAIGN_SERVERS = "campaign-servers"
MODELS = "served-models"
RULES = "rules/*.yml"
_OPERATOR = "monitoring.coreos.com/v1"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricsEndpoint:
    """A variant's own metrics, wherever it runs."""

    variant: str
    framework: str
    path: str
    port: str = ""  # of more_ports; empty: the one that the load goes to

    @property
    def labels(self) -> dict[str, str]:
        """What its series are told apart by."""
        return {"framework": self.framework, "variant": self.variant}


@dataclass(frozen=True, slots=True)
class ScrapeTarget:
    """A served model that is scraped at an address."""

    endpoint: MetricsEndpoint
    address: str  # host:port of its metrics


def configuration(
    campaign: str, targets: Iterable[ScrapeTarget], every: str, *, servers: bool
) -> dict[str, Any]:
    """A prometheus.yml: campaigns at that address, their servers too, and models that serve."""
    jobs: list[dict[str, Any]] = [
        {"job_name": CAMPAIGNS, "static_configs": [{"targets": [campaign]}]}
    ]
    if servers:
        found = {"url": f"http://{campaign}/targets", "refresh_interval": every}
        jobs.append({"job_name": CAMPAIGN_SERVERS, "http_sd_configs": [found]})
    if models := [_static(target) for target in targets]:
        jobs.append({"job_name": MODELS, "static_configs": models})
    return {
        "global": {"scrape_interval": every, "evaluation_interval": every},
        "rule_files": [RULES],
        "scrape_configs": jobs,
    }


def _static(target: ScrapeTarget) -> dict[str, Any]:
    # A label of this name takes the place of the job's path.
    labels = {"__metrics_path__": target.endpoint.path, **target.endpoint.labels}
    return {"targets": [target.address], "labels": labels}


def service_monitors(endpoints: Iterable[MetricsEndpoint], every: str) -> list[dict[str, Any]]:
    """Those of the Prometheus operator: the Services that `manifests` makes, in all namespaces."""
    return [_monitor(endpoint, every) for endpoint in endpoints]


def _monitor(endpoint: MetricsEndpoint, every: str) -> dict[str, Any]:
    chosen = {"app.kubernetes.io/name": endpoint.variant, "app.kubernetes.io/part-of": PART_OF}
    given = [
        *({"targetLabel": name, "replacement": value} for name, value in endpoint.labels.items()),
        {"targetLabel": "job", "replacement": MODELS},
    ]
    scraped = {
        "port": port_name(endpoint.port) if endpoint.port else SERVING,
        "path": endpoint.path,
        "interval": every,
        "relabelings": given,
    }
    return {
        "apiVersion": _OPERATOR,
        "kind": "ServiceMonitor",
        "metadata": {"name": endpoint.variant, "labels": {"app.kubernetes.io/part-of": PART_OF}},
        "spec": {
            "namespaceSelector": {"any": True},
            "selector": {"matchLabels": chosen},
            "endpoints": [scraped],
        },
    }


def prometheus_rule(groups: list[dict[str, Any]]) -> dict[str, Any]:
    """The same rules as an object of the operator."""
    about: Mapping[str, Any] = {
        "name": PART_OF,
        "labels": {"app.kubernetes.io/part-of": PART_OF},
    }
    return {
        "apiVersion": _OPERATOR,
        "kind": "PrometheusRule",
        "metadata": about,
        "spec": {"groups": groups},
    }
