"""`load` and `capacity` of a URL when a signal comes: what was measured until then is told."""

from __future__ import annotations

import json
import signal
import subprocess
from typing import Any

import pytest

from tests.system.endpoints import Endpoint, echo, hold
from tests.system.sandbox import LONG_S, Sandbox, until_while

pytestmark = pytest.mark.slow
SIGNALS = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
HOUR = ("--duration", "3600")


def _interrupted(process: subprocess.Popen[str], number: signal.Signals) -> tuple[str, str]:
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=LONG_S)
    assert process.returncode == 130, stderr
    assert stderr.splitlines()[-1] == "Interrupted. The results so far are above."
    assert "Traceback" not in stderr
    return stdout, stderr


def _load(sandbox: Sandbox, number: signal.Signals, *arguments: str) -> dict[str, Any]:
    with Endpoint(echo) as endpoint:
        process = sandbox.start("load", endpoint.url, *arguments, *HOUR, "--json")
        until_while(process, lambda: len(endpoint.requests) > 10)
        stdout, _ = _interrupted(process, number)
        came = len(endpoint.requests)
    found: dict[str, Any] = json.loads(stdout)
    assert found["interrupted"] is True
    assert found["unanswered"] == 0
    assert found["requests"] == found["ok"] == came
    assert found["errors"] == {}
    assert found["service_ms"]["p50"] > 0
    return found


@SIGNALS
def test_an_open_loop(sandbox: Sandbox, number: signal.Signals) -> None:
    found = _load(sandbox, number, "--rate", "40")
    assert found["planned_rate"] == pytest.approx(40)
    assert found["response_ms"]["p50"] > 0


@SIGNALS
def test_a_closed_loop(sandbox: Sandbox, number: signal.Signals) -> None:
    found = _load(sandbox, number, "--concurrency", "2")
    assert found["planned_rate"] is None
    assert found["achieved_rate"] > 0


@pytest.mark.parametrize(
    "arguments",
    [("--rate", "40"), ("--concurrency", "2", "--think", "0.05")],
    ids=["rate", "users"],
)
def test_by_locust(sandbox: Sandbox, arguments: tuple[str, ...]) -> None:
    found = _load(sandbox, signal.SIGINT, *arguments, "--driver", "locust")
    assert sum(worker["requests"] for worker in found["workers"]) == found["requests"]
    assert not sandbox.processes()


def test_a_rate_that_changes_has_no_plan_for_a_part(sandbox: Sandbox) -> None:
    ramp = ("--rate", "40", "--rate-to", "400", "--profile", "ramp")
    assert _load(sandbox, signal.SIGINT, *ramp)["planned_rate"] is None


def test_what_has_no_answer_yet_is_counted_and_left_out(sandbox: Sandbox) -> None:
    with Endpoint(hold) as endpoint:
        waits = ("--rate", "40", "--timeout", "3000")
        process = sandbox.start("load", endpoint.url, *waits, *HOUR)
        until_while(process, lambda: len(endpoint.requests) > 5)
        stdout, _ = _interrupted(process, signal.SIGINT)
        came = len(endpoint.requests)
        endpoint.release()
    first, second = stdout.splitlines()[:2]
    assert first.startswith("interrupted after ")
    left_out = int(first.rpartition("left out: ")[2].split()[0])
    assert min(left_out, came) > 5
    assert second.startswith("requests   0 ")


@SIGNALS
def test_a_search(sandbox: Sandbox, number: signal.Signals) -> None:
    with Endpoint(echo) as endpoint:
        search = ("capacity", endpoint.url, "--slo", "p99<50ms", "--budget", "3600s")
        process = sandbox.start(*search, "--json")
        until_while(process, lambda: len(endpoint.requests) > 50)
        stdout, _ = _interrupted(process, number)
        url = endpoint.url
    found = json.loads(stdout)
    assert found["interrupted"] is True
    assert [result["url"] for result in found["results"]] == [url]
