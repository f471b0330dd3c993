"""Cloud Run's contract: instances as requests come, each with its CPU only while it has one."""

from __future__ import annotations

import asyncio
import socket
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any

import httpx
import pytest
from docker import DockerClient

from harness.measure.launch.functions.container_instances import ContainerInstance
from harness.measure.launch.functions.launched import LaunchedFront
from harness.measure.launch.launchers import cloud_run
from harness.measure.launch.launchers.cloud_run import CloudRunLauncher
from tests.docker.conftest import everything
from tests.docker.containers import launched_by, predict, ready
from tests.system.sandbox import Sandbox, until, until_while, variant

pytestmark = pytest.mark.slow
# A thread that never stops computing, beside the fake.
BUSY = (
    "import threading, runpy; "
    "threading.Thread(target=exec, args=('while 1: pass',), daemon=True).start(); "
    "runpy.run_path('app.py', run_name='__main__')"
)
FUNCTION = """
[variant.function]
memory_mib = 256
concurrency = 80
most_instances = 2
idle_s = 3
"""


@pytest.fixture(autouse=True)
def _settings(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """All from one image: only what it is told differs."""
    table = sandbox.servers / "_fake" / "server.toml"
    more = [
        variant("_busy", f'command = ["{{bin}}/python", "-c", "{BUSY}"]') + FUNCTION,
        variant("_slow", 'environment = { FAKE_DELAY_MS = "2000" }') + FUNCTION,
        variant("_deaf", 'environment = { HARNESS_HOST = "127.0.0.1" }') + FUNCTION,
    ]
    table.write_text(table.read_text() + "".join(more))
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)


@contextmanager
def service(sandbox: Sandbox, name: str) -> Iterator[LaunchedFront]:
    with launched_by(CloudRunLauncher(), "cloud-run", sandbox, name) as server:
        assert isinstance(server, LaunchedFront)
        yield server


@contextmanager
def at_once(server: LaunchedFront, count: int) -> Iterator[list[bytes]]:
    """Requests that are sent now, and whose answers are there at the end."""
    body = b'{"instances": ["a"]}'
    head = f"POST /predict HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n"
    answers: list[bytes] = []
    with ExitStack() as stack:
        place = (server.host, server.port)
        socks = [stack.enter_context(socket.create_connection(place)) for _ in range(count)]
        for sock in socks:
            sock.sendall(f"{head}Connection: close\r\n\r\n".encode() + body)
        yield answers
        for sock in socks:
            answers.append(b"".join(iter(partial(sock.recv, 65536), b"")))


def numbers(server: LaunchedFront) -> list[int]:
    return [each.number for each in server.control.instances()]


def test_instances_come_with_requests_and_go_when_there_are_none(
    sandbox: Sandbox, engine: DockerClient
) -> None:
    with service(sandbox, "_slow") as server:
        assert numbers(server) == []
        assert predict(ready(server)).json()["predictions"]
        with at_once(server, 60) as answers:
            assert numbers(server) == [1], "it takes 80 at a time"
            (container,) = everything(engine)
            host = container.attrs["HostConfig"]
            assert (host["Memory"], host["CpuQuota"]) == (256 << 20, 100_000)
            assert (host["ReadonlyRootfs"], host["CapDrop"]) == (True, ["ALL"])
            assert server.exposed() == ()
            with at_once(server, 60) as more:
                until(lambda: numbers(server) == [1, 2])
        assert len(answers) == len(more) == 60
        assert all(b"200 OK" in answer and b"predictions" in answer for answer in answers + more)
        seen = server.sample(pss=True)
        assert seen is not None
        assert seen["cpu_ns"] > 0
        until(lambda: not numbers(server) and not everything(engine))
        assert predict(server).is_success
        assert numbers(server) == [3]
        later = server.sample(pss=False)
        assert later is not None
        assert later["cpu_ns"] > seen["cpu_ns"], "what has ended stays counted"
        rows = server.control.invocations(0, time.monotonic_ns())
        assert set(rows.status.tolist()) == {200}
        assert int(rows.cold.sum()) >= 2
        assert (rows.init_ns[rows.cold == 1] > 0).all()
    assert everything(engine) == []


def test_between_requests_it_has_about_no_cpu(sandbox: Sandbox) -> None:
    with service(sandbox, "_busy") as server:
        predict(ready(server))
        time.sleep(1.5)  # the engine pauses it a second after its last request
        used, began = cpu_s(server), time.monotonic()
        time.sleep(1.0)
        assert cpu_s(server) - used < 0.1 * (time.monotonic() - began)
        with httpx.Client(trust_env=False) as client:
            url = f"http://{server.host}:{server.port}/predict"
            answers = [client.post(url, content='{"instances": ["a"]}') for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200] * 5
        assert cpu_s(server) > used


def test_where_its_group_can_t_be_written_the_engine_pauses_it(
    sandbox: Sandbox, engine: DockerClient
) -> None:
    with service(sandbox, "_busy") as server:
        predict(ready(server))
        (container,) = everything(engine)
        order: Any = SimpleNamespace(bridged=False, ports=(8080,))

        async def paused() -> None:
            instance = ContainerInstance(1, order, container)
            await instance.pause()
            used, began = cpu_s(server), time.monotonic()
            await asyncio.sleep(0.5)
            assert cpu_s(server) - used < 0.1 * (time.monotonic() - began)
            await instance.unpause()
            await asyncio.to_thread(predict, server)
            container.kill()
            ended = await instance.ended()
            assert (ended.code, ended.out_of_memory) == (-9, False)

        asyncio.run(paused())


def cpu_s(server: LaunchedFront) -> float:
    seen = server.sample(pss=False)
    assert seen is not None
    return seen["cpu_ns"] / 1e9


def test_one_that_does_not_listen_for_others_in_time_is_said(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cloud_run, "LISTEN_S", 2.0)
    with service(sandbox, "_deaf") as server:
        answer = predict(server)
        assert answer.status_code == 503
        said = until(server.exited)
        assert said is not None
        assert "PORT=8080 environment variable within 2 s; it must do so on 0.0.0.0" in said
        assert said in answer.text


def test_one_that_ends_at_its_start_says_how(sandbox: Sandbox) -> None:
    with service(sandbox, "_fake-dies-at-start") as server:
        assert "its container ended with exit code 3" in predict(server).text
        server.stop()
        assert "no model to be found, on purpose" in server.log.read_text()


def test_a_killed_harness_takes_its_instances_along(sandbox: Sandbox, engine: DockerClient) -> None:
    words = ("run", "_fake@cloud-run", "--campaign", "c", "--rounds", "9")
    process = sandbox.start(*words)
    until_while(process, lambda: everything(engine))
    process.kill()
    process.communicate()
    until(lambda: not everything(engine))
    until(lambda: not sandbox.processes())
