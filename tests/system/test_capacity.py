"""`harness capacity`: of variants, as a campaign; of a URL; and what can't be searched for.

What it finds beside the truth is for `scripts/bench_capacity.py`: a busy machine has a capacity of
its own.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from harness.analyse.run import capacity
from harness.queues.law import Law
from harness.windows import overlap
from tests.system import endpoints
from tests.system.conftest import Command
from tests.system.sandbox import SERVER, Sandbox, variant

pytestmark = pytest.mark.slow

PROBE = {"rate", "requests", "over", "held", "ruling"}


@pytest.fixture(scope="module")
def null_url() -> Iterator[str]:
    with endpoints.null_server() as (url, _):
        yield url


def _result(text: str) -> dict[str, Any]:
    (result,) = json.loads(text)["results"]
    assert result.keys() >= {"capacity", "interval", "met", "probes"}
    assert all(probe.keys() >= PROBE for probe in result["probes"])
    found: dict[str, Any] = result
    return found


def test_of_a_variant(cli: Command, sandbox: Sandbox) -> None:
    done = cli("capacity", "_fake-md1", "--slo", "p99<100ms", "--budget", "8s", "--json")
    result = _result(done.stdout)
    assert result["variant"] == "_fake-md1"
    assert result["subject"]["variant"] == "_fake-md1"
    assert json.loads(done.stdout)["slo"] == "p99<100ms, errors<0.1%"
    assert result["probes"]
    if result["met"]:
        # One request takes it a millisecond, so that more than 1000 a second is out of reach.
        assert 0 < result["interval"][0] <= result["capacity"] < 1100
        assert done.returncode == 0
    (run,) = sandbox.runs(next(iter(sandbox.results.iterdir())).name).values()
    assert len(run.probes) == len(result["probes"])
    (report,) = sandbox.reports.glob("*/index.html")
    if result["met"] and max(probe["requests"] for probe in result["probes"]) >= 400:
        assert "How it was searched for" in report.read_text()  # there is a p99 to be drawn


def test_of_workers_that_share_a_queue(cli: Command, sandbox: Sandbox) -> None:
    predictor = sandbox.benchmarks / "noop" / "predictor.py"
    works = "        pbkdf2_hmac('sha256', b'', b'', 10_000)  # without the interpreter's lock\n"
    text = predictor.read_text().replace("        return [{", f"{works}        return [{{")
    predictor.write_text(
        text.replace("from pathlib", "from hashlib import pbkdf2_hmac\nfrom pathlib")
    )
    sandbox.add_server("pool", SERVER + variant("pool", 'environment = { FAKE_THREADS = "2" }'))
    result = _result(
        cli("capacity", "pool", "--slo", "p99<200ms", "--budget", "8s", "--json").stdout
    )
    (run,) = sandbox.runs(next(iter(sandbox.results.iterdir())).name).values()
    assert overlap.workers([*run.profiles, *run.probes]) == 2
    found = capacity.queue(run)
    # Whether requests were begun in order, and enough of them waited, is up to the host too.
    assert found is None or (isinstance(found.law, Law) and found.law.shape.workers == 2)
    assert result["basis"] != "law" or found is not None


def test_an_slo_that_is_met_at_no_rate(cli: Command) -> None:
    done = cli("capacity", "_fake-slow", "--slo", "p99<20ms", "--budget", "6s", "--json")
    result = _result(done.stdout)
    assert (result["met"], result["capacity"], result["interval"][0]) == (False, None, None)
    assert done.returncode == 1
    assert all(probe["over"] > 0 for probe in result["probes"])


def test_of_a_url(cli: Command, null_url: str) -> None:
    done = cli("capacity", null_url, "--slo", "p99<200ms", "--budget", "5s", "--json")
    result = _result(done.stdout)
    assert result["url"] == null_url
    assert result["probes"]


def test_for_a_person(cli: Command, null_url: str) -> None:
    done = cli("capacity", null_url, "--slo", "p99<200ms", "--budget", "4s")
    first, *path = done.stdout.splitlines()
    assert first.startswith(f"{null_url}: ")
    assert all(" over " in line for line in path)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("_fake", "--slo", "fast"), "The SLO 'fast' can't be used"),
        (("_fake", "http://127.0.0.1:9/", "--slo", "p99<1ms"), "Give variants, or one URL"),
        (("http://127.0.0.1:9/",), "A URL needs an SLO"),
        (("http://127.0.0.1:9/", "--slo", "p99<1ms", "--benchmark", "noop"), "goes with variants"),
        (("_fake", "--header", "A: b"), "--header goes with a URL"),
        (("_fake", "--budget", "soon"), "'soon' is not a duration"),
        (("_fakes",), "_fake"),
    ],
)
def test_what_cannot_be_searched_for(cli: Command, arguments: tuple[str, ...], said: str) -> None:
    done = cli("capacity", *arguments)
    assert done.returncode == 2
    assert said in done.stderr
    assert not done.stdout
