"""A campaign of real served models that the real Prometheus watches: no panel stays empty."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from harness.base import paths
from harness.monitoring.dashboards import DashboardPage, DashboardPanel
from harness.stored.identity import Cell
from harness.stored.records import Run
from prometheus_here import Prometheus, free_port, running
from tests.system.conftest import kept
from tests.system.sandbox import Sandbox, until, until_while
from tests.unit.test_monitoring import pages, plain

pytestmark = pytest.mark.slow
# Rates with enough requests behind a p99, and a search for the capacity: its metrics have panels.
PRESETS = """\
[preset.watched]
benchmarks = ["iris"]
profiles = ["steady", "saturated"]
rounds = 1
duration_scale = 0.4
warm_up_s = 0.5
proof_s = 0.5
capacity_s = 8.0
"""
VARIANTS = ("fastapi-instrumented", "mosec-batched", "triton")
SERVERS = ("in-process", "null", "fastapi-instrumented", "mosec", "triton")


@dataclass(frozen=True)
class Seen:
    """What became of the campaign, and who watched it."""

    prometheus: Prometheus
    runs: dict[Cell, Run]
    done: subprocess.CompletedProcess[str]
    seconds: float  # since it began


@pytest.fixture(scope="module")
def seen(short_folder: Path) -> Iterator[Seen]:
    places = kept(short_folder)
    sandbox = next(places)
    port = free_port()
    folder = sandbox.root / "monitoring"
    address = f"127.0.0.1:{port}"
    made = ("--campaign", address, "--campaign-servers", "--scrape-interval", "1s")
    own = _real(sandbox)
    written = sandbox.harness("monitoring", "--out", str(folder), *made, **own)
    assert written.returncode == 0, written.stderr
    began = time.monotonic()
    with running(folder / "prometheus" / "prometheus.yml", sandbox.root / "data") as prometheus:
        options = ("--preset", "watched", "--campaign", "watched", "--metrics-port", str(port))
        done = sandbox.harness("run", *VARIANTS, *options, **own)
        assert done.returncode == 0, done.stderr
        yield Seen(prometheus, sandbox.runs("watched"), done, time.monotonic() - began + 10)
    next(places, None)


def _real(sandbox: Sandbox) -> dict[str, str]:
    """The project's own servers and benchmarks, a short preset, and the user's cache."""
    benchmarks = sandbox.root / "real-benchmarks"
    shutil.copytree(paths.PROJECT / "benchmarks", benchmarks)
    (benchmarks / "presets.toml").write_text(PRESETS)
    return {
        "HARNESS_SERVERS": str(paths.PROJECT / "servers"),
        "HARNESS_BENCHMARKS": str(benchmarks),
        "HARNESS_CACHE": str(paths.cache_dir()),
    }


PANELS = [(page, panel) for page in pages() for panel in page.panels]


@pytest.mark.parametrize(
    ("page", "panel"), PANELS, ids=[f"{page.uid}-{panel.title}" for page, panel in PANELS]
)
def test_no_panel_is_empty(page: DashboardPage, panel: DashboardPanel, seen: Seen) -> None:
    for query in panel.queries:
        found = seen.prometheus.since(plain(query.expr), seen.seconds)
        values = [float(value) for each in found for _, value in each["values"]]
        assert values, f"{page.title}, {panel.title}: {query.expr}"
        known = {name for each in found for name in each["metric"]}
        assert set(re.findall(r"{{(\w+)}}", query.legend)) <= known


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.uid)
def test_every_choice_has_the_variants(page: DashboardPage, seen: Seen) -> None:
    for choice in page.choices:
        asked = {"match[]": choice.series}
        values = seen.prometheus.ask(f"label/{choice.name}/values", **asked)
        assert values, choice
        if choice.name == "variant":
            assert set(VARIANTS) <= set(values)


def test_results_are_kept_when_the_campaign_is_over(seen: Seen) -> None:
    """Also those of the last cell: the address stays until they were scraped."""
    name = "serving_harness_result_throughput_per_second"
    found = seen.prometheus.since(name, seen.seconds)
    shown = {each["metric"]["variant"] for each in found}
    assert shown == {cell.variant_name for cell in seen.runs}


def test_every_request_is_counted(seen: Seen) -> None:
    most = f"max_over_time(serving_harness_requests_total[{int(seen.seconds)}s])"
    told = seen.prometheus.now(f"max by (variant) (sum without (outcome) ({most}))")
    found = {each["metric"]["variant"]: float(each["value"][1]) for each in told}
    for cell, run in seen.runs.items():
        stored = sum(len(window.requests) for window in run.windows)
        assert found[cell.variant_name] >= stored  # a search has windows that it does not keep


def test_servers_of_a_campaign_are_found_and_scraped(seen: Seen) -> None:
    asked = 'max by (variant) (up{job="campaign-servers"})'
    found = seen.prometheus.since(asked, seen.seconds)
    up = {each["metric"]["variant"]: each for each in found}
    assert set(up) == set(VARIANTS)
    for each in up.values():
        assert "1" in {value for _, value in each["values"]}


def test_rules_have_no_error(seen: Seen) -> None:
    groups = seen.prometheus.ask("rules")["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    assert {rule.get("lastError", "") for rule in rules} == {""}
    assert len(rules) > 30


def test_the_address_ends_with_the_campaign(seen: Seen) -> None:
    assert "metrics  http://127.0.0.1:" in seen.done.stderr
    until(lambda: not seen.prometheus.now('up{job="serving-harness"} == 1'))


def test_a_port_that_is_taken_ends_the_command_before_anything_starts(sandbox: Sandbox) -> None:
    first = sandbox.start("run", "_fake", "--campaign", "first", "--metrics-port", "0")
    assert first.stderr is not None
    line = until_while(first, first.stderr.readline)
    port = line.rstrip().removesuffix("/metrics").rpartition(":")[2]
    done = sandbox.harness("run", "_fake", "--campaign", "second", "--metrics-port", port)
    assert done.returncode == 2
    assert done.stderr == (
        f"error: --metrics-port: can't listen at 127.0.0.1, port {port}: Address already in use. "
        "Choose another port, or 0 for a free one.\n"
    )
    assert not (sandbox.results / "second").exists()
    first.communicate(timeout=480)
    assert first.returncode == 0


def test_a_host_without_a_port_is_refused(sandbox: Sandbox) -> None:
    done = sandbox.harness("run", "_fake", "--metrics-host", "0.0.0.0")
    assert (done.returncode, done.stderr) == (
        2,
        "error: --metrics-host goes with --metrics-port.\n",
    )


def test_interrupted_it_ends_at_once(sandbox: Sandbox) -> None:
    process = sandbox.start("run", "_fake", "--campaign", "cut", "--metrics-port", "0")
    until_while(process, lambda: (sandbox.results / "cut" / "campaign.json").exists())
    process.terminate()
    process.communicate(timeout=480)
    assert process.returncode == 130
