"""What a server counts itself, read in Prometheus's text format."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import cast

import pytest

from harness.base import toml
from harness.base.errors import UsageError
from harness.base.trust import SYSTEM, Trust
from harness.measure.launch.launchers import Launched
from harness.measure.watch import own_figures
from harness.setup.endpoints import Headers
from harness.setup.tables import CountersTable, ServerTable
from harness.windows.own_figures import OwnFigures
from tests.unit.conftest import Project

TEXT = """\
# HELP queue_us Time that requests wait
# TYPE queue_us counter
queue_us{model="a",version="1"} 1500
queue_us{model="b {nested}",version="1"} 2.5e3 1700000000000
queue_us_bucket{le="5"} 77
 done 9
done 3
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
def served(*texts: str | None) -> Iterator[Launched]:
    left = list(texts)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
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


def figures(table: ServerTable, *texts: str | None) -> OwnFigures | None:
    with served(*texts) as launched:
        with own_figures.counting(launched, table) as counted:
            pass
        return counted.figures


def test_labels_are_summed_and_other_names_are_not_taken() -> None:
    assert own_figures.totals(TEXT, {"queue_us", "done"}) == {"queue_us": 4000.0, "done": 3.0}


def test_the_growth_between_both_ends() -> None:
    table = server(counters=COUNTERS.model_dump(), metrics_port="metrics")
    before, after = "done 3\nqueue_us 100\n", "done 13\nqueue_us 4100\nmodel_us 2000\n"
    assert figures(table, before, after) == OwnFigures(10.0, 0.004, 0.002)
    assert figures(table, before, "done 13\n") == OwnFigures(10.0, None, None)


@pytest.mark.parametrize(
    "texts", [(None,), ("done 3\n", None), ("done 3\n", "done 3\n"), ("", "done what\n")]
)
def test_what_cannot_be_read_is_no_figure(texts: tuple[str | None, ...]) -> None:
    table = server(counters=COUNTERS.model_dump(), metrics_port="metrics")
    assert figures(table, *texts) is None


def test_a_server_without_counters_is_not_asked() -> None:
    assert figures(server(metrics_port="metrics")) is None


def test_counters_need_a_place(project: Project) -> None:
    path = project.root / "server.toml"
    path.write_text(
        'framework = "x"\nlicence = "y"\nmaintained = true\ncounters = { requests = "n" }\n'
        '[[variant]]\nname = "x"\ntrack = "matched"\ndescription = "-"\nprotocol = "json"\n'
        'command = ["x"]\n'
    )
    with pytest.raises(UsageError, match="'counters' needs 'metrics_path'"):
        toml.load(path, ServerTable)
