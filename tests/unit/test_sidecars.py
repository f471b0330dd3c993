"""What is beside a server in a container: its figures, and that it runs as it does without one."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from components import redis

from harness.measure.launch.containers import groups
from harness.measure.launch.containers.cgroup import Cgroup
from harness.measure.launch.containers.groups import Lasting
from harness.measure.launch.launchers.ports import free_ports
from harness.setup import components
from harness.setup.catalog import Server
from harness.setup.components import COMPONENTS

SHARED = Path(__file__).parents[2] / "servers" / "shared" / "components.py"
NOBODY: Any = None  # to start a program: one that runs already is used
PERSISTENT = ("save", "appendonly", "appendfsync", "maxmemory-policy")


def _group(folder: Path, cpu_us: int, memory: int) -> Cgroup:
    """A control group of version 2 as files, which uses that much."""
    folder.mkdir(exist_ok=True)
    files = {
        "cpu.stat": f"usage_usec {cpu_us}\nthrottled_usec 5\n",
        "memory.current": str(memory),
        "memory.stat": "inactive_file 0\n",
        "memory.peak": str(2 * memory),
        "memory.events": "oom_kill 1\n",
        "cgroup.procs": "",
    }
    for name, text in files.items():
        (folder / name).write_text(text)
    return Cgroup(version=2, cpu=folder, cpuacct=folder, memory=folder)


def test_what_is_beside_a_server_counts_as_its_own_also_after_it_died(tmp_path: Path) -> None:
    own = _group(tmp_path / "own", 100, 1000)
    beside = [Lasting(_group(tmp_path / "beside", 70, 500))]

    def seen() -> tuple[int, int]:
        found = groups.sample(own, beside, pss=False)
        assert found is not None
        return found["cpu_ns"], found["memory_bytes"]

    assert seen() == (170_000, 1500)
    for file in (tmp_path / "beside").iterdir():  # it died: its group is gone
        file.unlink()
    assert seen() == (170_000, 1000)
    _group(tmp_path / "beside", 7, 400)
    assert seen() == (177_000, 1400)
    _group(tmp_path / "beside", 90, 400)
    assert seen() == (260_000, 1400)
    assert groups.counts(own, beside) == (2800, 15e-6, 3)
    for file in (tmp_path / "own").iterdir():  # the server has ended
        file.unlink()
    assert groups.sample(own, beside, pss=False) is None
    assert groups.counts(own, beside) == (None, None, None)


def test_a_server_is_told_where_it_is() -> None:
    assert components.beside(("redis",)) == {"HARNESS_REDIS_URL": "redis://127.0.0.1:6379"}
    assert components.beside(()) == {}


def test_redis_keeps_the_same_in_a_container_as_in_a_process() -> None:
    words, settings = _in_its_image()
    there = dict(zip(words[2::2], words[3::2], strict=True))
    here = dict(re.findall(r'"--([a-z-]+)", "([^"]*)"', SHARED.read_text()))
    assert {n: there[f"--{n}"] for n in PERSISTENT} == {n: here[n] for n in PERSISTENT}
    megabytes = int(settings.removeprefix("maxmemory ").removesuffix("mb"))
    assert megabytes < COMPONENTS["redis"].memory_mib  # it refuses before the kernel ends it


@pytest.mark.skipif(components.place("redis") is None, reason="there is no redis-server")
def test_a_server_s_own_limit_holds_in_a_container_also_after_a_new_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (port,) = free_ports(1, "127.0.0.1")
    words, settings = _in_its_image()
    (tmp_path / "redis.conf").write_text(f"{settings}\n")
    command = [word.replace("/data", str(tmp_path)).replace("6379", str(port)) for word in words]
    monkeypatch.setenv("HARNESS_REDIS_URL", f"redis://127.0.0.1:{port}")
    with _running(command):
        redis(NOBODY, "--maxmemory", "8mb")
        assert _limit(port) == 8 << 20
        with pytest.raises(RuntimeError, match="refuses CONFIG SET maxmemory much: -ERR"):
            redis(NOBODY, "--maxmemory", "much")
    with _running(command):
        assert redis(NOBODY) == f"redis://127.0.0.1:{port}"
        assert _limit(port) == 8 << 20


def _in_its_image() -> tuple[list[str], str]:
    """(the command of its container, what its file has at first)."""
    text = Server.component("redis").read_text()
    command = re.search(r"^CMD (.*)", text, re.M | re.S)
    settings = re.search(r'echo "(.*)" > /data/redis.conf', text)
    assert command is not None
    assert settings is not None
    words: list[str] = json.loads(command[1].replace("\\\n", ""))
    return words, settings[1]


@contextmanager
def _running(command: list[str]) -> Iterator[None]:
    """Until it is killed, as it is where its container has too little memory."""
    with subprocess.Popen([str(components.place("redis")), *command[1:]]) as process:
        try:
            yield
        finally:
            process.kill()


def _limit(port: int) -> int:
    """The memory that a Redis may use, by its own word."""
    with socket.create_connection(("127.0.0.1", port), 10.0) as sock, sock.makefile("rb") as file:
        sock.sendall(b"CONFIG GET maxmemory\r\n")
        return int([file.readline() for _ in range(5)][-1])
