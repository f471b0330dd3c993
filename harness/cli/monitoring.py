"""`harness monitoring`: the files that Prometheus and Grafana need to watch what is served."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from harness.base.errors import StoreError, UsageError
from harness.cli import _places, _say

if TYPE_CHECKING:
    from harness.monitoring.scraping import MetricsEndpoint, ScrapeTarget
    from harness.setup.server_metrics import CountersTable

_CAMPAIGN = "127.0.0.1:9899"
_DURATION = re.compile(r"[1-9][0-9]{0,4}(ms|s|m)")


@click.command("monitoring")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("monitoring"),
    show_default=True,
    help="Folder for the files.",
)
@click.option(
    "--campaign",
    default=_CAMPAIGN,
    show_default=True,
    help="HOST:PORT of campaigns: what `run --metrics-port` listens at.",
)
@click.option(
    "--campaign-servers",
    "servers",
    is_flag=True,
    help="Scrape the servers that a campaign measures, too, which costs them time.",
)
@click.option(
    "--target",
    "targets",
    metavar="VARIANT=HOST:PORT",
    multiple=True,
    help="A served model, and the address of its metrics; repeatable.",
)
@click.option(
    "--slo", default="p99<100ms", show_default=True, help="SLO of the alerts; see docs/cli.md."
)
@click.option(
    "--scrape-interval",
    "every",
    default="15s",
    show_default=True,
    help="Time between two scrapes: 500ms, 5s, 1m.",
)
@_places.options
def command(**options: Any) -> None:
    """Write scrape configuration, rules, alerts and dashboards for Prometheus and Grafana."""
    from harness.analyse.campaigns.nights import FOLLOWED
    from harness.analyse.run.for_prometheus import result_metrics
    from harness.base import whole
    from harness.monitoring import bundle
    from harness.setup import slo

    if not _DURATION.fullmatch(options["every"]):
        raise UsageError(f"--scrape-interval: {options['every']!r} is not a time such as 15s.")
    endpoints = {endpoint.variant: endpoint for endpoint in _endpoints()}
    order = bundle.WatchOrder(
        frameworks=dict(_frameworks()),
        endpoints=tuple(endpoints.values()),
        targets=tuple(_target(text, endpoints) for text in options["targets"]),
        followed=[told for told in result_metrics() if told.metric in FOLLOWED],
        slo=slo.parse(options["slo"]),
        campaign=_address("--campaign", options["campaign"]),
        every=options["every"],
        servers=options["servers"],
    )
    for name, text in bundle.files(order).items():
        path = options["out"] / name
        try:
            whole.write(path, text.encode())
        except OSError as error:
            raise StoreError(f"--out: {path} can't be written: {error.strerror}.") from error
        _say.line(path)


def _frameworks() -> Iterator[tuple[str, CountersTable]]:
    """What each framework counts, of those that count anything."""
    from harness.setup import catalog

    for name, server in catalog.servers().items():
        if server.table.counters is not None and not name.startswith("_"):
            yield server.table.framework, server.table.counters


def _endpoints() -> Iterator[MetricsEndpoint]:
    from harness.monitoring.scraping import MetricsEndpoint
    from harness.setup import catalog

    for name, variant in catalog.variants().items():
        table = variant.server.table
        if table.metrics_path is None or name.startswith("_"):
            continue
        own = table.metrics_port if table.metrics_port in variant.table.more_ports else None
        yield MetricsEndpoint(
            variant=name, framework=table.framework, path=table.metrics_path, port=own or ""
        )


def _target(text: str, endpoints: dict[str, MetricsEndpoint]) -> ScrapeTarget:
    from harness.monitoring.scraping import ScrapeTarget
    from harness.setup.catalog import pick

    name, _, address = text.partition("=")
    known = pick("variant with metrics of its own", name, endpoints)
    return ScrapeTarget(known, _address("--target", address))


def _address(option: str, text: str) -> str:
    host, colon, port = text.rpartition(":")
    if not colon or not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UsageError(f"{option}: {text!r} is not an address: write HOST:PORT.")
    return text
