"""`harness pipeline`: each version replaces the one before under load, or leaves it as it is."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from harness.base import paths
from harness.base.errors import NothingRan
from harness.cli import _interrupted
from harness.measure.pipeline import front
from harness.measure.pipeline.front import Front, FrontOrder
from harness.measure.talk.ask import over_http
from harness.measure.talk.target import target
from harness.protocols import Message
from harness.setup import components
from tests.system.conftest import Command
from tests.system.endpoints import Behaviour, Endpoint, Writer, message
from tests.system.sandbox import LONG_S, SERVER, Sandbox, variant

pytestmark = pytest.mark.slow

# What the builds and the servers of some versions do.
BUILD = """
import os, pathlib, sys, time
version = int(os.environ.get("HARNESS_ARTEFACT_VERSION", "1"))
if version == 2:
    sys.exit("no data for version 2")
if version == 3:
    time.sleep(1000)
pathlib.Path(sys.argv[1], "label").write_text(f"noop-{version}")
"""
START = """
import os, pathlib, runpy
label = pathlib.Path(os.environ["HARNESS_ARTEFACT"], "label").read_text()
faults = {"noop-4": "never-ready", "noop-5": "wrong"}
os.environ["FAKE_FAULT"] = faults.get(label, "")
runpy.run_path("app.py", run_name="__main__")
"""
LOAD = ("--rate", "50", "--retries", "0", "--json")


@pytest.fixture
def shop(sandbox: Sandbox) -> Sandbox:
    """With a benchmark that has versions, and a server that fails with some."""
    own = paths.PROJECT / "benchmarks" / "noop"
    shutil.copy(own / "predictor.py", sandbox.benchmarks / "noop")
    (sandbox.benchmarks / "noop" / "build.py").write_text(BUILD)
    table = variant(
        "shop",
        'command = ["{bin}/python", "start.py"]',
        "ready_timeout_s = 3.0",
        'environment = { FAKE_DRAINS = "1" }',
    )
    sandbox.add_server("shop", SERVER + table, start_py=START)
    return sandbox


def told_of(process: subprocess.Popen[str], said: str) -> None:
    """Read what it prints until that line."""
    assert process.stderr is not None
    seen = []
    for line in process.stderr:
        seen.append(line)
        if line.startswith(said):
            return
    raise AssertionError(f"it ended with {process.wait(LONG_S)}: {seen}")


def ended(process: subprocess.Popen[str]) -> dict[str, Any]:
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=LONG_S)
    assert process.returncode == 130, stderr
    assert stderr.splitlines()[-1] == _interrupted.CUT_SHORT
    found: dict[str, Any] = json.loads(stdout)
    assert list(found) == list(_interrupted.pipeline())
    assert found["interrupted"]
    return found


def test_what_fails_leaves_the_old_service_up_and_nothing_is_lost(shop: Sandbox) -> None:
    hour = ("--every", "0.2s", "--for", "1h", "--train-timeout", "2s")
    process = shop.start("pipeline", "noop", "--server", "shop", *hour, *LOAD)
    told_of(process, "version 7 serves")
    found = ended(process)
    assert found["lost"] == 0
    assert found["errors"] == {}
    assert found["requests"] == found["ok"] > 0
    assert (found["replaced"], found["failed"]) >= (2, 4)
    runs = {run["version"]: run for run in found["runs"]}
    problems = {version: run["problem"] for version, run in runs.items() if not run["serves"]}
    assert "noop/build.py failed with exit code 1; it printed: no data for" in problems[2]
    assert "noop/build.py had not ended after 2 s and was ended" in problems[3]
    assert "It did not get ready within 3 s" in problems[4]
    assert "Its first answer is not the reference's" in problems[5]
    assert [runs[version]["replaced"] for version in (1, 6, 7)] == [None, 1, 6]
    change = runs[7]["load"]["change"]
    assert change["lost"] == runs[7]["lost"] == 0
    assert 0 <= runs[6]["last_old_s"] <= sum(runs[6]["seconds"].values())
    assert {"turn", "drain", "stop"} <= runs[6]["seconds"].keys()
    assert found["front"]["through_ms"] > 0


def test_a_front_that_is_killed_ends_the_load_and_what_was_measured_is_kept(shop: Sandbox) -> None:
    (shop.benchmarks / "noop" / "build.py").write_text(
        BUILD.replace("version == 2", "False").replace("version == 3", "False")
    )
    hour = ("--every", "0.2s", "--for", "1h", "--json")
    process = shop.start("pipeline", "noop", "--server", "_fake", *hour)
    told_of(process, "version 2 serves")
    (front_,) = (line for line in shop.processes() if "nginx: master" in line)
    os.kill(int(front_.partition(":")[0]), signal.SIGKILL)
    stdout, stderr = process.communicate(timeout=LONG_S)
    assert process.returncode == 1, stderr
    assert "Traceback" not in stderr
    found = json.loads(stdout)
    assert found["problem"].startswith(
        "nginx, the front of the service, is gone: it was killed by signal 9: "
    )
    assert found["problem"].endswith("The load was ended; what was measured before is kept.")
    assert not found["interrupted"]
    assert found["requests"] >= found["ok"] > 0
    assert found["runs"][1]["serves"]
    assert shop.processes() == []


def test_it_ends_by_itself_and_prints_a_table(shop: Sandbox) -> None:
    (shop.benchmarks / "noop" / "build.py").write_text(
        BUILD.replace("version == 2", "False").replace("version == 3", "False")
    )
    arguments = ("pipeline", "noop", "--server", "_fake", "--every", "1.5s", "--for", "5s")
    done = shop.harness(*arguments, "--rate", "50")
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "pipeline   noop, _fake: 50/s for 5.0 s at /noop/v1/score"
    assert ", lost 0, sent again" in lines[2]
    assert lines[5].split()[:3] == ["version", "train", "s"]


def test_a_first_version_that_can_not_be_served_is_an_error(shop: Sandbox) -> None:
    (shop.benchmarks / "noop" / "build.py").write_text(BUILD.replace("version == 2", "version"))
    done = shop.harness("pipeline", "noop", "--server", "shop", *LOAD)
    assert done.returncode == 1
    assert done.stdout == ""
    said = done.stderr.splitlines()[-1]
    assert said.startswith("error: The first version can't be served: Version 1 of noop could not")


def test_a_signal_before_the_load_prints_what_there_is(shop: Sandbox) -> None:
    (shop.benchmarks / "noop" / "build.py").write_text(BUILD.replace("== 3", "== 1"))
    process = shop.start("pipeline", "noop", "--server", "shop", *LOAD)
    told_of(process, "version 1: training")
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=LONG_S)
    assert process.returncode == 130
    assert stderr.splitlines()[-1] == _interrupted.TOO_SOON
    found = json.loads(stdout)
    assert found["interrupted"]
    assert [run["problem"] for run in found["runs"]] in ([], ["It was interrupted."])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nop", "--server", "shop"), "There is no benchmark 'nop'. Did you mean 'noop'?"),
        (("noop", "--server", "shap"), "There is no variant 'shap'. Did you mean 'shop'?"),
        (("noop", "--server", "null"), "null is a reference point"),
        (("noop", "--server", "shop", "--every", "2m"), "--for must be longer than --every"),
        (("noop", "--server", "shop", "--every", "soon"), "'soon' is not a duration"),
        (("noop", "--server", "shop", "--rate", "nan"), "nan is not a finite number"),
        (("noop", "--server", "shop", "--rate", "1e12"), "of memory"),
        (("noop", "--server", "shop", "--retries", "-1"), "-1 is not in the range"),
        (("noop", "--server", "rpc"), "'v2-grpc'. Choose a --server with the protocol 'json'"),
        (("noop", "--server", "unable"), "unable can't serve noop: it can't."),
    ],
)
def test_bad_input_is_refused(
    shop: Sandbox, cli: Command, arguments: tuple[str, ...], said: str
) -> None:
    more = 'name = "rpc"\ntrack = "matched"\ndescription = "-"\nprotocol = "v2-grpc"\n'
    unable = variant("unable", 'without = { noop = "it can\'t." }')
    shop.add_server("more", f"{SERVER}[[variant]]\n{more}command = ['a']\n{unable}")
    done = cli("pipeline", *arguments)
    assert done.returncode == 2, done.stderr
    assert said in done.stderr
    assert done.stdout == ""


def test_a_benchmark_without_versions_is_refused(shop: Sandbox, cli: Command) -> None:
    (shop.benchmarks / "noop" / "build.py").unlink()
    done = cli("pipeline", "noop", "--server", "shop")
    assert done.returncode == 2
    assert "noop has one version of its model" in done.stderr


def test_without_nginx_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(components, "_BESIDE_PATH", "")
    components.why_not.cache_clear()
    try:
        with pytest.raises(
            NothingRan, match=r"needs nginx 1\.20 or later, .*: apt-get install nginx"
        ):
            front.require()
    finally:
        components.why_not.cache_clear()


def answering(text: str) -> Behaviour:
    async def behave(_: Endpoint, __: bytes, writer: Writer) -> bool:
        writer.write(message(text.encode()))
        return True

    return behave


def hanging_up() -> Behaviour:
    """Answers once on each connection; at the second request it hangs up instead."""
    asked: set[Writer] = set()

    async def behave(_: Endpoint, __: bytes, writer: Writer) -> bool:
        if writer not in asked:
            writer.write(message(b"yes"))
        again = writer in asked
        asked.add(writer)
        return not again

    return behave


def port_of(endpoint: Endpoint) -> int:
    return urlsplit(endpoint.url).port or 0


@pytest.fixture
def order(tmp_path: Path) -> FrontOrder:
    return FrontOrder(
        folder=tmp_path / "front", cpus=(0,), route="/a/v1/score", path="/predict", timeout_s=30
    )


def asked(front_: Front) -> str:
    goal = target(f"{front_.url}/a/v1/score", [Message(b"{}")], ())
    return over_http(goal, LONG_S).body.decode()


def test_a_front_turns_to_another_server(order: FrontOrder) -> None:
    with Endpoint(answering("old")) as old, Endpoint(answering("new")) as new:
        found = Front(order, port_of(old))
        try:
            assert asked(found) == "old"
            found.turn(port_of(new))
            found.drain()
            assert asked(found) == "new"
        finally:
            found.stop()


def test_a_server_that_hangs_up_between_requests_loses_none(order: FrontOrder) -> None:
    with Endpoint(hanging_up()) as server:
        found = Front(order, port_of(server))
        try:
            assert [asked(found) for _ in range(6)] == ["yes"] * 6
        finally:
            found.stop()
