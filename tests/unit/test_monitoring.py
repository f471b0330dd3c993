"""The files that are made for Prometheus and Grafana, without either."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.dashboard import Dashboard
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict

from harness.analyse.campaigns.nights import FOLLOWED
from harness.analyse.run.for_prometheus import result_metrics
from harness.base.errors import UsageError
from harness.cli.monitoring import _endpoints, _frameworks
from harness.manifests import objects
from harness.manifests.workload import Workload
from harness.monitoring import bounds, bundle, burning, rules, served
from harness.monitoring.dashboards import DashboardPage, campaigns, served_model
from harness.monitoring.exported import EXPORTED
from harness.monitoring.scraping import MetricsEndpoint, ScrapeTarget
from harness.setup import catalog, slo
from harness.setup.server_metrics import CountersTable

SLO = slo.parse("p99<100ms")
EVERYTHING = CountersTable(
    requests='answered{code="200"}',
    failed=('answered{code!="200"}', "refused"),
    latency=('times_ms{path="/v2/{name}/infer"}', "other_ms"),
    queue="queue_ms",
    model="model_ms",
    in_flight="now",
    batch=("instances", "calls"),
    unit_s=1e-3,
)
FILES = {
    "prometheus/prometheus.yml",
    "prometheus/rules/models.yml",
    "prometheus/rules/campaigns.yml",
    "kubernetes/service-monitors.yaml",
    "kubernetes/prometheus-rule.yaml",
    "grafana/provisioning/datasources/prometheus.yaml",
    "grafana/provisioning/dashboards/harness.yaml",
    "grafana/dashboards/serving-model.json",
    "grafana/dashboards/serving-campaigns.json",
    "compose.yaml",
}


def made(**more: CountersTable) -> dict[str, str]:
    """All files, of the frameworks of this project and more."""
    return made_for(**dict(_frameworks()), **more)


def made_for(**frameworks: CountersTable) -> dict[str, str]:
    """All files, of these frameworks."""
    endpoints = tuple(_endpoints())
    return bundle.files(
        bundle.WatchOrder(
            frameworks=frameworks,
            endpoints=endpoints,
            targets=(ScrapeTarget(endpoints[0], "10.0.0.5:8000"),),
            followed=[told for told in result_metrics() if told.metric in FOLLOWED],
            slo=SLO,
            campaign="127.0.0.1:9899",
            every="15s",
            servers=True,
        )
    )


def groups(text: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = yaml.safe_load(text)["groups"]
    return found


def pages() -> list[DashboardPage]:
    followed = [told for told in result_metrics() if told.metric in FOLLOWED]
    return [served_model.dashboard(SLO), campaigns.dashboard(followed)]


def test_every_file_is_there() -> None:
    assert set(made()) == FILES


@pytest.mark.parametrize("name", ["prometheus/rules/models.yml", "prometheus/rules/campaigns.yml"])
def test_every_expression_of_a_rule_is_promql(name: str) -> None:
    for group in groups(made(Everything=EVERYTHING)[name]):
        for rule in group["rules"]:
            promql_parser.parse(rule["expr"])


def plain(expr: str) -> str:
    """A query as Grafana sends it, all chosen."""
    return re.sub(r"\$\w+", ".*", expr.replace("$__rate_interval", "1m"))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.uid)
def test_every_query_of_a_dashboard_is_promql(page: DashboardPage) -> None:
    assert page.panels
    for panel in page.panels:
        assert panel.queries
        for query in panel.queries:
            promql_parser.parse(plain(query.expr))


def used(expr: str) -> set[str]:
    """The names of series in an expression."""
    found = set()

    def visit(part: Any) -> None:
        if isinstance(part, promql_parser.VectorSelector) and part.name:
            found.add(part.name)

    promql_parser.walk(promql_parser.parse(expr), visit)
    return found


def test_what_dashboards_and_alerts_ask_for_is_recorded_or_exported() -> None:
    files = made(Everything=EVERYTHING)
    every = [
        rule
        for name in ("models", "campaigns")
        for group in groups(files[f"prometheus/rules/{name}.yml"])
        for rule in group["rules"]
    ]
    recorded = {rule["record"] for rule in every if "record" in rule}
    results = {told.name for told in result_metrics()}
    known = {*recorded, *EXPORTED, *results, "up"}
    asked = [rule["expr"] for rule in every if "alert" in rule]
    asked += [
        plain(query.expr) for page in pages() for panel in page.panels for query in panel.queries
    ]
    asked += [choice.series for page in pages() for choice in page.choices]
    assert {name for expr in asked for name in used(expr)} - known == set()


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.uid)
def test_a_dashboard_is_what_grafanas_own_models_know(page: DashboardPage) -> None:
    plugins.register_default_plugins()
    ours = json.loads(json.dumps(page.as_json()))
    read = json.loads(json.dumps(Dashboard.from_json(ours), cls=JSONEncoder))
    assert lost(ours, read) == []


def lost(ours: Any, read: Any, place: str = "") -> list[str]:
    """What stands in a document and not in what was read of it."""
    if isinstance(ours, dict):
        assert isinstance(read, dict), place
        return [
            line
            for key, value in ours.items()
            for line in (
                lost(value, read[key], f"{place}.{key}") if key in read else [f"{place}.{key}"]
            )
        ]
    if isinstance(ours, list):
        assert isinstance(read, list), place
        pairs = zip(ours, read, strict=True)
        return [line for n, pair in enumerate(pairs) for line in lost(*pair, f"{place}[{n}]")]
    return [] if ours == read else [f"{place}: {ours!r}, {read!r}"]


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.uid)
def test_panels_do_not_lie_on_each_other(page: DashboardPage) -> None:
    taken: set[tuple[int, int]] = set()
    ids = []
    for panel in page.as_json()["panels"]:
        place = panel["gridPos"]
        own = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not own & taken
        assert place["x"] + place["w"] <= 24
        taken |= own
        ids.append(panel["id"])
    assert len(set(ids)) == len(ids)


def test_prometheus_is_told_whom_to_ask() -> None:
    found = yaml.safe_load(made()["prometheus/prometheus.yml"])
    jobs = {job["job_name"]: job for job in found["scrape_configs"]}
    assert set(jobs) == {"serving-harness", "campaign-servers", "served-models"}
    (static,) = jobs["served-models"]["static_configs"]
    assert static["targets"] == ["10.0.0.5:8000"]
    assert {"framework", "variant", "__metrics_path__"} == set(static["labels"])


class Strictly(BaseModel):
    """No other keys: https://prometheus-operator.dev/docs/api-reference/api/."""

    model_config = ConfigDict(extra="forbid")


