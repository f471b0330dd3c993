"""What a server's container may do, what is seen of it, and how it ends."""

from __future__ import annotations

import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from docker import DockerClient

from harness.base.errors import LaunchError
from harness.measure.launch.containers import engine as engines
from harness.windows.samples import MISSING
from tests.docker.conftest import everything
from tests.docker.containers import CPU, answers, launched, predict, ready
from tests.system.sandbox import SERVER, Sandbox, until, variant

pytestmark = pytest.mark.slow
HOG = """\
import os, time
held = bytearray(256 << 20)
time.sleep(60)
"""
# A child takes too much, is killed for it, and the server goes on.
CARELESS = """\
import os, subprocess, sys
subprocess.run([sys.executable, "-c", "bytearray(256 << 20)"])
print("went on", flush=True)
os.execv(sys.executable, [sys.executable, "app.py"])
"""


@pytest.fixture(autouse=True)
def _settings(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)


def _inspected(engine: DockerClient) -> dict[str, Any]:
    (container,) = engine.containers.list(all=True, filters={"label": f"{engines.LABEL}=server"})
    return dict(container.attrs)


def _sh(engine: DockerClient, command: str) -> tuple[int | None, str]:
    """A command of the container's own user in it."""
    (container,) = engine.containers.list(filters={"label": f"{engines.LABEL}=server"})
    code, output = container.exec_run(["sh", "-c", command])
    assert isinstance(output, bytes)
    return code, output.decode()


def test_it_serves_and_is_seen_from_inside_and_outside(sandbox: Sandbox) -> None:
    with launched(sandbox, "_fake") as server:
        assert predict(ready(server)).json()["predictions"]
        (process,) = server.calls().processes
        assert len(process.rows) == 1
        seen = server.sample(pss=True)
        assert seen is not None
        assert seen["cpu_ns"] > 0
        assert 5e6 < seen["pss_bytes"] < 1.1 * seen["rss_bytes"]  # the kernel counts RSS late
        assert 1e6 < seen["memory_bytes"] < 4096 << 20
        assert seen["processes"] == 2  # the init, and the server
        assert server.sample(pss=False) is not None
        assert (server.sample(pss=False) or {})["pss_bytes"] == MISSING
        before = seen["cpu_ns"]

        def grown() -> bool:
            predict(server)
            return (server.sample(pss=False) or {})["cpu_ns"] > before

        until(grown)


def test_two_networks_of_its_name_are_no_trouble(sandbox: Sandbox, engine: DockerClient) -> None:
    first, _ = engines.network(engine)
    second = engine.networks.create(
        engines.NETWORK, internal=True, labels={engines.LABEL: "network"}
    )
    with launched(sandbox, "_fake") as server:
        assert predict(ready(server)).json()["predictions"]
        (place,) = _inspected(engine)["NetworkSettings"]["Networks"].values()
        assert place["NetworkID"] == first.id
    assert second.id not in {network.id for network in engine.networks.list()}


def test_harnesses_that_begin_at_the_same_moment_share_one_network(
    engine: DockerClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "NETWORK", f"harness-test-{time.monotonic_ns()}")
    with ThreadPoolExecutor(4) as pool:
        got = {found.id for found, _ in pool.map(engines.network, [engine] * 4)}
    left = engine.networks.list(names=[engines.NETWORK])
    for network in left:
        network.remove()
    assert {network.id for network in left} == got
    assert len(left) == 1


def test_it_has_no_rights(sandbox: Sandbox, engine: DockerClient) -> None:
    with launched(sandbox, "_fake") as server:
        ready(server)
        status = _sh(engine, "cat /proc/self/status")[1]
        told = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
        assert told["Uid"].split()[0] == "10001"
        assert int(told["CapEff"], 16) == int(told["CapBnd"], 16) == 0
        assert told["NoNewPrivs"] == "1"
        assert told["Cpus_allowed_list"] == str(CPU)
        host = _inspected(engine)["HostConfig"]
        assert host["ReadonlyRootfs"] is True
        assert host["Memory"] == host["MemorySwap"] == 4096 << 20
        assert host["PidsLimit"] == 1024
        for place in ("/app/servers", "/opt/venv", "/etc", "/home"):
            assert "Read-only" in _sh(engine, f"touch {place}/x")[1]
        assert _sh(engine, "touch /tmp/x && test -x /opt/venv/bin/python")[0] == 0


