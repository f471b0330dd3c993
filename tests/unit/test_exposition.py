"""What a running campaign tells Prometheus, and where it is asked."""

from __future__ import annotations

import json
import math
import socket
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from harness.analyse.run.context import RunContext
from harness.analyse.run.for_prometheus import result_metrics
from harness.analyse.run.metrics import METRICS
from harness.base.errors import UsageError
from harness.cli import _watching
from harness.cli._progress import Plain
from harness.monitoring import results
from harness.monitoring.exported import EXPORTED, PREFIX
from harness.monitoring.exposition import Exposition
from harness.monitoring.watched import ScrapedServer, Watched
from harness.stored.records import Failure, Run
from tests.fakes import Fake, campaign, run
from tests.prometheus import promtool

Labels = dict[str, str]
FAKES = [Fake("in-process", reference=True), Fake("fast", errors=0.1)]
SCRAPE = {"X-Prometheus-Scrape-Timeout-Seconds": "10"}
_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))


@pytest.fixture
def exposition() -> Iterator[Exposition]:
    made = Exposition("127.0.0.1", 0, Watched(), result_metrics())
    yield made
    made.close()


def page(exposition: Exposition, **headers: str) -> str:
    """The text at its address."""
    asked = urllib.request.Request(exposition.url, headers=headers)
    with _DIRECT.open(asked, timeout=30) as answer:
        text: str = answer.read().decode()
    return text


def told(exposition: Exposition, **headers: str) -> dict[str, list[tuple[Labels, float]]]:
    """The samples at its address, by name."""
    text = page(exposition, **headers)
    found: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((dict(sample.labels), sample.value))
    return found


def value(found: dict[str, list[tuple[Labels, float]]], name: str, **labels: str) -> float:
    """The one sample with these labels."""
    (one,) = [v for had, v in found[PREFIX + name] if labels.items() <= had.items()]
    return one


def gone_through(exposition: Exposition, *runs: Run) -> None:
    """A campaign of these runs, as those who measure tell of it."""
    observer = _watching.told(Plain(), exposition)
    observer.begin(campaign(FAKES, rounds=1), 0)
    for made in runs:
        observer.phase(made.cell, "launch")
        onlooker = observer.onlooker(made.cell)
        assert onlooker is not None
        for window in made.windows:
            observer.phase(made.cell, window.facts.profile.name)
            onlooker.window(window)
        observer.done(made)


def test_nothing_is_told_before_anything_is_known(exposition: Exposition) -> None:
    assert told(exposition) == {}