class Relabeling(Strictly):
    targetLabel: str
    replacement: str


class Scraped(Strictly):
    port: str
    path: str
    interval: str
    relabelings: list[Relabeling]


class Anywhere(Strictly):
    any: bool


class Chosen(Strictly):
    matchLabels: dict[str, str]


class MonitorSpec(Strictly):
    namespaceSelector: Anywhere
    selector: Chosen
    endpoints: list[Scraped]


class Named(Strictly):
    name: str
    labels: dict[str, str]


class ServiceMonitor(Strictly):
    apiVersion: str
    kind: str
    metadata: Named
    spec: MonitorSpec


def test_service_monitors_have_the_fields_that_the_operator_documents() -> None:
    found = list(yaml.safe_load_all(made()["kubernetes/service-monitors.yaml"]))
    assert {each["metadata"]["name"] for each in found} >= {"mosec", "triton", "kserve-v2"}
    for each in found:
        monitor = ServiceMonitor.model_validate(each)
        assert monitor.apiVersion == "monitoring.coreos.com/v1"
        assert len(monitor.spec.endpoints[0].port) <= 15


def test_service_monitors_find_the_services_that_manifests_make() -> None:
    """By their labels, and by the name that the port has there."""
    monitors = {
        each["metadata"]["name"]: each["spec"]
        for each in yaml.safe_load_all(made()["kubernetes/service-monitors.yaml"])
    }
    for name, variant in catalog.variants().items():
        if name not in monitors:
            continue
        more = {port: 9000 + n for n, port in enumerate(variant.table.more_ports)}
        workload = Workload(name=name, image="i", port=8000, more_ports=more)
        service = objects.service(workload)
        chosen = monitors[name]["selector"]["matchLabels"]
        assert chosen.items() <= service["metadata"]["labels"].items()
        names = {port["name"] for port in service["spec"]["ports"]}
        assert monitors[name]["endpoints"][0]["port"] in names


