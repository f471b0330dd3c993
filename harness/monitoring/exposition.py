"""The address where Prometheus asks how a campaign goes on."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from harness.base.errors import UsageError
from harness.monitoring import results
from harness.monitoring.exported import EXPORTED, ExportedMetric
from harness.monitoring.results import ResultMetric
from harness.monitoring.watched import CampaignStanding, ScrapedServer, Watched

# Prometheus sends it with each scrape, and so do those that scrape as it does.
_OF_A_SCRAPE = "X-Prometheus-Scrape-Timeout-Seconds"
_USUAL_GAP_S, _LONGEST_GAP_S = 15.0, 60.0  # between two scrapes
_CLIENT_S = 10.0  # who has not asked by then is cut off
_ABOUT = (
    "A campaign of the Serving Harness. /metrics: for Prometheus; /targets: the server that is up."
)


class CampaignCollector(Collector):
    """A campaign's standing as metrics, made when they are asked for."""

    def __init__(self, watched: Watched, told: Sequence[ResultMetric]) -> None:
        self._watched = watched
        self._told = told

    def collect(self) -> Iterator[Metric]:
        with self._watched.standing() as now:
            made = [*(_family(each, now) for each in EXPORTED.values()), *self._results(now)]
        yield from (family for family in made if family.samples)

    def _results(self, now: CampaignStanding) -> Iterator[Metric]:
        campaign = now.campaign.id if now.campaign else ""
        for told in self._told:
            family = GaugeMetricFamily(told.name, told.help, labels=results.LABELS)
            for cell, (about, values) in now.results.items():
                if (value := values.get(told.metric)) is not None:
                    names = (campaign, cell.variant_name, cell.benchmark_name, str(cell.round))
                    labels = [*names, about["framework"], about["track"]]
                    family.add_metric(labels, told.value(value))
            yield family


class Exposition:
    """A server in a thread of its own, from now until `close`. Raises UsageError."""

    def __init__(
        self, host: str, port: int, watched: Watched, told: Sequence[ResultMetric] = ()
    ) -> None:
        self.watched = watched
        self.scrapes: deque[float] = deque(maxlen=2)
        pages = _Pages(CampaignCollector(watched, told))
        watched.changed = pages.renew
        self._server = _listening(host, port, _handler(self, pages))
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def url(self) -> str:
        """The address of the metrics."""
        host, port = self._server.server_name, self._server.server_port
        shown = f"[{host}]" if ":" in host else host
        return f"http://{shown}:{port}/metrics"

    def targets(self) -> list[dict[str, Any]]:
        """The server that is up, in the form of Prometheus's service discovery over HTTP."""
        with self.watched.standing() as now:
            if now.server is None or now.cell is None:
                return []
            return [_target(now.server, now.cell.variant_name, now.cell.benchmark_name)]

    def last_wait_s(self) -> float:
        """How long to wait at most for the last results to be fetched: not at all where nobody
        fetches any."""
        if not self.scrapes or self.scrapes[-1] >= self.watched.changed_s:
            return 0.0
        one = len(self.scrapes) == 1
        gap_s = _USUAL_GAP_S if one else self.scrapes[-1] - self.scrapes[0]
        end_s = self.watched.changed_s + 1.5 * min(gap_s, _LONGEST_GAP_S) + 1.0
        return max(end_s - time.monotonic(), 0.0)

    def await_scrape(self) -> None:
        """Wait until the last results were fetched, `last_wait_s` at most."""
        while self.last_wait_s() > 0:
            time.sleep(0.02)

    def close(self) -> None:
        """Listen no more."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Pages:
    """The metrics in the formats that were asked for, made anew after each change: a scrape during
    a window, when nothing changes, takes no computing."""

    def __init__(self, collector: Collector) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(collector)
        self._made: dict[str, tuple[Callable[[Collector], bytes], bytes]] = {}
        self._lock = threading.Lock()

    def page(self, accept: str) -> tuple[str, bytes]:
        """(its type, the metrics) for what a client accepts."""
        encode, kind = choose_encoder(accept)
        with self._lock:
            if kind not in self._made:
                self._made[kind] = (encode, encode(self._registry))
            return kind, self._made[kind][1]

    def renew(self) -> None:
        """After a change."""
        with self._lock:
            for kind, (encode, _) in list(self._made.items()):
                self._made[kind] = (encode, encode(self._registry))


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def server_bind(self) -> None:
        # HTTPServer would ask the network for the host's name, which may take seconds.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = str(self.server_address[0]), self.server_address[1]

    def handle_error(self, *_: Any) -> None:
        """A client that hung up is no trouble of the campaign's."""


def _listening(host: str, port: int, handler: type[BaseHTTPRequestHandler]) -> _Server:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        kind = type("_ServerOfFamily", (_Server,), {"address_family": family})
        made: _Server = kind(address[:2], handler)
    except OSError as error:
        why = error.strerror or str(error)
        raise UsageError(
            f"--metrics-port: can't listen at {host}, port {port}: {why}. Choose another port, or "
            "0 for a free one."
        ) from error
    return made


def _handler(of: Exposition, pages: _Pages) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = _CLIENT_S

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path == "/metrics":
                kind, body = pages.page(self.headers.get("Accept", ""))
                if self.headers.get(_OF_A_SCRAPE):
                    of.scrapes.append(time.monotonic())
            elif path == "/targets":
                kind, body = "application/json", json.dumps(of.targets()).encode()
            elif path == "/":
                kind, body = "text/plain; charset=utf-8", f"{_ABOUT}\n".encode()
            else:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            """Standard error belongs to the campaign."""

    return Handler


def _family(each: ExportedMetric, now: CampaignStanding) -> Metric:
    kind = CounterMetricFamily if each.type == "counter" else GaugeMetricFamily
    family = kind(each.name, each.help, labels=each.labels)
    for labels, value in each.samples(now):
        family.add_metric(labels, value)
    return family


def _target(server: ScrapedServer, variant: str, benchmark: str) -> dict[str, Any]:
    labels = {
        "__metrics_path__": server.path,
        "__scheme__": server.scheme,
        "framework": server.framework,
        "variant": variant,
        "benchmark": benchmark,
    }
    return {"targets": [server.address], "labels": labels}
