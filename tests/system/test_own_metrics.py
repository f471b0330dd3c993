"""Servers' own metrics under the real command line: what they say, and where they do not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.base import paths
from tests.system import sandbox as places
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.slow
# Triton has a test of its own; Ray's metrics are behind, and others have none.
METERED = (
    *("fastapi-instrumented", "bentoml", "kserve-v1", "mlserver-rest", "mlserver-grpc"),
    *("mosec", "torchserve"),
)


def test_what_servers_say_of_themselves(sandbox: Sandbox) -> None:
    variants = ("_fake-slow", "_fake-metrics-garbage")
    done = sandbox.harness("run", *variants, "--scrape-every", "0.5", "--campaign", "c")
    assert done.returncode == 0, done.stderr
    runs = {cell.variant_name: run for cell, run in sandbox.runs("c").items()}
    steady = runs["_fake-slow"].profiles[0]
    own, scrapes = steady.facts.own, steady.facts.scrapes
    assert own is not None
    assert own.requests == len(steady.requests)
    assert own.latency is not None
    assert own.latency.count == len(steady.requests) == sum(own.latency.counts)
    assert own.latency.sum_s is not None
    # What the server timed lies within what its client did.
    assert own.latency.sum_s * 1e9 <= steady.requests.service_ns().sum()
    assert own.latency.sum_s >= 0.04 * own.requests
    assert scrapes is not None
    assert (scrapes.every_s, scrapes.failed) == (0.5, 0)
    assert scrapes.answered >= 1
    broken = runs["_fake-metrics-garbage"].profiles[0].facts
    assert broken.own is None
    assert broken.own_problem.startswith(
        "its metrics at /metrics: not Prometheus's text format: '<p>no metrics</p>'"
    )
    plan = json.loads((sandbox.results / "c" / "campaign.json").read_text())
    assert plan["campaign"]["scrape_every_s"] == 0.5
    html = (sandbox.reports / "c" / "index.html").read_text()
    assert "What the server says" in html
    assert "No figures of _fake-metrics-garbage: its metrics at /metrics: not Prometheus" in html


def test_every_framework_counts_what_was_answered(short_folder: Path) -> None:
    sandbox = places.make(short_folder)
    real = {"HARNESS_SERVERS": str(paths.servers_dir())}
    cached = {"HARNESS_CACHE": str(paths.cache_dir())}
    done = sandbox.harness("run", *METERED, "--campaign", "c", **real, **cached)
    assert done.returncode == 0, done.stderr
    runs = {cell.variant_name: run for cell, run in sandbox.runs("c").items()}
    for name in METERED:
        assert name in runs, done.stderr
        steady = runs[name].profiles[0]
        own = steady.facts.own
        assert own is not None, (name, steady.facts.own_problem)
        assert int(steady.requests.ok.sum()) <= own.requests <= len(steady.requests), name
        assert own.latency is not None, name
        assert own.latency.sum_s is not None, name
        # Those that fail are not in the client's times, and hold no more than a few here.
        assert own.latency.sum_s * 1e9 <= 1.05 * steady.requests.service_ns().sum(), name
        assert bool(own.latency.counts) is (name != "torchserve")
    assert sandbox.end_everything() == []
