"""What a server counts itself, read in Prometheus's text format."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import cast

import pytest

from harness.base import toml
from harness.base.errors import UsageError
from harness.base.trust import SYSTEM, Trust
from harness.measure.launch.launchers import Launched
from harness.measure.watch import exposition, own_figures, scraping
from harness.measure.watch.own_figures import Counted
from harness.setup.endpoints import Headers
from harness.setup.server_metrics import Selector, selector
from harness.setup.tables import CountersTable, ServerTable
from harness.windows.own_figures import OwnFigures, OwnLatency
from tests.unit.conftest import Project

TEXT = """\
# HELP queue_us Time that requests wait
# TYPE queue_us counter
queue_us{model="a",version="1"} 1500
queue_us{model="b {nested}",version="1"} 2.5e3 1700000000000
queue_us_bucket{le="5"} 77
done 3
"""
HISTOGRAM = """\
# HELP took_seconds How long requests took
# TYPE took_seconds histogram
took_seconds_bucket{path="/predict",le="0.01"} %d
took_seconds_bucket{path="/predict",le="0.1"} %d
took_seconds_bucket{path="/predict",le="+Inf"} %d
took_seconds_count{path="/predict"} %d
took_seconds_sum{path="/predict"} %g
took_seconds_bucket{path="/health",le="0.01"} 500
took_seconds_bucket{path="/health",le="0.1"} 500
took_seconds_bucket{path="/health",le="+Inf"} 500
"""
COUNTERS = CountersTable(requests="done", queue="queue_us", model="model_us", unit_s=1e-6)


def server(**more: object) -> ServerTable:
    keys = {"framework": "x", "licence": "y", "maintained": True, "metrics_path": "/metrics"}
    variant = {"name": "x", "track": "matched", "description": "-", "protocol": "json"}
    table = {**keys, "variant": [{**variant, "command": ["x"]}], **more}
    return ServerTable.model_validate(table)


class Served:
    """A launched server whose metrics are the given texts, one after another."""

    scheme, host, base = "http", "127.0.0.1", ""
    headers: Headers = ()
    trust: Trust = SYSTEM

    def __init__(self, port: int) -> None:
        self.port = 1  # nobody listens there: the metrics are elsewhere
        self.ports = {"metrics": port}


@contextmanager
def served(*texts: str | None, before: Callable[[], object] = lambda: None) -> Iterator[Launched]:
    """Something is done before each answer."""
    left = list(texts)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            before()
            text = left.pop(0) if self.path == "/metrics" else None
            self.send_response(404 if text is None else 200)
            self.end_headers()
            self.wfile.write((text or "").encode())

        def log_message(self, *_: object) -> None: ...

    made = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=made.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield cast(Launched, Served(made.server_address[1]))
    finally:
        made.shutdown()
        thread.join()
        made.server_close()


def counted(table: ServerTable, *texts: str | None, servers: int = 1) -> Counted:
    with served(*texts) as launched:
        with own_figures.counting(launched, table, servers=servers) as found:
            pass
        return found


def figures(table: ServerTable, *texts: str | None) -> OwnFigures | None:
    return counted(table, *texts).figures


@pytest.mark.parametrize(
    ("text", "name", "labels"),
    [
        ("done", "done", ()),
        ('done_total{code="200"}', "done_total", (("code", "200"),)),
        (
            'x:y{ path="/v2/{model}/infer", method="POST" }',
            "x:y",
            (("path", "/v2/{model}/infer"), ("method", "POST")),
        ),
        ("done{}", "done", ()),
    ],
)
def test_a_selector(text: str, name: str, labels: tuple[tuple[str, str], ...]) -> None:
    assert selector(text) == Selector(name, labels)


@pytest.mark.parametrize("text", ["", "9x", "x{", "x{a}", "x{a=b}", 'x{a="b"} 3', 'x{a="b" c="d"}'])
def test_what_is_no_selector(text: str) -> None:
    with pytest.raises(ValueError, match="is not of the form"):
        selector(text)
    with pytest.raises(ValueError, match="is not of the form"):
        CountersTable(requests="x", latency=(text,))


def test_labels_are_summed_and_other_names_are_not_taken() -> None:
    found = exposition.series(TEXT, {"queue_us", "done"})
    assert exposition.total(found, "queue_us") == 4000.0
    assert exposition.total(found, 'queue_us{model="a"}') == 1500.0
    assert exposition.total(found, "done") == 3.0
    assert exposition.total(found, "other") is None


def test_a_counter_that_began_again_counts_from_nothing() -> None:
    before, after = (exposition.series(f"done {n}\n", {"done"}) for n in (40, 3))
    assert exposition.total(exposition.grown(before, after), "done") == 3.0


def told(*numbers: float) -> str:
    return HISTOGRAM % numbers


def test_a_histogram_is_what_its_buckets_grew_by() -> None:
    counters = CountersTable(
        requests='took_seconds_count{path="/predict"}',
        latency=('took_seconds{path="/predict"}', 'other_seconds{path="/predict"}'),
        lag_s=10,
    )
    table = server(counters=counters.model_dump(), metrics_port="metrics")
    found = figures(table, told(1, 2, 2, 2, 0.06), told(8, 11, 12, 12, 0.5))
    latency = OwnLatency(
        spans="request", count=10.0, sum_s=0.44, bounds_s=(0.01, 0.1), counts=(7.0, 2.0, 1.0)
    )
    assert found == OwnFigures(requests=10.0, latency=latency, lag_s=10.0)


def test_of_several_the_one_that_grew_is_taken() -> None:
    counters = CountersTable(requests="done", latency=("rest_ms", "grpc_ms"), unit_s=1e-3)
    table = server(counters=counters.model_dump(), metrics_port="metrics")
    text = "done {0}\nrest_ms_sum 8\nrest_ms_count 4\ngrpc_ms_sum {1}\ngrpc_ms_count {0}\n"
    found = figures(table, text.format(0, 0), text.format(5, 60))
    assert found is not None
    assert found.latency == OwnLatency(spans="request", count=5.0, sum_s=0.06)


def test_a_sum_alone_is_divided_by_the_requests() -> None:
    counters = CountersTable(requests="done", latency=("took_us",), unit_s=1e-6, spans="model")
    table = server(counters=counters.model_dump(), metrics_port="metrics")
    found = figures(table, "done 1\ntook_us 100\n", "done 5\ntook_us 4100\n")
    assert found is not None
    assert found.latency == OwnLatency(spans="model", count=4.0, sum_s=0.004)


def test_the_growth_between_both_ends() -> None:
    table = server(counters=COUNTERS.model_dump(), metrics_port="metrics")
    before, after = "done 3\nqueue_us 100\n", "done 13\nqueue_us 4100\nmodel_us 2000\n"
    assert figures(table, before, after) == OwnFigures(requests=10.0, queue_s=0.004, model_s=0.002)
    assert figures(table, before, "done 13\n") == OwnFigures(requests=10.0)


@pytest.mark.parametrize(
    "texts", [(None,), ("done 3\n", None), ("done 3\n", "done 3\n"), ("", "done what\n")]
)
def test_what_cannot_be_read_is_no_figure(texts: tuple[str | None, ...]) -> None:
    table = server(counters=COUNTERS.model_dump(), metrics_port="metrics")
    assert figures(table, *texts) is None


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        ((None,), "its metrics at /metrics: HTTP 404"),
        (("<html>hello</html>\n",), "its metrics at /metrics: not Prometheus's text format"),
        (("\x00\x01garbage",), "its metrics at /metrics: not Prometheus's text format"),
        (("done what\n",), "its metrics at /metrics: not Prometheus's text format"),
        (("done 3\n", None), "its metrics at /metrics: HTTP 404"),
        (("", ""), "none of its metrics is done"),
        (("other 1\n", "other 2\n"), "none of its metrics is done"),
        (("done 3\n", "done 3\n"), "its metric done did not grow"),
    ],
)
def test_why_there_are_no_figures_is_said(texts: tuple[str | None, ...], why: str) -> None:
    table = server(counters=COUNTERS.model_dump(), metrics_port="metrics")
    found = counted(table, *texts)
    assert found.figures is None
    assert found.problem.startswith(why)


def test_a_server_without_counters_is_not_asked() -> None:
    found = counted(server(metrics_port="metrics"))
    assert (found.figures, found.problem, found.scrapes) == (None, "", None)


def test_of_several_servers_at_one_address_none_is_asked() -> None:
    table = server(counters=COUNTERS.model_dump(), metrics_port="metrics")
    found = counted(table, servers=3)
    assert found.problem == "3 servers answer at its address, each with metrics of its own"


def test_a_page_beyond_all_measure_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scraping, "MOST_BYTES", 1 << 20)
    table = server(counters=COUNTERS.model_dump(), metrics_port="metrics")
    found = counted(table, "done 3\n" * (1 << 19))
    assert found.problem == (
        "its metrics at /metrics: 3 MiB of metrics, where 1 are the most that is read"
    )


def test_a_page_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scraping, "TIMEOUT_S", 0.2)
    table = server(counters=COUNTERS.model_dump(), metrics_port="metrics")
    with (
        served("done 3\n", before=lambda: time.sleep(1)) as launched,
        own_figures.counting(launched, table) as found,
    ):
        pass
    assert found.problem == "its metrics at /metrics: no whole answer within 0.2 s"


def test_metrics_are_asked_for_while_the_window_runs() -> None:
    table = server(counters=COUNTERS.model_dump(), metrics_port="metrics")
    asked, enough = [], threading.Event()

    def count() -> None:
        asked.append(1)
        if len(asked) == 5:
            enough.set()

    with (
        served("done 3\n", None, *["done 13\n"] * 1000, before=count) as launched,
        own_figures.counting(launched, table, 0.02) as found,
    ):
        assert enough.wait(30)
    assert found.figures == OwnFigures(requests=10.0)
    assert found.scrapes is not None
    assert (found.scrapes.every_s, found.scrapes.failed, found.scrapes.bytes) == (0.02, 1, 8)
    assert found.scrapes.answered >= 2


def test_counters_need_a_place(project: Project) -> None:
    path = project.root / "server.toml"
    path.write_text(
        'framework = "x"\nlicence = "y"\nmaintained = true\ncounters = { requests = "n" }\n'
        '[[variant]]\nname = "x"\ntrack = "matched"\ndescription = "-"\nprotocol = "json"\n'
        'command = ["x"]\n'
    )
    with pytest.raises(UsageError, match="'counters' needs 'metrics_path'"):
        toml.load(path, ServerTable)