def test_a_campaign_is_told_of_as_it_goes_on(exposition: Exposition) -> None:
    observer = _watching.told(Plain(), exposition)
    observer.begin(campaign(FAKES, rounds=1), 0)
    floor, fast = (run(fake) for fake in FAKES)
    observer.phase(floor.cell, "launch")
    found = told(exposition)
    assert value(found, "campaign_info", campaign="fake-campaign", kind="run") == 1
    assert value(found, "cells", state="left") == 2
    assert value(found, "phase", variant="in-process", phase="launch", round="1") == 1
    assert value(found, "campaign_end_timestamp_seconds") > time.time()
    assert PREFIX + "window_answered_per_second" not in found

    observer.done(floor)
    observer.phase(fast.cell, "steady")
    onlooker = observer.onlooker(fast.cell)
    assert onlooker is not None
    window = fast.profiles[0]
    onlooker.window(window)
    found = told(exposition)
    assert value(found, "cells", state="done") == 1
    assert value(found, "requests_total", outcome="ok") == window.requests.ok.sum()
    assert value(found, "requests_total", outcome="timeout") == (~window.requests.ok).sum()
    assert value(found, "window_error_ratio") == pytest.approx((~window.requests.ok).mean())
    rate = window.requests.throughput(window.facts.elapsed_s)
    assert value(found, "window_answered_per_second", variant="fast") == pytest.approx(rate)
    middle = sorted(window.requests.waits_ns())[len(window.requests) // 2] / 1e9
    shown = value(found, "window_response_seconds", percentile="p50")
    assert shown == pytest.approx(middle, rel=0.02)

    observer.done(fast)
    found = told(exposition)
    assert value(found, "cells", state="left") == 0
    assert PREFIX + "phase" not in found
    assert PREFIX + "window_error_ratio" not in found


def test_results_are_those_of_the_report_in_base_units(exposition: Exposition) -> None:
    runs = [run(fake) for fake in FAKES]
    gone_through(exposition, *runs)
    found = told(exposition)
    labels = {"variant": "fast", "campaign": "fake-campaign", "round": "1", "track": "matched"}
    metric = METRICS["latency_p50"]
    ms = metric.formula(RunContext(run=runs[1], floor=runs[0]))
    assert ms is not None
    assert value(found, "result_latency_p50_seconds", **labels) == pytest.approx(ms / 1e3)
    assert value(found, "result_error_rate_ratio", **labels) == pytest.approx(0.1, abs=0.05)
    assert value(found, "result_memory_bytes", **labels) > 1 << 20


def test_a_percentile_among_failed_requests_is_not_told(exposition: Exposition) -> None:
    gone_through(exposition, run(FAKES[0]), run(Fake("fast", errors=0.1)))
    observer = _watching.told(Plain(), exposition)
    made = run(Fake("fast", errors=0.1))
    observer.phase(made.cell, "steady")
    onlooker = observer.onlooker(made.cell)
    assert onlooker is not None
    onlooker.window(made.profiles[0])
    shown = told(exposition)[PREFIX + "window_response_seconds"]
    assert [labels["percentile"] for labels, _ in shown] == ["p50"]
    assert all(math.isfinite(seconds) for _, seconds in shown)


@pytest.mark.slow
def test_promtool_has_nothing_to_say_of_it(exposition: Exposition, tmp_path: Path) -> None:
    """In the middle of a campaign, when everything is told."""
    gone_through(exposition, *(run(fake) for fake in FAKES))
    observer = _watching.told(Plain(), exposition)
    made = run(FAKES[1])
    observer.phase(made.cell, "steady")
    onlooker = observer.onlooker(made.cell)
    assert onlooker is not None
    onlooker.window(made.profiles[0])
    text = page(exposition)
    assert {name for name in EXPORTED if name not in text} == set()
    assert promtool("check", "metrics", folder=tmp_path, text=text) == ""


def test_a_failed_cell_is_counted_and_has_no_results(exposition: Exposition) -> None:
    broken = Fake("fast", failure=Failure("launch", "It ended."))
    gone_through(exposition, run(FAKES[0]), run(broken))
    found = told(exposition)
    assert value(found, "cells", state="failed") == 1
    assert [labels["variant"] for labels, _ in found[PREFIX + "result_latency_p50_seconds"]] == [
        "in-process"
    ]


def test_the_server_that_is_up_is_told_in_the_form_of_service_discovery(
    exposition: Exposition,
) -> None:
    watched = exposition.watched
    assert exposition.targets() == []
    made = run(FAKES[1])
    watched.phase(made.cell, "launch")
    server = ScrapedServer(
        address="127.0.0.1:8123", path="/metrics", scheme="http", framework="Fake"
    )
    watched.launched(server)
    with _DIRECT.open(exposition.url.replace("/metrics", "/targets"), timeout=30) as answer:
        assert answer.headers["Content-Type"] == "application/json"
        (target,) = json.load(answer)
    assert target["targets"] == ["127.0.0.1:8123"]
    assert target["labels"]["__metrics_path__"] == "/metrics"
    assert target["labels"]["variant"] == "fast"
    assert all(isinstance(label, str) for label in target["labels"].values())
    watched.phase(made.cell, "stop")
    assert exposition.targets() == []


def test_the_last_results_are_waited_for_where_somebody_scrapes(exposition: Exposition) -> None:
    gone_through(exposition, run(FAKES[0]))
    assert exposition.last_wait_s() == 0
    told(exposition)  # a person's look
    assert exposition.last_wait_s() == 0
    told(exposition, **SCRAPE)
    assert exposition.last_wait_s() == 0
    gone_through(exposition, run(FAKES[1]))
    assert 0 < exposition.last_wait_s() <= 1.5 * 15 + 1
    told(exposition, **SCRAPE)
    assert exposition.last_wait_s() == 0
    exposition.await_scrape()


def test_other_paths_are_not_there(exposition: Exposition) -> None:
    with pytest.raises(urllib.error.HTTPError) as refused:
        _DIRECT.open(exposition.url + "/other", timeout=30)
    assert refused.value.code == 404
    refused.value.close()


def test_a_port_that_is_taken_is_said_in_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=rf"port {port}: Address already in use\. Choose"):
            Exposition("127.0.0.1", port, Watched())


def test_a_port_without_the_right_to_it_is_said_in_one_sentence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("harness.monitoring.exposition._Server.server_bind", refuse)
    with pytest.raises(UsageError, match="port 80: Permission denied"):
        Exposition("127.0.0.1", 80, Watched())


def test_a_host_of_another_machine_is_said_in_one_sentence() -> None:
    with pytest.raises(UsageError, match=r"can't listen at 192\.0\.2\.1"):
        Exposition("192.0.2.1", 0, Watched())


def test_it_listens_no_more_when_it_is_closed() -> None:
    made = Exposition("127.0.0.1", 0, Watched())
    made.close()
    with pytest.raises(urllib.error.URLError):
        _DIRECT.open(made.url, timeout=5)


def test_a_client_that_says_nothing_does_not_keep_it() -> None:
    made = Exposition("127.0.0.1", 0, Watched())
    port = int(made.url.split(":")[2].partition("/")[0])
    with socket.create_connection(("127.0.0.1", port)):
        made.close()


def test_names_are_those_that_prometheus_asks_for() -> None:
    made = result_metrics()
    names = [*EXPORTED, *(each.name for each in made)]
    assert len(set(names)) == len(names)
    assert {name for name in names if not name.isascii() or " " in name or ":" in name} == set()
    assert {each.name for each in EXPORTED.values() if each.type == "counter"} == {
        name for name in EXPORTED if name.endswith("_total")
    }
    assert all([*(each.help for each in EXPORTED.values()), *(each.help for each in made)])


def test_every_unit_of_a_metric_has_a_base_unit() -> None:
    assert {metric.unit for metric in METRICS.values()} - results.known_units() == set()
