"""A stored campaign, taken in by the real Prometheus at the moments when it was measured."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from harness.analyse.run import digest
from prometheus_here import running
from tests.fakes import Fake, stored_campaign
from tests.prometheus import promtool
from tests.system.sandbox import Sandbox

pytestmark = pytest.mark.slow
FAKES = (Fake("in-process", reference=True), Fake("fast"), Fake('so "slow"', median_ms=30.0))


def test_prometheus_takes_in_what_was_measured_before_it_was_there(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    folder = stored_campaign(sandbox.results / "earlier", FAKES, rounds=2)
    done = sandbox.harness("report", "earlier", "--format", "openmetrics")
    assert done.returncode == 0, done.stderr
    file = sandbox.reports / "earlier" / "report.openmetrics"
    data = tmp_path / "data"
    promtool("tsdb", "create-blocks-from", "openmetrics", str(file), str(data), folder=tmp_path)
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text("")
    digests = digest.of_campaign(folder).digests
    with running(configuration, data, "--storage.tsdb.retention.time=30y") as prometheus:
        at = datetime.fromisoformat(digests[0].facts.started_at).timestamp()
        asked = {"query": "serving_harness_result_latency_p50_seconds", "time": f"{at + 1}"}
        found = prometheus.ask("query", **asked)["result"]
    told = {
        (each["metric"]["variant"], each["metric"]["round"]): float(each["value"][1])
        for each in found
    }
    known = {
        (each.cell.variant_name, str(each.cell.round)): each.values["latency_p50"]
        for each in digests
    }
    assert told == {key: pytest.approx(ms / 1e3) for key, ms in known.items() if ms is not None}
    assert len(told) == 6
    assert {each["metric"]["campaign"] for each in found} == {"earlier"}
