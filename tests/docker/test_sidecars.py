"""A component beside a server in a container: reached there alone, kept alive, counted, removed."""

from __future__ import annotations

import socket
import tempfile

import pytest
from docker import DockerClient
from docker.models.containers import Container

from harness.measure.launch.containers import engine as engines
from tests.docker.conftest import everything
from tests.docker.containers import launched, predict, ready
from tests.system.sandbox import SERVER, Sandbox, until, variant

pytestmark = pytest.mark.slow
NAMES = {"serving-harness-_redis-docker", "serving-harness-_redis-docker-redis"}
# Waits for its Redis as every server does, and is the fake then.
GO = """\
import os, sys
from components import Supervisor, redis
print("redis at", redis(Supervisor(), "--maxmemory", "8mb"), flush=True)
os.execv(sys.executable, [sys.executable, "app.py"])
"""
PING = """\
import socket
with socket.create_connection(("127.0.0.1", 6379)) as sock:
    sock.sendall(b"PING\\r\\n")
    print(sock.recv(16).decode())
"""


@pytest.fixture(autouse=True)
def with_redis(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sandbox has a server that needs a Redis."""
    for name, value in sandbox.settings.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(tempfile, "tempdir", None)
    table = variant("_redis", 'command = ["{bin}/python", "go.py"]', 'components = ["redis"]')
    sandbox.add_server("_redis", SERVER + table, go_py=GO)


def _in(engine: DockerClient, what: str, *command: str) -> str:
    """What a command in the container that is labelled so says."""
    (found,) = engine.containers.list(filters={"label": f"{engines.LABEL}={what}"})
    output = found.exec_run(list(command))[1]
    assert isinstance(output, bytes)
    return output.decode().strip()


def _names(engine: DockerClient) -> set[str]:
    return {container.name or "" for container in everything(engine)}


def test_it_is_reached_by_its_server_alone_and_comes_back_with_what_it_kept(
    sandbox: Sandbox, engine: DockerClient
) -> None:
    volumes = len(engine.volumes.list())
    with launched(sandbox, "_redis") as server:
        assert predict(ready(server)).json()["predictions"]
        assert _names(engine) == NAMES
        (sidecar,) = engine.containers.list(filters={"label": f"{engines.LABEL}=sidecar"})
        _has_no_rights(sidecar)
        assert _in(engine, "server", "/opt/venv/bin/python", "-c", PING) == "+PONG"
        with pytest.raises(OSError, match="refused"):
            socket.create_connection((server.host, 6379), 5.0)
        assert _in(engine, "sidecar", "redis-cli", "set", "kept", "well") == "OK"
        seen = server.sample(pss=True)
        assert seen is not None
        assert seen["processes"] == 4  # two inits, the server and Redis
        _in(engine, "sidecar", "sh", "-c", "kill -KILL $(pidof redis-server)")
        until(lambda: _started_again(sidecar) and _kept(engine) == "well")
        limit = _in(engine, "sidecar", "redis-cli", "config", "get", "maxmemory")
        assert limit.split() == ["maxmemory", str(8 << 20)]  # the server's own, kept as well
        later = server.sample(pss=False)
        assert later is not None
        assert later["cpu_ns"] > seen["cpu_ns"]
        server.stop()
        log = server.log.read_text()
        assert "redis at redis://127.0.0.1:6379\n" in log
        assert "-- redis, in a container of its own, started again 1 times:" in log
        assert server.container is not None
        assert server.container.memory_limit_bytes == (4096 + 512) << 20
    assert _names(engine) == set()
    assert len(engine.volumes.list()) == volumes


def _has_no_rights(sidecar: Container) -> None:
    host = sidecar.attrs["HostConfig"]
    assert sidecar.attrs["Config"]["User"] == "10001"
    assert (host["CapDrop"], host["ReadonlyRootfs"]) == (["ALL"], True)
    assert host["Memory"] == host["MemorySwap"] == 512 << 20


def _started_again(sidecar: Container) -> bool:
    sidecar.reload()
    return bool(sidecar.attrs["RestartCount"] == 1 and sidecar.status == "running")


def _kept(engine: DockerClient) -> str:
    return _in(engine, "sidecar", "redis-cli", "get", "kept")


def test_a_killed_harness_takes_both_along(sandbox: Sandbox, engine: DockerClient) -> None:
    process = sandbox.start("run", "_redis@docker", "--campaign", "c", "--rounds", "9")
    until(lambda: _names(engine) == NAMES)
    process.kill()
    process.communicate()
    until(lambda: not _names(engine))


def test_its_image_is_built_with_the_server_s(sandbox: Sandbox, engine: DockerClient) -> None:
    done = sandbox.harness("images", "_redis", "_fake", "--benchmark", "noop")
    assert done.returncode == 0, done.stderr
    names = [line.partition(":")[0] for line in done.stdout.split()]
    assert names == [
        *("serving-harness/redis-onnx-noop", "serving-harness/redis"),
        "serving-harness/fake-onnx-noop",
    ]
    assert engine.images.get(done.stdout.split()[1]).labels[engines.LABEL] == "image"
