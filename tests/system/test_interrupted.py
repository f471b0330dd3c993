"""`load` and `capacity` of a URL when a signal comes: what was measured until then is told."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from harness.cli import _interrupted
from tests.system.conftest import Command
from tests.system.endpoints import Endpoint, Writer, echo, hold, message
from tests.system.sandbox import LONG_S, Sandbox, until_while

pytestmark = pytest.mark.slow
NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
SIGNALS = pytest.mark.parametrize("number", NUMBERS, ids=lambda s: s.name)
HOUR = ("--duration", "3600")


def _ended(process: subprocess.Popen[str], number: signal.Signals, *said: str) -> tuple[str, str]:
    """What it printed when it was interrupted; `said`: what else may be told of that."""
    process.send_signal(number)
    stdout, stderr = process.communicate(timeout=LONG_S)
    assert process.returncode == 130, stderr
    assert stderr.splitlines()[-1] in (_interrupted.CUT_SHORT, *said)
    assert "Traceback" not in stderr
    return stdout, stderr


def _load(sandbox: Sandbox, number: signal.Signals, *arguments: str) -> dict[str, Any]:
    with Endpoint(echo) as endpoint:
        process = sandbox.start("load", endpoint.url, *arguments, *HOUR, "--json")
        until_while(process, lambda: len(endpoint.requests) > 10)
        stdout, _ = _ended(process, number)
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
        stdout, _ = _ended(process, signal.SIGINT)
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
        stdout, _ = _ended(process, number, _interrupted.TOO_SOON_FOR_A_PROBE)
        url = endpoint.url
    found = json.loads(stdout)
    assert found["interrupted"] is True
    assert [result["url"] for result in found["results"]] == [url]


@SIGNALS
def test_a_search_of_variants(sandbox: Sandbox, number: signal.Signals) -> None:
    search = ("capacity", "_fake-md1", "--slo", "p99<100ms", "--budget", "3600s", "--json")
    process = sandbox.start(*search)
    until_while(process, lambda: list(sandbox.results.glob("*/campaign.json")))
    stdout, stderr = _ended(process, number)
    assert "Interrupted. Finished runs are stored. Continue with: " in stderr
    found = json.loads(stdout)
    assert found["interrupted"] is True
    assert found["results"] == []  # its only run was not finished


@contextmanager
def _silent() -> Iterator[tuple[str, socket.socket]]:
    """(URL, socket) of a server that shakes no hand, so that no load begins."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"https://127.0.0.1:{listening.getsockname()[1]}/", listening


LOAD = ("load", "--rate", "40", "--timeout", "3000")
SEARCH = ("capacity", "--slo", "p99<100s", "--budget", "3600s")


@pytest.mark.parametrize("json_", [True, False], ids=["json", "text"])
@pytest.mark.parametrize("command", [LOAD, SEARCH], ids=lambda c: c[0])
@SIGNALS
def test_before_anything_was_measured(
    sandbox: Sandbox, command: tuple[str, ...], json_: bool, number: signal.Signals
) -> None:
    name, *options = command
    too_soon = _interrupted.TOO_SOON if name == "load" else _interrupted.TOO_SOON_FOR_A_PROBE
    with _silent() as (url, listening):
        process = sandbox.start(name, url, *options, *(["--json"] if json_ else []))
        listening.settimeout(LONG_S)
        with listening.accept()[0]:
            stdout, stderr = _ended(process, number, too_soon)
    assert stderr.splitlines() == [too_soon]
    if not json_:
        assert stdout == ""
        return
    found = json.loads(stdout)
    assert found["interrupted"] is True
    if name == "load":
        assert (found["requests"], found["unanswered"]) == (0, 0)
        assert found["response_ms"] is None
    else:
        (result,) = found["results"]
        assert (result["url"], result["confirmed"], result["probes"]) == (url, False, [])
        assert result["ended"] == _interrupted.NO_PROBE


def test_nothing_measured_has_the_keys_of_what_was(cli: Command) -> None:
    short = ("--rate", "40", "--duration", "0.2", "--json")
    search = ("--slo", "p99<5s", "--budget", "3s", "--json")
    with Endpoint(echo) as endpoint:
        whole = json.loads(cli("load", endpoint.url, *short).stdout)
        found = json.loads(cli("capacity", endpoint.url, *search).stdout)
    assert _interrupted.load().keys() == whole.keys() - {"insecure"} | {"unanswered"}
    (result,) = found["results"]
    assert _interrupted.search().keys() | {"url", "addresses"} == result.keys()


def test_what_was_answered_is_recorded(sandbox: Sandbox) -> None:
    async def some(endpoint: Endpoint, body: bytes, writer: Writer) -> bool:
        if len(endpoint.requests) > 5:
            await endpoint.let_go.wait()
        writer.write(message(b'{"predictions": [{"label": "noop"}]}'))
        return True

    kept = sandbox.root / "kept.jsonl"
    asked = ("--protocol", "json", "--benchmark", "noop", "--output", str(kept))
    with Endpoint(some) as endpoint:
        process = sandbox.start("record", "--url", endpoint.url, *asked)
        until_while(process, lambda: len(endpoint.requests) > 5)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=LONG_S)
        endpoint.release()
    lines = kept.read_text().splitlines()
    assert process.returncode == 130
    assert 0 < len(lines) <= 5
    assert stdout == f"{len(lines)} answers in {kept}\n"
    assert stderr == "Interrupted. The answers so far are in the file.\n"
    assert {json.loads(line)["answer"]["label"] for line in lines} == {"noop"}
