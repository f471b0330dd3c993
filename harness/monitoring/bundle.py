"""Every file that it takes to watch campaigns and served models, by its path in one folder."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import yaml

from harness.monitoring import rules, scraping
from harness.monitoring.dashboards import campaigns, served_model
from harness.monitoring.results import ResultMetric
from harness.monitoring.scraping import MetricsEndpoint, ScrapeTarget
from harness.setup.server_metrics import CountersTable
from harness.setup.slo import Slo

_MADE = (
    "# Made by `python -m harness monitoring`, which writes it anew: change its options instead.\n"
)
_PROMETHEUS = "docker.io/prom/prometheus:v3.5.0"
_GRAFANA = "docker.io/grafana/grafana:12.1.0"
_AT = "127.0.0.1"
_PROMETHEUS_PORT, _GRAFANA_PORT = 9090, 3000


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchOrder:
    """What is to be watched, and how."""

    frameworks: Mapping[str, CountersTable]  # by name, those that count something
    endpoints: tuple[MetricsEndpoint, ...]  # of all variants that have one
    targets: tuple[ScrapeTarget, ...]  # served models at addresses
    followed: Sequence[ResultMetric]  # of campaigns, over time
    slo: Slo
    campaign: str  # host:port of --metrics-port
    every: str  # between two scrapes
    servers: bool  # a campaign's servers, too


def files(order: WatchOrder) -> dict[str, str]:
    """Their contents. Raises UsageError for an SLO that no alert can watch."""
    models, own = rules.for_models(order.frameworks, order.slo), rules.for_campaigns()
    pages = (served_model.dashboard(order.slo), campaigns.dashboard(order.followed))
    configured = scraping.configuration(
        order.campaign, order.targets, order.every, servers=order.servers
    )
    monitors = scraping.service_monitors(order.endpoints, order.every)
    return {
        "prometheus/prometheus.yml": _yaml(configured),
        "prometheus/rules/models.yml": _yaml({"groups": models}),
        "prometheus/rules/campaigns.yml": _yaml({"groups": own}),
        "kubernetes/service-monitors.yaml": _yaml(*monitors),
        "kubernetes/prometheus-rule.yaml": _yaml(scraping.prometheus_rule(models)),
        "grafana/provisioning/datasources/prometheus.yaml": _yaml(_datasources()),
        "grafana/provisioning/dashboards/harness.yaml": _yaml(_providers()),
        **{
            f"grafana/dashboards/{page.uid}.json": json.dumps(page.as_json(), indent=1) + "\n"
            for page in pages
        },
        "compose.yaml": _yaml(_compose()),
    }


def _yaml(*documents: Any) -> str:
    text = yaml.safe_dump_all(documents, sort_keys=False, allow_unicode=True, width=100)
    return f"{_MADE}{text}"


def _datasources() -> dict[str, Any]:
    source = {
        "name": "Prometheus",
        "uid": "prometheus",
        "type": "prometheus",
        "access": "proxy",
        "url": f"http://{_AT}:{_PROMETHEUS_PORT}",
        "isDefault": True,
    }
    return {"apiVersion": 1, "datasources": [source]}


def _providers() -> dict[str, Any]:
    provider = {
        "name": "serving-harness",
        "type": "file",
        "options": {"path": "/etc/grafana/dashboards"},
    }
    return {"apiVersion": 1, "providers": [provider]}


def _compose() -> dict[str, Any]:
    """Both in the machine's own network: campaigns and their servers listen on loopback."""
    prometheus = {
        "image": _PROMETHEUS,
        "network_mode": "host",
        "command": [
            "--config.file=/etc/prometheus/prometheus.yml",
            f"--web.listen-address={_AT}:{_PROMETHEUS_PORT}",
            "--storage.tsdb.path=/prometheus",
            "--storage.tsdb.retention.time=1y",
        ],
        "volumes": ["./prometheus:/etc/prometheus:ro", "prometheus:/prometheus"],
    }
    settings = {
        "GF_SERVER_HTTP_ADDR": _AT,
        "GF_SERVER_HTTP_PORT": str(_GRAFANA_PORT),
        "GF_AUTH_ANONYMOUS_ENABLED": "true",
        "GF_AUTH_ANONYMOUS_ORG_ROLE": "Viewer",
        "GF_ANALYTICS_REPORTING_ENABLED": "false",
        "GF_ANALYTICS_CHECK_FOR_UPDATES": "false",
    }
    grafana = {
        "image": _GRAFANA,
        "network_mode": "host",
        "environment": settings,
        "volumes": [
            "./grafana/provisioning:/etc/grafana/provisioning:ro",
            "./grafana/dashboards:/etc/grafana/dashboards:ro",
            "grafana:/var/lib/grafana",
        ],
    }
    return {
        "name": "serving-harness-monitoring",
        "services": {"prometheus": prometheus, "grafana": grafana},
        "volumes": {"prometheus": {}, "grafana": {}},
    }