def test_the_compose_file_is_one(tmp_path: Path) -> None:
    file = tmp_path / "compose.yaml"
    file.write_text(made()["compose.yaml"])
    checked = ("check_jsonschema", "--builtin-schema", "vendor.compose-spec", str(file))
    done = subprocess.run(
        [sys.executable, "-m", *checked], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_operators_rules_are_those_of_the_file() -> None:
    files = made()
    rule = yaml.safe_load(files["kubernetes/prometheus-rule.yaml"])
    assert rule["spec"]["groups"] == groups(files["prometheus/rules/models.yml"])


def test_compose_mounts_what_is_written() -> None:
    files = made()
    compose = yaml.safe_load(files["compose.yaml"])
    mounted = [v for s in compose["services"].values() for v in s["volumes"] if v[0] == "."]
    for volume in mounted:
        folder = volume.removeprefix("./").partition(":")[0]
        assert any(Path(folder) in Path(name).parents for name in files), volume
        assert volume.endswith(":ro")
    provider = yaml.safe_load(files["grafana/provisioning/dashboards/harness.yaml"])
    places = {volume.split(":")[1] for volume in mounted}
    assert provider["providers"][0]["options"]["path"] in places


def bound(number: float) -> list[str]:
    """A bound as exporters write it: Go's form, and Python's."""
    short = repr(number).removesuffix(".0")
    return [repr(number), short]


@given(
    limit=st.floats(1e-4, 1e7).map(lambda x: float(f"{x:.6g}")),
    number=st.floats(0, 1e6).map(lambda x: float(f"{x:.6g}")),
)
def test_bounds_up_to_a_limit_are_matched_and_no_others(limit: float, number: float) -> None:
    pattern = re.compile(bounds.at_most(limit))
    for text in (*bound(number), *bound(limit)):
        assert bool(pattern.fullmatch(text)) == (float(text) <= limit)
    assert not pattern.fullmatch("+Inf")


def test_burn_rates_are_those_of_the_workbook() -> None:
    """Budgets of 30 days: a factor times its long window is the share that is spent."""
    hours = {"1h": 1, "6h": 6, "1d": 24, "3d": 72}
    for burn in burning.BURNS:
        assert f"{burn.factor * hours[burn.long] / 720:.0%}" == burn.spent
        assert {burn.long, burn.short} <= set(burning.WINDOWS)


def test_an_slo_that_no_alert_can_watch_is_refused() -> None:
    with pytest.raises(UsageError, match="10% of the requests may be bad"):
        rules.for_models({}, slo.parse("p90<100ms"))


def test_times_without_a_histogram_have_a_mean_alone() -> None:
    table = CountersTable(requests="answered", latency=("spent_us",), unit_s=1e-6)
    found = {rule.record: rule.expr for rule in served.of_framework("F", table, SLO)}
    promql_parser.parse(found[served.MEAN_S])
    assert "1e-06" in found[served.MEAN_S]


def test_the_time_of_the_model_is_not_that_of_requests() -> None:
    table = CountersTable(requests="answered", latency=("spent",), spans="model")
    found = {rule.record for rule in served.of_framework("F", table, SLO)}
    assert served.MODEL_S in found
    assert not found & {served.MEAN_S, served.LATE, served.duration(0.5)}


def test_a_variant_that_has_not_the_port_of_its_metrics_is_scraped_where_the_load_goes() -> None:
    found = {each.variant: each for each in _endpoints()}
    assert found["kserve-v1"] == MetricsEndpoint(
        variant="kserve-v1", framework="KServe", path="/metrics"
    )
    assert found["kserve-v2-grpc"].port == "http"
