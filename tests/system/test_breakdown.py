"""Where the time goes, seen of real servers; Triton counts its own queue and compute time."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.analyse.run import digest
from harness.analyse.run.digested import Digest
from harness.base import paths
from tests.system import sandbox as places
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.slow


def digests(sandbox: Sandbox) -> dict[str, Digest]:
    found = digest.of_campaign(sandbox.results / "c")
    return {each.cell.variant_name: each for each in found.digests}


def test_a_known_delay_is_found_where_it_is(sandbox: Sandbox) -> None:
    done = sandbox.harness("run", "_fake-slow", "_fake-md1", "--campaign", "c")
    assert done.returncode == 0, done.stderr
    found = digests(sandbox)
    slow = found["_fake-slow"].breakdown
    assert slow is not None
    assert slow.matched == 1
    assert slow.before_ms >= 39
    assert slow.model_ms < slow.before_ms
    (steady,) = (w for w in sandbox.runs("c").values() if w.cell.variant_name == "_fake-slow")
    response_ms = steady.profiles[0].requests.response_ns() / 1e6
    assert slow.response_ms == pytest.approx(response_ms.mean())
    assert found["in-process"].breakdown is not None
    assert found["in-process"].breakdown.transport_ms == 0
    assert found["null"].breakdown is None  # it has no predictor
    own = found["_fake-slow"].facts.profiles[0].own
    assert own is not None
    assert own.requests == len(response_ms)
    assert own.queue_s is not None
    assert own.queue_s / own.requests >= 0.04
    html = (sandbox.reports / "c" / "index.html").read_text()
    assert "Where the time goes" in html


def test_triton_counts_the_same(short_folder: Path) -> None:
    sandbox = places.make(short_folder)
    real = {"HARNESS_SERVERS": str(paths.servers_dir())}
    cached = {"HARNESS_CACHE": str(paths.cache_dir())}
    done = sandbox.harness("run", "triton", "--campaign", "c", **real, **cached)
    assert done.returncode == 0, done.stderr
    (found,) = (each for name, each in digests(sandbox).items() if name == "triton")
    (run,) = (run for cell, run in sandbox.runs("c").items() if cell.variant_name == "triton")
    steady = run.profiles[0]
    own = steady.facts.own
    assert own is not None
    assert own.requests == steady.requests.ok.sum() == len(steady.requests)
    assert own.queue_s is not None
    assert own.model_s is not None
    # Its compute time has the predictor's within it, and both lie within the answer's.
    assert own.model_s * 1e9 >= steady.calls.duration_ns.sum()
    assert (own.queue_s + own.model_s) * 1e9 <= steady.requests.service_ns().sum()
    assert "own-figures" in {finding.name for finding in found.findings}
    assert sandbox.end_everything() == []