def test_nobody_but_this_machine_reaches_it_and_it_reaches_nobody(
    sandbox: Sandbox, engine: DockerClient
) -> None:
    with launched(sandbox, "_fake") as server:
        assert ready(server).exposed() == ()
        assert _inspected(engine)["HostConfig"]["PortBindings"] in (None, {})
        connect = "import socket; socket.create_connection(('1.1.1.1', 53), 2)"
        code, said = _sh(engine, f'/opt/venv/bin/python -c "{connect}"')
        assert code == 1
        assert "Error" in said


def test_it_stops_by_its_signal_and_nothing_is_left(sandbox: Sandbox, engine: DockerClient) -> None:
    with launched(sandbox, "_fake") as server:
        ready(server)
        stop = server.stop()
        assert (stop.exit_code, stop.killed) == (143, 0)
        assert "fake: listening" in server.log.read_text()
        facts = server.container
        assert facts is not None
        assert facts.reached == "container"
        assert (facts.memory_peak_bytes or 0) > 1e6
        assert (facts.throttled_s, facts.out_of_memory) == (0.0, 0)
    assert everything(engine) == []


def test_one_that_ends_at_its_start_says_how(sandbox: Sandbox) -> None:
    with launched(sandbox, "_fake-dies-at-start") as server:
        assert until(server.exited) == "its container ended with exit code 3"
        server.stop()
        assert "no model to be found, on purpose" in server.log.read_text()


def test_one_that_takes_too_much_memory_is_named_with_its_limit(sandbox: Sandbox) -> None:
    table = variant("_hog", 'command = ["{bin}/python", "hog.py"]', "memory_mib = 64")
    sandbox.add_server("_hog", SERVER + table, hog_py=HOG)
    with launched(sandbox, "_hog") as server:
        said = until(server.exited)
        assert said is not None
        assert said.startswith("the kernel's out-of-memory killer ended it: it may use 64 MiB")
        server.stop()
        assert server.container is not None
        assert (server.container.out_of_memory or 0) >= 1


def test_a_killed_child_is_counted_while_the_server_goes_on(sandbox: Sandbox) -> None:
    table = variant("_careless", 'command = ["{bin}/python", "go.py"]', "memory_mib = 96")
    sandbox.add_server("_careless", SERVER + table, go_py=CARELESS)
    with launched(sandbox, "_careless") as server:
        assert answers(ready(server))
        server.stop()
        assert server.container is not None
        assert server.container.out_of_memory == 1
        assert 90 << 20 <= (server.container.memory_peak_bytes or 0) <= 96 << 20


def test_a_process_in_it_can_be_killed_by_its_own_id(sandbox: Sandbox) -> None:
    with launched(sandbox, "_fake") as server:
        predict(ready(server))
        (pid,) = server.calls().latest()
        server.kill(pid)
        assert until(server.exited) == "its container ended with exit code 137"


def test_a_foreign_container_of_its_name_is_named(sandbox: Sandbox, engine: DockerClient) -> None:
    with launched(sandbox, "_fake") as server:
        tag = server.image
    foreign = engine.containers.create(tag, name="serving-harness-_fake-docker", command=["true"])
    try:
        with (
            pytest.raises(LaunchError, match="docker rm --force serving-harness-_fake-docker"),
            launched(sandbox, "_fake"),
        ):
            pass
    finally:
        foreign.remove(force=True)


def test_what_a_killed_harness_left_is_removed_by_the_next(
    sandbox: Sandbox, engine: DockerClient
) -> None:
    with launched(sandbox, "_fake") as server:
        tag = server.image
    labels = {engines.LABEL: "server", engines.OWNER: "999999999:1.00"}
    name = "serving-harness-_fake-docker"
    engine.containers.run(tag, ["sleep", "60"], name=name, labels=labels, detach=True)
    with launched(sandbox, "_fake") as server:
        assert answers(ready(server))


def test_ports_are_published_on_loopback_where_its_address_is_out_of_reach(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_is_here", lambda _: False)
    with launched(sandbox, "_fake") as server:
        assert server.host == "127.0.0.1"
        assert predict(ready(server)).is_success
        assert server.exposed() == ()
        server.stop()
        assert server.container is not None
        assert server.container.reached == "published"


def test_one_that_ends_at_its_start_says_how_there_too(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines, "_is_here", lambda _: False)
    with launched(sandbox, "_fake-dies-at-start") as server:
        assert until(server.exited) == "its container ended with exit code 3"


def test_without_a_gpu_it_says_what_is_missing(engine: DockerClient) -> None:
    reason = engines.why_no_gpu(engine)
    if Path("/dev/nvidiactl").exists():
        assert reason is None or "nvidia-container-toolkit" in reason
    else:
        assert reason is not None
        assert "no NVIDIA GPU with a working driver was found" in reason
