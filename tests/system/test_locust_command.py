"""`--driver locust` from the command line, as a user meets it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator

import pytest

from harness.measure.launch.launchers.ports import free_ports
from tests.system import endpoints
from tests.system.conftest import Command
from tests.system.sandbox import BENCHMARK, LONG_S, Sandbox, until, until_while

pytestmark = pytest.mark.slow

PEOPLE = """
[[profile]]
name = "people"
shape = "users"
concurrency = 3
think_s = 0.05
duration_s = 0.5
"""


@pytest.fixture(scope="module")
def null_url() -> Iterator[str]:
    with endpoints.null_server() as (url, _):
        yield url


def test_load_by_locust_says_who_sent(cli: Command, null_url: str) -> None:
    done = cli("load", null_url, "--rate", "200", "--duration", "1", "--driver", "locust", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ok"] == found["requests"] == sum(w["requests"] for w in found["workers"])
    assert found["workers"]
    for worker in found["workers"]:
        assert worker["lost"] is None
        assert abs(worker["offset_us"]) <= worker["uncertainty_us"]


def test_a_person_is_told_of_the_workers_too(cli: Command, null_url: str) -> None:
    users = ("--concurrency", "2", "--think", "0.05")
    done = cli("load", null_url, *users, "--duration", "0.5", "--driver", "locust")
    assert done.returncode == 0, done.stderr
    assert "\nworker  " in done.stdout


def test_a_campaign_by_locust(sandbox: Sandbox) -> None:
    (sandbox.benchmarks / "noop" / "benchmark.toml").write_text(BENCHMARK + PEOPLE)
    done = sandbox.harness("run", "_fake", "--driver", "locust", "--campaign", "a", "--json")
    assert done.returncode == 0, done.stderr
    campaign = sandbox.campaign("a")
    assert campaign.driver == "locust"
    assert campaign.left_out == ()
    by_name = {cell.variant_name: run for cell, run in sandbox.runs("a").items()}
    fake = by_name["_fake"]
    for run in by_name.values():
        assert [w.facts.profile.name for w in run.profiles] == ["steady", "saturated", "people"]
        assert run.facts.failure is None
    for window in fake.profiles:
        assert window.requests.ok.all()
        assert sum(worker.requests for worker in window.facts.workers) == len(window.requests)
    assert fake.profiles[0].facts.checked
    # The very same requests, though nobody of Locust's was asked to send those of the floor.
    floor = by_name["in-process"].profiles[0].requests
    assert fake.profiles[0].requests.due_ns.tolist() == floor.due_ns.tolist()
    assert fake.profiles[0].requests.payload.tolist() == floor.payload.tolist()
    page = (sandbox.reports / "a" / "index.html").read_text()
    assert "each sent its share natively" in page
    assert f"clock of {fake.profiles[0].facts.workers[0].name}" in page
    assert "3 users, each asks, waits, and thinks for 0.05 s on average" in page


def test_servers_listen_where_other_machines_reach_them(sandbox: Sandbox) -> None:
    done = sandbox.harness("run", "_fake", "--listen", "127.0.0.7", "--campaign", "a")
    assert done.returncode == 0, done.stderr
    log = sandbox.runs("a")
    assert all(run.profiles for run in log.values())
    assert "--listen 127.0.0.7" in sandbox.campaign("a").command


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--driver", "wrk"], "There is no driver 'wrk'"),
        (["--workers", "2"], "go with --driver locust"),
        (["--master", "127.0.0.1:1"], "go with --driver locust"),
        (["--driver", "locust", "--master", "here"], "write HOST:PORT"),
        (["--listen", "203.0.113.7"], "not an IPv4 address of this machine"),
        (["--listen", "0.0.0.0"], "name one address"),
    ],
)
def test_what_cannot_be_asked_for(cli: Command, arguments: list[str], sentence: str) -> None:
    done = cli("run", "_fake", *arguments)
    assert done.returncode == 2
    assert sentence in done.stderr


def test_users_need_no_locust(cli: Command, null_url: str) -> None:
    users = ("--concurrency", "4", "--think", "0.05")
    done = cli("load", null_url, *users, "--duration", "2", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["ok"] == found["requests"]
    assert 80 < found["requests"] < 240  # 4 users, each some 20 times a second


def test_a_worker_without_a_master_is_told_so(cli: Command) -> None:
    (port,) = free_ports(1)
    assert cli("worker", "nowhere").returncode == 2
    done = cli("worker", f"127.0.0.1:{port}", "--cpus", "4096")
    assert done.returncode == 2
    assert "this process may only use" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=lambda s: s.name)
def test_an_ended_campaign_leaves_no_master_and_no_worker(
    sandbox: Sandbox, number: signal.Signals
) -> None:
    process = sandbox.start("run", "_fake", "--campaign", "c", "--driver", "locust")
    until_while(process, lambda: list(sandbox.results.glob("c/noop/*/round-*/run.json")))
    assert any("harness.measure.load.swarm" in line for line in sandbox.processes())
    process.send_signal(number)
    process.communicate(timeout=LONG_S)
    assert process.returncode == (130 if number == signal.SIGINT else -signal.SIGKILL)
    until(lambda: not sandbox.processes())
